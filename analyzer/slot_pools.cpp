// SPDX-License-Identifier: Apache-2.0
#include "analyzer/slot_pools.hpp"

#include <limits>

namespace strait::analyzer {

SlotPool::SlotPool(Pool pool, double q)
    : pool_{std::move(pool)},
      q_{q},
      worth_{effective_probes(pool_)},
      uncertain_{too_uncertain(pool_)} {
  for (const Stream& stream : pool_) {
    lost_ += stream.lost;
    decided_ += stream.decided();
  }
}

double SlotPool::percentile() const {
  if (percentile_) return *percentile_;
  const auto at = Curve{pool_, Curve::Edge::middle}.at(q_);
  percentile_ = at && *at != infinite_delay ? static_cast<double>(at->count())
                                            : std::numeric_limits<double>::infinity();
  return *percentile_;
}

const SlotPool& SlotPools::of(std::string_view path, Slot slot) {
  auto by_path = made_.find(path);
  if (by_path == made_.end()) by_path = made_.try_emplace(std::string{path}).first;
  const auto [found, fresh] = by_path->second.try_emplace(slot);
  if (fresh) found->second = SlotPool{timeline_->lane(class_, path).pool({slot, slot}), q_};
  return found->second;
}

}  // namespace strait::analyzer
