// SPDX-License-Identifier: Apache-2.0
#include "probe/simulated/scenario.hpp"

#include <algorithm>
#include <array>

namespace strait::probe::simulated {

std::string_view to_string(Happening happening) {
  constexpr std::array<std::string_view, 11> names{
      "cut", "shift",      "one-member",  "queueing", "loss",      "outage",
      "lie", "clock-step", "clock-drift", "pause",    "congestion"};
  return names.at(static_cast<std::size_t>(happening));
}

bool EventModel::of_path(std::string_view path) const {
  return std::ranges::find(paths, path) != paths.end();
}

bool EventModel::of_target(std::string_view target) const {
  return std::ranges::find(targets, target) != targets.end();
}

}  // namespace strait::probe::simulated
