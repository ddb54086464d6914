// SPDX-License-Identifier: Apache-2.0
#include "routes/plan_from_rib.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "routes/route_guard.hpp"

namespace strait::routes {
namespace {

// One BGP session of a path.
struct Session {
  Address neighbor;
  std::string protocol;
};

std::vector<Session> sessions_of(const Path& path) {
  std::vector<Session> sessions;
  const std::string& v6 = path.protocol_v6.empty() ? path.protocol : path.protocol_v6;
  if (path.neighbor_v4 && !path.protocol.empty()) {
    sessions.push_back({*path.neighbor_v4, path.protocol});
  }
  if (path.neighbor_v6 && !v6.empty()) sessions.push_back({*path.neighbor_v6, v6});
  return sessions;
}

constexpr Objection unmeasured{.guard = "unmeasured-family",
                               .why = "no target of the class measures their family"};

// What was left out of a preference: by guard, why and how many.
using LeftOut = std::map<std::string_view, std::pair<std::string_view, std::size_t>>;

class Draft {
 public:
  Draft(std::span<const Path> paths, const Rib& rib, const Regions& regions,
        const PlanLimits& limits)
      : paths_{paths}, rib_{rib}, regions_{regions}, limits_{limits}, guard_{rib, paths, limits} {}

  void add(const Wish& wish) {
    const auto path = std::ranges::find(paths_, wish.path, &Path::name);
    if (path == paths_.end()) {
      note("no-session",
           fmt::format("class {}: there is no path '{}'", wish.traffic_class, wish.path));
      return;
    }
    if (path->forbidden) {
      note("forbidden", fmt::format("class {}: path {} is forbidden: {}", wish.traffic_class,
                                    wish.path, path->forbidden_reason));
      return;
    }
    const auto sessions = sessions_of(*path);
    if (sessions.empty()) {
      note("no-session", fmt::format("class {}: path {} names no neighbor and protocol",
                                     wish.traffic_class, wish.path));
      return;
    }
    std::map<std::string, std::set<Prefix>> by_protocol;
    for (const Session& session : sessions) {
      auto& prefixes = by_protocol[session.protocol];
      for (const Prefix& prefix : offered(wish, session.neighbor)) prefixes.insert(prefix);
    }
    add_preferences(wish, by_protocol);
  }

  Plan finish() {
    auto& preferences = plan_.preferences;
    std::ranges::sort(preferences, [](const Preference& a, const Preference& b) {
      return std::tie(a.traffic_class, a.path, a.protocol) <
             std::tie(b.traffic_class, b.path, b.protocol);
    });
    keep_to_budget(preferences);
    return std::move(plan_);
  }

 private:
  // Leaves out what is too much rather than block the plan: a preference that must go (its path is
  // dead) goes, and what is left out is decided by plain BGP.
  void keep_to_budget(std::vector<Preference>& preferences) {
    std::size_t total = 0;
    std::erase_if(preferences, [&](const Preference& preference) {
      const std::size_t count = preference.prefixes.size();
      if (total + count <= limits_.max_prefixes) {
        total += count;
        return false;
      }
      note("prefix-budget",
           fmt::format("class {}: {} prefixes by {} left to plain BGP: a plan may hold {}",
                       preference.traffic_class, count, preference.path, limits_.max_prefixes));
      return true;
    });
  }

  void add_preferences(const Wish& wish,
                       const std::map<std::string, std::set<Prefix>>& by_protocol) {
    bool any = false;
    for (const auto& [protocol, prefixes] : by_protocol) {
      if (prefixes.empty()) continue;
      any = true;
      plan_.preferences.push_back({.traffic_class = wish.traffic_class,
                                   .path = wish.path,
                                   .protocol = protocol,
                                   .local_pref = limits_.local_pref,
                                   .prefixes = {prefixes.begin(), prefixes.end()},
                                   .reason = wish.reason});
    }
    if (any) return;
    note("rib-from-upstream", fmt::format("class {}: the RIB holds none of its prefixes from {}",
                                          wish.traffic_class, wish.path));
  }

  // What keeps this route from being preferred, or nothing.
  std::optional<Objection> objection(const Wish& wish, const Prefix& prefix,
                                     const RibRoute& route) {
    if (!(prefix.network.is_v4() ? wish.measured_v4 : wish.measured_v6)) return unmeasured;
    return guard_.objection(prefix, route);
  }

  // What this neighbour offers of the wish's class, less what the guards take out.
  std::vector<Prefix> offered(const Wish& wish, const Address& neighbor) {
    std::vector<Prefix> prefixes;
    const auto region = regions_.number_of(wish.traffic_class);
    if (!region) return prefixes;
    LeftOut left_out;
    rib_.for_each_of(neighbor, [&](const RibEntry& entry, const RibRoute& route) {
      if (classes().at(entry) != *region) return;
      const auto against = objection(wish, entry.prefix, route);
      if (!against) {
        prefixes.push_back(entry.prefix);
        return;
      }
      auto& [why, count] = left_out[against->guard];
      why = against->why;
      ++count;
    });
    for (const auto& [guard, found] : left_out) {
      note(std::string{guard},
           fmt::format("class {}: {} prefixes from {} left out: {}", wish.traffic_class,
                       found.second, wish.path, found.first));
    }
    return prefixes;
  }

  const RibClasses& classes() {
    if (limits_.classes != nullptr) return *limits_.classes;
    if (!own_classes_) own_classes_.emplace(rib_, regions_);
    return *own_classes_;
  }

  void note(std::string guard, std::string message, bool blocks = false) {
    plan_.notes.push_back(
        {.guard = std::move(guard), .message = std::move(message), .blocks = blocks});
  }

  std::span<const Path> paths_;
  const Rib& rib_;
  const Regions& regions_;
  const PlanLimits& limits_;
  RouteGuard guard_;
  std::optional<RibClasses> own_classes_;
  Plan plan_;
};

}  // namespace

Plan plan_from_rib(std::span<const Wish> wishes, std::span<const Path> paths, const Rib& rib,
                   const Regions& regions, const PlanLimits& limits) {
  Draft draft{paths, rib, regions, limits};
  for (const Wish& wish : wishes) draft.add(wish);
  return draft.finish();
}

void note_damage(const RibReadReport& report, Plan& plan) {
  if (report.complete()) return;
  const std::string where = report.damage.empty()
                                ? std::string{}
                                : fmt::format("; first at octet {}: {}", report.damage[0].offset,
                                              report.damage[0].reason);
  plan.notes.push_back({.guard = "damaged-rib",
                        .message = fmt::format("{} routes or records of the RIB could not be "
                                               "read{}",
                                               report.damaged, where),
                        .blocks = true});
}

}  // namespace strait::routes
