// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analyzer/evidence.hpp"
#include "analyzer/target.hpp"
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
using Positions = std::map<std::string, analyzer::Position, std::less<>>;

// What a configuration knows beside the windows; all of it may be missing.
struct Surroundings {
  std::span<const routes::Path> paths;  // give the floors
  Positions far_ends;                   // by path
  std::optional<analyzer::Position> site = std::nullopt;
  Positions targets;
  WeightOfTargets weights;  // a target without one weighs 1
};

// The evidence that all stored windows of the range carry together, by the regions that the store
// knows of their targets (a target without one is a class `unknown`), with the same floors as the
// service's. Windows of captured traffic make evidence of their own, by method, without floor and
// loss.
[[nodiscard]] Result<StoredEvidence> stored_evidence(Store& store, const TimeRange& range,
                                                     const WindowFilter& filter,
                                                     const Surroundings& known, WallTime now);

}  // namespace strait::exporters
