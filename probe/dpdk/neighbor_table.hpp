// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/clock.hpp"
#include "probe/dpdk/wire_address.hpp"

namespace strait::probe::dpdk {

using NeighborId = std::uint32_t;

struct NeighborTiming {
  Nanos first_retry = std::chrono::milliseconds{50};  // doubles up to last_retry
  Nanos last_retry = std::chrono::seconds{2};
  Nanos refresh = std::chrono::seconds{20};  // ask again this long after an answer
  unsigned tries = 4;                        // unanswered ones, until a neighbour counts as lost
  // The first of these go to the known address (RFC 1122 §2.3.2.1, RFC 4861 §7.3.3).
  unsigned unicast_tries = 2;
};

// How somebody says that an address is at a MAC address.
struct Claim {
  WireAddress address;
  MacAddress mac;
  bool override = true;  // may replace another MAC address (RFC 4861 §7.2.5); ARP always may
};

// The next hops of one station and how to reach them, by ARP or Neighbour Discovery. Knows no clock
// and no device: the caller sends what due() says and tells learn() what it hears. A known address
// is kept while it is asked for again, also when nobody answers: probes then get lost on the wire,
// where loss is counted.
class NeighborTable {
 public:
  enum class State : std::uint8_t { resolving, reachable, lost };
  enum class Change : std::uint8_t { none, resolved, moved, returned };

  struct Request {
    NeighborId neighbor;
    WireAddress target;
    WireAddress source;
    std::optional<MacAddress> to;  // the known address; absent: everybody is asked
  };
  struct Learned {
    NeighborId neighbor;
    Change change;
  };

  explicit NeighborTable(NeighborTiming timing = {}) : timing_{timing} {}

  // The neighbour with this address; `source` is the address to ask from, that of the first caller.
  NeighborId add(const WireAddress& target, const WireAddress& source);

  // The requests to send now, each counted as sent.
  [[nodiscard]] std::vector<Request> due(MonoTime now);
  [[nodiscard]] MonoTime next_due() const { return next_due_; }

  // Nothing for an address that nobody asked for. A claim that may not replace the known address
  // only has it asked for again.
  std::optional<Learned> learn(const Claim& claim, MonoTime now);

  [[nodiscard]] State state(NeighborId id) const { return neighbors_[id].state; }
  [[nodiscard]] std::optional<MacAddress> mac(NeighborId id) const { return neighbors_[id].mac; }
  [[nodiscard]] WireAddress address(NeighborId id) const { return neighbors_[id].target; }
  [[nodiscard]] std::size_t size() const { return neighbors_.size(); }
  // How often a neighbour stopped answering.
  [[nodiscard]] std::uint64_t losses() const { return losses_; }

 private:
  struct Neighbor {
    WireAddress target;
    WireAddress source;
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
