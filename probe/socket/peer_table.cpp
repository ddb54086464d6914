// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/peer_table.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace strait::probe::kernel {
namespace {

constexpr std::size_t fewest = 16;

}  // namespace

std::size_t PeerTable::place_of(const PeerKey& peer) const {
  std::size_t place = home(peer);
  while (entries_[place].flow != no_flow && entries_[place].peer != peer) place = after(place);
  return place;
}

void PeerTable::grow() {
  const auto old =
      std::exchange(entries_, std::vector<Entry>(std::max(fewest, entries_.size() * 2)));
  for (const Entry& entry : old) {
    if (entry.flow != no_flow) entries_[place_of(entry.peer)] = entry;
  }
}

void PeerTable::add(const PeerKey& peer, FlowId flow) {
  if ((size_ + 1) * 2 > entries_.size()) grow();
  Entry& entry = entries_[place_of(peer)];
  assert(entry.flow == no_flow);
  entry = {peer, flow};
  ++size_;
}

// What was pushed past the place that becomes free moves back, so that no search stops short of it
// (Knuth, volume 3, section 6.4, algorithm R).
void PeerTable::remove(const PeerKey& peer) {
  if (find(peer) == no_flow) return;
  std::size_t gap = place_of(peer);
  for (std::size_t at = after(gap); entries_[at].flow != no_flow; at = after(at)) {
    const std::size_t mask = entries_.size() - 1;
    const std::size_t from_home = (at - home(entries_[at].peer)) & mask;
    if (from_home < ((at - gap) & mask)) continue;  // it would come before its home
    entries_[gap] = entries_[at];
    gap = at;
  }
  entries_[gap] = {};
  --size_;
}

FlowId PeerTable::find(const PeerKey& peer) const {
  return entries_.empty() ? no_flow : entries_[place_of(peer)].flow;
}

}  // namespace strait::probe::kernel
