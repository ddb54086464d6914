// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "probe/passive/decode.hpp"

namespace strait::probe::passive {

// RFC 9000 section 17.2: 20 octets at most in the versions that are read here.
struct ConnectionId {
  std::array<std::byte, 20> octets{};
  std::uint8_t length = 0;

  friend bool operator==(const ConnectionId&, const ConnectionId&) = default;
};

// A client's datagram with an Initial packet has no less (RFC 9000 section 14.1), and the first
// destination that it chooses by itself has at least 8 octets (section 7.2).
inline constexpr std::uint32_t smallest_initial = 1200;
inline constexpr std::uint8_t shortest_first_destination = 8;

struct QuicLongHeader {
  ConnectionId destination;
  ConnectionId source;
};

// Of a UDP packet: whether it may be QUIC of version 1 or 2 (RFC 9000, RFC 9369), and which kind
// its first packet is. A short header says so little that its flow must be known by other means.
void decode_quic(Decoded& packet);

// What begins with a long header that decode_quic() has seen; nothing where not all is captured.
[[nodiscard]] std::optional<QuicLongHeader> quic_long_header(std::span<const std::byte> payload);
// The destination in a short header, of a length that was agreed before.
[[nodiscard]] std::optional<ConnectionId> quic_destination(std::span<const std::byte> payload,
                                                           std::uint8_t length);
// RFC 9000 section 17.3.1: the third bit.
[[nodiscard]] inline bool spin_bit(std::span<const std::byte> payload) {
  return (payload.front() & std::byte{0x20}) != std::byte{0};
}
[[nodiscard]] inline bool fixed_bit(std::span<const std::byte> payload) {
  return (payload.front() & std::byte{0x40}) != std::byte{0};
}

}  // namespace strait::probe::passive
