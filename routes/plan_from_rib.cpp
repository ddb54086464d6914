// SPDX-License-Identifier: Apache-2.0
#include "routes/plan_from_rib.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

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

constexpr std::string_view unmeasured_guard = "unmeasured-family";
constexpr std::string_view marked_guard = "marked-route";
constexpr std::string_view looped_guard = "own-as";

std::string_view why_of(std::string_view guard) {
  if (guard == unmeasured_guard) return "no target of the class measures their family";
  if (guard == marked_guard) return "they carry 65535:0 or 65535:666";
  if (guard == looped_guard) return "our own AS is in the path";
  const auto kinds = problem_kinds();
  const auto kind = std::ranges::find(kinds, guard, &ProblemKind::name);
  return kind == kinds.end() ? std::string_view{} : kind->why;
}

HygieneOptions hygiene_of(std::span<const Path> paths, const PlanLimits& limits) {
  HygieneOptions options;
  options.vrps = limits.vrps;
  for (const Path& path : paths) {
    if (path.neighbor_v4) options.roles[*path.neighbor_v4] = path.role;
    if (path.neighbor_v6) options.roles[*path.neighbor_v6] = path.role;
  }
  return options;
}

// Why prefixes were left out of a preference, and how many.
using LeftOut = std::map<std::string_view, std::size_t>;

class Draft {
 public:
  Draft(std::span<const Path> paths, const Rib& rib, const Regions& regions,
        const PlanLimits& limits)
      : paths_{paths},
        rib_{rib},
        regions_{regions},
        limits_{limits},
        check_{rib, hygiene_of(paths, limits)} {}

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

  // The guard that keeps this route from being preferred, or nothing.
  std::string_view guard_of(const Wish& wish, const Prefix& prefix, const RibRoute& route) {
    if (!(prefix.network.is_v4() ? wish.measured_v4 : wish.measured_v6)) return unmeasured_guard;
    if (rib_.head(route).marked()) return marked_guard;
    if (rib_.path_holds(route, limits_.site_asn)) return looped_guard;
    if (limits_.refuse.none()) return {};
    const Problems problems = check_.problems(prefix, route) & limits_.refuse;
    const auto kinds = problem_kinds();
    const auto kind = std::ranges::find_if(
        kinds, [&](const ProblemKind& each) { return problems.has(each.problem); });
    return kind == kinds.end() ? std::string_view{} : kind->name;
  }

  // What this neighbour offers of the wish's class, less what the guards take out.
  std::vector<Prefix> offered(const Wish& wish, const Address& neighbor) {
    std::vector<Prefix> prefixes;
    LeftOut left_out;
    rib_.for_each_of(neighbor, [&](const Prefix& prefix, const RibRoute& route) {
      const auto match = regions_.classify(prefix, rib_.head(route).origin_as());
      if (!match || match->region != wish.traffic_class) return;
      const std::string_view guard = guard_of(wish, prefix, route);
      if (guard.empty()) {
        prefixes.push_back(prefix);
      } else {
        ++left_out[guard];
      }
    });
    for (const auto& [guard, count] : left_out) {
      note(std::string{guard}, fmt::format("class {}: {} prefixes from {} left out: {}",
                                           wish.traffic_class, count, wish.path, why_of(guard)));
    }
    return prefixes;
  }

  void note(std::string guard, std::string message, bool blocks = false) {
    plan_.notes.push_back(
        {.guard = std::move(guard), .message = std::move(message), .blocks = blocks});
  }

  std::span<const Path> paths_;
  const Rib& rib_;
  const Regions& regions_;
  const PlanLimits& limits_;
  RouteCheck check_;
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
