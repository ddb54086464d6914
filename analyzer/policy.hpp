// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/objective.hpp"
#include "core/config.hpp"
#include "routes/model/path.hpp"

namespace strait::analyzer {

// Where the traffic of a class may go, and what it is judged by. Countries (ISO 3166) are those
// that the segments of a path enter, both ends among them. Without a policy nothing is banned.
struct Policy {
  std::string traffic_class;
  std::optional<std::set<std::string, std::less<>>> allow_transit;  // nowhere else
  std::set<std::string, std::less<>> avoid_transit;
  bool keep_domestic = false;  // never out of the country that the path begins in
  std::optional<Objective> objective = std::nullopt;  // instead of that of [analyzer]
  // What a millisecond less is worth, as routes::Path::cost: dearer paths must gain more, and
  // cheaper ones may be slower. Absent: cost does not count.
  std::optional<double> price_per_ms = std::nullopt;
  std::optional<BitRate> rate = std::nullopt;  // that its traffic has, for the paths' commit
};

// The first rule of the policies of that class which the path breaks: "avoid_transit of europe: it
// enters DZ". A path whose segments are not known breaks every one, because nobody can tell.
[[nodiscard]] std::optional<std::string> violation(std::span<const Policy> policies,
                                                   std::string_view traffic_class,
                                                   const routes::Path& path);

// Reads [[policy]]; mistakes are recorded in the document.
[[nodiscard]] std::vector<Policy> read_policies(ConfigTable root);

}  // namespace strait::analyzer
