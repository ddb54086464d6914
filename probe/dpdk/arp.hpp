// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/clock.hpp"
#include "probe/dpdk/frame.hpp"

namespace strait::probe::dpdk {

enum class ArpOperation : std::uint16_t { request = 1, reply = 2 };

// RFC 826, for Ethernet and IPv4.
struct ArpMessage {
  ArpOperation operation = ArpOperation::request;
  MacAddress sender_mac;
  Ipv4 sender;
  MacAddress target_mac;
  Ipv4 target;
};

inline constexpr MacAddress broadcast_mac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

// Nothing for what is no ARP for Ethernet and IPv4, is too short, or comes from a group address.
[[nodiscard]] std::optional<ArpMessage> read_arp(std::span<const std::byte> frame);
// Writes the shortest_frame octets of an Ethernet frame and returns that length.
std::size_t write_arp(const ArpMessage& message, const MacAddress& to, std::byte* frame);

// The reply to `message` if it asks for one of `local`.
[[nodiscard]] std::optional<ArpMessage> answer_arp(const ArpMessage& message,
                                                   std::span<const Ipv4> local,
                                                   const MacAddress& mac);

using NeighborId = std::uint32_t;

struct NeighborTiming {
  Nanos first_retry = std::chrono::milliseconds{50};  // doubles up to last_retry
  Nanos last_retry = std::chrono::seconds{2};
  Nanos refresh = std::chrono::seconds{20};  // ask again this long after an answer
  unsigned tries = 4;                        // unanswered ones, until a neighbour counts as lost
  unsigned unicast_tries = 2;  // the first of these go to the known address (RFC 1122 §2.3.2.1)
};

// The next hops of one port and how to reach them. Knows no clock and no device: the caller sends
// what due() says and tells learn() what it hears. A known address is kept while it is asked for
// again, also when nobody answers: probes then get lost on the wire, where loss is counted.
class NeighborTable {
 public:
  enum class State : std::uint8_t { resolving, reachable, lost };
  enum class Change : std::uint8_t { none, resolved, moved, returned };

  struct Request {
    NeighborId neighbor;
    Ipv4 target;
    Ipv4 source;
    MacAddress to;  // broadcast, or the known address
  };
  struct Learned {
    NeighborId neighbor;
    Change change;
  };

  explicit NeighborTable(NeighborTiming timing = {}) : timing_{timing} {}

  // The neighbour with this address; `source` is the address to ask from, that of the first caller.
  NeighborId add(const Ipv4& target, const Ipv4& source);

  // The requests to send now, each counted as sent.
  [[nodiscard]] std::vector<Request> due(MonoTime now);
  [[nodiscard]] MonoTime next_due() const { return next_due_; }

  // Somebody says that `address` is at `mac`. Nothing for an address that nobody asked for.
  std::optional<Learned> learn(const Ipv4& address, const MacAddress& mac, MonoTime now);

  [[nodiscard]] State state(NeighborId id) const { return neighbors_[id].state; }
  [[nodiscard]] std::optional<MacAddress> mac(NeighborId id) const { return neighbors_[id].mac; }
  [[nodiscard]] Ipv4 address(NeighborId id) const { return neighbors_[id].target; }
  [[nodiscard]] std::size_t size() const { return neighbors_.size(); }
  // How often a neighbour stopped answering.
  [[nodiscard]] std::uint64_t losses() const { return losses_; }

 private:
  struct Neighbor {
    Ipv4 target;
    Ipv4 source;
    State state = State::resolving;
    std::optional<MacAddress> mac;
    unsigned unanswered = 0;
    Nanos wait{};
    MonoTime due;
  };
  void ask(Neighbor& neighbor, MonoTime now);

  NeighborTiming timing_;
  std::vector<Neighbor> neighbors_;
  MonoTime next_due_ = MonoTime::max();
  std::uint64_t losses_ = 0;
};

}  // namespace strait::probe::dpdk
