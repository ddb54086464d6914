// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "analyzer/evidence.hpp"
#include "core/result.hpp"
#include "exporters/store.hpp"
#include "routes/model/path.hpp"

namespace strait::exporters {

struct StoredEvidence {
  std::vector<analyzer::Evidence> evidence;  // by method, class, then path
  std::uint64_t windows = 0;                 // that it rests on
  std::uint64_t damaged = 0;                 // rows that could not be read
  std::string first_problem;
};

using WeightOfTargets = std::map<std::string, double, std::less<>>;

// The evidence that all stored windows of the range carry together, by the regions that the store
// knows of their targets (a target without one is a class `unknown`). `paths` give the floors, and
// may be empty; windows of captured traffic make evidence of their own, by method, without floor
// and loss. a target without one of `weights` weighs 1.
[[nodiscard]] Result<StoredEvidence> stored_evidence(Store& store, const TimeRange& range,
                                                     const WindowFilter& filter,
                                                     std::span<const routes::Path> paths,
                                                     WallTime now,
                                                     const WeightOfTargets& weights = {});

}  // namespace strait::exporters
