// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "probe/passive/quic_header.hpp"
#include "probe/passive/spin_watch.hpp"

namespace strait::probe::passive {

// What is known of a QUIC connection beyond Flow; arrays are by the flow's sides.
struct QuicFlow {
  SpinWatch spin;
  std::int64_t asked = 0;     // the client's first Initial packet; 0: not seen
  std::int64_t answered = 0;  // the server's first packet behind that
  ConnectionId first;         // the destination that the client chose, or a Retry told it
  ConnectionId client;        // what each calls itself
  ConnectionId server;
  std::array<ConnectionId, 2> newest{};  // destinations of 1-RTT packets
  std::array<ConnectionId, 2> older{};
  std::array<bool, 2> destination_known{};
  std::uint32_t id_changes = 0;
  std::uint32_t ids_again = 0;  // packets with the ID before the newest
  std::uint32_t server_datagrams = 0;
  std::uint32_t server_initials = 0;
  std::uint8_t version = 0;  // 0: not seen
  bool asked_again = false;
  bool client_answered = false;
};

}  // namespace strait::probe::passive
