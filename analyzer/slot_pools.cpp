// SPDX-License-Identifier: Apache-2.0
#include "analyzer/slot_pools.hpp"

#include <algorithm>
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

SlotPools::Row& SlotPools::row(std::string_view path) {
  auto row = rows_.find(path);
  if (row == rows_.end()) {
    row = rows_.try_emplace(std::string{path}, timeline_->lane(group_, path), objective_, without_)
              .first;
  }
  return row->second;
}

// A dozen or two in all, the newest asked for most.
const SlotPool& SlotPools::Row::at(Slot slot) {
  const auto found = std::ranges::find(made_, slot, &std::pair<Slot, SlotPool>::first);
  if (found != made_.end()) return found->second;
  Pool pool = lane_->pool({slot, slot});
  if (without_ != nullptr) {
    std::erase_if(pool, [&](const Stream& stream) { return stream.target == without_; });
  }
  return made_.emplace_back(slot, SlotPool{std::move(pool), objective_}).second;
}

}  // namespace strait::analyzer
