// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "probe/socket/fd.hpp"
#include "probe/socket/socket_transport.hpp"

namespace strait::probe::test {

// A far end for the tests, on a plain blocking-free UDP socket of the tests' own.
class UdpPeer {
 public:
  // Bound to `address` and a port that the kernel chooses.
  explicit UdpPeer(std::string_view address);

  [[nodiscard]] Endpoint endpoint() const { return endpoint_; }
  struct Datagram {
    std::vector<std::byte> payload;
    Endpoint from;
  };
  // Everything that is queued now.
  [[nodiscard]] std::vector<Datagram> receive();
  void send(std::span<const std::byte> payload, const Endpoint& to);
  // Sends back everything that is queued now; returns how many.
  std::size_t echo();

 private:
  kernel::Fd fd_;
  Endpoint endpoint_;
};

// An arrival with a copy of its payload, which it points to: it outlives the next receive().
struct Kept {
  Arrival arrival;
  std::vector<std::byte> payload;
};

// Receives until `enough` says so of all that has come, or until `timeout` has passed.
[[nodiscard]] std::vector<Kept> receive_until(
    Transport& transport, const std::function<bool(const std::vector<Kept>&)>& enough,
    std::chrono::milliseconds timeout = std::chrono::milliseconds{1000});

[[nodiscard]] std::size_t count_of(const std::vector<Kept>& arrivals, Arrival::Kind kind);
[[nodiscard]] const Arrival* first_of(const std::vector<Kept>& arrivals, Arrival::Kind kind);

[[nodiscard]] std::unique_ptr<SocketTransport> open_transport(SocketOptions options = {});
[[nodiscard]] FlowSpec udp_flow(const Endpoint& destination);
[[nodiscard]] FlowSpec echo_flow(std::string_view address);
// True when ICMP sockets are allowed here; otherwise warns, and the test returns.
[[nodiscard]] bool may_ping();
// Sends one probe with `tag`; true when it was taken.
bool send_one(Transport& transport, FlowId flow, std::uint32_t tag,
              std::span<const std::byte> payload, Stamp* sent = nullptr);

}  // namespace strait::probe::test
