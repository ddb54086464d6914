// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/lane.hpp"

#include <algorithm>
#include <vector>

namespace strait::lab {

void AppliedDelays::record(WallTime sent, Nanos applied) {
  if (samples_.size() == capacity) samples_.pop_front();
  samples_.push_back({sent, applied});
}

AppliedDelays::Summary AppliedDelays::since(WallTime since) const {
  std::vector<Nanos> delays;
  for (auto sample = samples_.rbegin(); sample != samples_.rend() && sample->sent > since;
       ++sample) {
    delays.push_back(sample->applied);
  }
  if (delays.empty()) return {};
  std::ranges::sort(delays);
  const auto at = [&](std::size_t percent) {
    return delays[(percent * delays.size() + 99) / 100 - 1];
  };
  return {.count = delays.size(), .p50 = at(50), .p95 = at(95)};
}

}  // namespace strait::lab
