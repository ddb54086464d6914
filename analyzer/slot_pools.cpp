// SPDX-License-Identifier: Apache-2.0
#include "analyzer/slot_pools.hpp"

#include <limits>

namespace strait::analyzer {

SlotPool::SlotPool(Pool pool, const Objective& objective)
    : pool_{std::move(pool)},
      objective_{objective},
      worth_{effective_probes(pool_)},
      uncertain_{too_uncertain(pool_)} {
  for (const Stream& stream : pool_) {
    lost_ += stream.lost;
    decided_ += stream.decided();
  }
}

double SlotPool::value() const {
  if (value_) return *value_;
  if (objective_.aim == Aim::jitter) {
    const auto variation = delay_variation(pool_, objective_.q);
    value_ = variation ? static_cast<double>(variation->count())
                       : std::numeric_limits<double>::quiet_NaN();
    return *value_;
  }
  const auto at = Curve{pool_, Curve::Edge::middle}.at(objective_.q);
  value_ = at && *at != infinite_delay ? static_cast<double>(at->count())
                                       : std::numeric_limits<double>::infinity();
  return *value_;
}

const SlotPool& SlotPools::of(std::string_view path, Slot slot) {
  auto by_path = made_.find(path);
  if (by_path == made_.end()) by_path = made_.try_emplace(std::string{path}).first;
  const auto [found, fresh] = by_path->second.try_emplace(slot);
  if (fresh) found->second = SlotPool{timeline_->lane(group_, path).pool({slot, slot}), objective_};
  return found->second;
}

}  // namespace strait::analyzer
