// SPDX-License-Identifier: Apache-2.0
#include "routes/recheck.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "routes/classify.hpp"
#include "routes/route_guard.hpp"

namespace strait::routes {
namespace {

constexpr Objection not_offered{.guard = "rib-from-upstream",
                                .why = "the upstream does not offer them in this RIB"};
constexpr Objection other_class{.guard = "rib-from-upstream",
                                .why = "they are of another class by now"};

bool has_session(const Path& path, const std::string& protocol) {
  return !protocol.empty() && (protocol == path.protocol || protocol == path.protocol_v6);
}

class Rechecker {
 public:
  Rechecker(std::span<const Path> paths, const Rib& rib, const Regions& regions,
            const PlanLimits& limits)
      : paths_{paths}, rib_{rib}, regions_{regions}, limits_{limits}, guard_{rib, paths, limits} {
    if (limits.classes == nullptr) own_classes_.emplace(rib, regions);
  }

  std::optional<Preference> rest_of(const Preference& old, std::vector<GuardNote>& notes) {
    const auto path = std::ranges::find(paths_, old.path, &Path::name);
    if (path == paths_.end() || !has_session(*path, old.protocol)) {
      note(notes, "no-session",
           fmt::format("class {}: no path '{}' has the session '{}'", old.traffic_class, old.path,
                       old.protocol));
      return std::nullopt;
    }
    if (path->forbidden) {
      note(notes, "forbidden",
           fmt::format("class {}: path {} is forbidden: {}", old.traffic_class, old.path,
                       path->forbidden_reason));
      return std::nullopt;
    }
    Preference rest = old;
    rest.prefixes.clear();
    std::map<std::string_view, std::pair<std::string_view, std::size_t>> left_out;
    for (const Prefix& prefix : old.prefixes) {
      const auto against = objection(*path, old.traffic_class, prefix);
      if (!against) {
        rest.prefixes.push_back(prefix);
        continue;
      }
      auto& [guard, count] = left_out[against->why];
      guard = against->guard;
      ++count;
    }
    for (const auto& [why, found] : left_out) {
      note(notes, found.first,
           fmt::format("class {}: {} prefixes from {} left out: {}", old.traffic_class,
                       found.second, old.path, why));
    }
    if (rest.prefixes.empty()) return std::nullopt;
    return rest;
  }

 private:
  static void note(std::vector<GuardNote>& notes, std::string_view guard, std::string message) {
    notes.push_back({.guard = std::string{guard}, .message = std::move(message), .blocks = false});
  }

  // What speaks against this prefix; of several routes of the upstream one without is enough.
  std::optional<Objection> objection(const Path& path, const std::string& traffic_class,
                                     const Prefix& prefix) {
    const auto entry = rib_.entry(prefix);
    if (!entry) return not_offered;
    std::optional<Objection> found = not_offered;
    for (const RibRoute& route : entry->routes) {
      const Address& from = rib_.peer(route).address;
      if (from != path.neighbor_v4 && from != path.neighbor_v6) continue;
      found = guard_.objection(prefix, route);
      if (!found) break;
    }
    if (found) return found;
    const auto region = regions_.number_of(traffic_class);
    if (!region || classes().at(*entry) != *region) return other_class;
    return std::nullopt;
  }
  [[nodiscard]] const RibClasses& classes() const {
    return own_classes_ ? *own_classes_ : *limits_.classes;
  }

  std::span<const Path> paths_;
  const Rib& rib_;
  const Regions& regions_;
  const PlanLimits& limits_;
  RouteGuard guard_;
  std::optional<RibClasses> own_classes_;
};

}  // namespace

Plan recheck(const Plan& old, std::span<const Path> paths, const Rib& rib, const Regions& regions,
             const PlanLimits& limits) {
  Rechecker checker{paths, rib, regions, limits};
  Plan rest = old;
  rest.preferences.clear();
  for (const Preference& each : old.preferences) {
    if (auto left = checker.rest_of(each, rest.notes)) rest.preferences.push_back(std::move(*left));
  }
  return rest;
}

}  // namespace strait::routes
