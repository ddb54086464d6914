// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.hpp"

namespace strait::routes {

// What the service may do by itself about a class.
enum class ApplyMode : std::uint8_t {
  advise,     // nothing: it only says what it would do
  moderated,  // nothing is preferred before somebody has approved it
  automatic,  // all of it, so many changes a day
};

// Changes that the service makes by itself within 24 hours; beyond them they wait for an approval.
inline constexpr std::uint64_t usual_changes_per_day = 100;

struct Modes {
  ApplyMode usual = ApplyMode::advise;  // of a class that is not in `by_class`
  std::map<std::string, ApplyMode, std::less<>> by_class;
  std::uint64_t changes_per_day = usual_changes_per_day;  // of all classes together
  std::map<std::string, std::uint64_t, std::less<>> changes_by_class;
  // What may move at once; more waits. Nothing: no limit.
  std::optional<std::uint64_t> max_moved_prefixes;
  std::optional<double> max_moved_traffic;       // as a share, 0 to 1
  Nanos approve_within = std::chrono::hours{1};  // what is older cannot be approved any more

  friend bool operator==(const Modes&, const Modes&) = default;
  [[nodiscard]] ApplyMode of(std::string_view traffic_class) const {
    const auto found = by_class.find(traffic_class);
    return found == by_class.end() ? usual : found->second;
  }
  // Whether the router is told anything at all.
  [[nodiscard]] bool tell_the_router() const {
    return usual != ApplyMode::advise || std::ranges::any_of(by_class, [](const auto& entry) {
             return entry.second != ApplyMode::advise;
           });
  }
};

}  // namespace strait::routes
