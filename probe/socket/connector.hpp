// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "probe/socket/clock_bridge.hpp"
#include "probe/socket/fd.hpp"
#include "probe/socket/message_batch.hpp"
#include "probe/socket/probe_socket.hpp"
#include "probe/tcp_packet.hpp"
#include "probe/transport.hpp"

namespace strait::probe::kernel {

// The far end of a TCP flow, and what its packets carry.
struct TcpFar {
  Endpoint destination;
  Address source;  // raw sockets over IPv4: the checksum is over it
  std::uint8_t dscp = 0;
  std::uint8_t hop_limit = 255;
};

// TCP probes without CAP_NET_RAW: each is a connect() of a socket of its own, all of a flow from
// the same port. That it succeeds is a SYN-ACK, that it is refused an RST; the connection is reset
// at once. The times are those of this program, so they have its delays in them, and the sequence
// number is the kernel's. An attempt is given up before the kernel would send its SYN again (after
// a second, RFC 6298 §2.1): of a reply nobody could say which one it is to.
class Connector {
 public:
  static constexpr Nanos patience = std::chrono::milliseconds{900};

  // `epoll` outlives it: readable when receive() has something to do.
  [[nodiscard]] static Result<std::unique_ptr<Connector>> make(SocketKey key, int epoll,
                                                               std::uint16_t local_port);

  // What kept a probe from leaving.
  struct Failure {
    std::string_view step;  // the name in the counters of what failed; empty: connect() itself,
    int error = 0;          // with this errno: EALREADY while the flow's last attempt is undecided
  };
  // Nothing: it has begun.
  [[nodiscard]] std::optional<Failure> begin(Departure& departure, const TcpFar& far,
                                             ClockBridge& clock);

  // Replies, and ICMP errors that ended an attempt. Payloads stay valid until the next call.
  [[nodiscard]] std::size_t receive(std::span<Arrival> arrivals, ClockBridge& clock,
                                    TransportCounters& counters);

  void forget(FlowId flow) { attempts_.erase(flow); }

 private:
  using Number = std::array<std::byte, tcp_probe_size>;
  struct Attempt {
    Fd fd;
    Endpoint far;
    Number number{};  // what the probe would have as its sequence number
    MonoTime begun;
    std::optional<int> outcome;  // of a connect() that was decided at once
  };

  Connector(SocketKey key, int epoll, Fd timer, std::uint16_t local_port);
  [[nodiscard]] tl::expected<Fd, Failure> make_socket(const TcpFar& far) const;
  [[nodiscard]] bool read(FlowId flow, const Attempt& attempt, const ClockBridge& clock,
                          TransportCounters& counters, Arrival& arrival);
  [[nodiscard]] bool read_error(const Attempt& attempt, Arrival& arrival);
  void give_up(MonoTime now);
  void arm(MonoTime now);

  SocketKey key_;
  int epoll_;
  Fd timer_;
  std::uint16_t local_port_;
  std::map<FlowId, Attempt> attempts_;
  struct Begun {
    FlowId flow;
    MonoTime when;
  };
  std::deque<Begun> begun_;     // in order; those that are decided included
  std::deque<Number> numbers_;  // of the arrivals that the caller has
  MessageBatch errors_;
};

}  // namespace strait::probe::kernel
