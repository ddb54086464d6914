// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/neighbor_table.hpp"

#include <algorithm>

namespace strait::probe::dpdk {

NeighborId NeighborTable::add(const WireAddress& target, const WireAddress& source) {
  const auto found = std::ranges::find(neighbors_, target, &Neighbor::target);
  if (found != neighbors_.end()) return static_cast<NeighborId>(found - neighbors_.begin());
  Neighbor neighbor;
  neighbor.target = target;
  neighbor.source = source;
  neighbor.wait = timing_.first_retry;
  neighbor.due = MonoTime::min();
  neighbors_.push_back(neighbor);
  next_due_ = MonoTime::min();
  return static_cast<NeighborId>(neighbors_.size() - 1);
}

void NeighborTable::ask(Neighbor& neighbor, MonoTime now) {
  if (neighbor.unanswered >= timing_.tries && neighbor.state != State::lost) {
    neighbor.state = State::lost;
    ++losses_;
  }
  ++neighbor.unanswered;
  neighbor.due = now + neighbor.wait;
  neighbor.wait = std::min(2 * neighbor.wait, timing_.last_retry);
}

std::vector<NeighborTable::Request> NeighborTable::due(MonoTime now) {
  std::vector<Request> requests;
  if (now < next_due_) return requests;
  next_due_ = MonoTime::max();
  for (Neighbor& neighbor : neighbors_) {
    if (neighbor.due <= now) {
      const bool direct = neighbor.mac && neighbor.unanswered < timing_.unicast_tries;
      requests.push_back({static_cast<NeighborId>(&neighbor - neighbors_.data()), neighbor.target,
                          neighbor.source, direct ? neighbor.mac : std::nullopt});
      ask(neighbor, now);
    }
    next_due_ = std::min(next_due_, neighbor.due);
  }
  return requests;
}

std::optional<NeighborTable::Learned> NeighborTable::learn(const Claim& claim, MonoTime now) {
  const auto found = std::ranges::find(neighbors_, claim.address, &Neighbor::target);
  if (found == neighbors_.end()) return std::nullopt;
  const Learned none{static_cast<NeighborId>(found - neighbors_.begin()), Change::none};
  if (found->mac && found->mac != claim.mac && !claim.override) {
    found->due = now;
    next_due_ = std::min(next_due_, now);
    return none;
  }
  Learned learned = none;
  if (!found->mac) {
    learned.change = Change::resolved;
  } else if (found->mac != claim.mac) {
    learned.change = Change::moved;
  } else if (found->state == State::lost) {
    learned.change = Change::returned;
  }
  found->mac = claim.mac;
  found->state = State::reachable;
  found->unanswered = 0;
  found->wait = timing_.first_retry;
  found->due = now + timing_.refresh;
  // due() finds the earliest time itself; it only must not be asked too late.
  next_due_ = std::min(next_due_, found->due);
  return learned;
}

}  // namespace strait::probe::dpdk
