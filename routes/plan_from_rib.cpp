// SPDX-License-Identifier: Apache-2.0
#include "routes/plan_from_rib.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "routes/part_index.hpp"
#include "routes/preferable.hpp"
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

void count(LeftOut& left_out, const Objection& against) {
  auto& [why, times] = left_out[against.guard];
  why = against.why;
  ++times;
}

constexpr std::size_t no_group = ~std::size_t{0};
constexpr std::size_t parts_named = 5;

// What of one class is wished to go by one path: the class as a whole, parts of it, or both.
struct Group {
  std::string traffic_class;
  std::optional<RegionNumber> region;
  const Path* path = nullptr;
  const Wish* whole = nullptr;
  std::vector<const Wish*> parts;

  [[nodiscard]] std::string reason() const {
    if (whole != nullptr) return whole->reason;
    std::string text = fmt::format("{}: {}", parts.front()->traffic_class, parts.front()->reason);
    if (parts.size() == 1) return text;
    text += "; and";
    for (std::size_t i = 1; i < std::min(parts.size(), parts_named); ++i) {
      text += " " + parts[i]->traffic_class;
    }
    if (parts.size() <= parts_named) return text;
    return text + fmt::format(" and {} parts more", parts.size() - parts_named);
  }
};

class Draft {
 public:
  Draft(std::span<const Path> paths, const Rib& rib, const Regions& regions,
        const PlanLimits& limits)
      : paths_{paths}, rib_{rib}, regions_{regions}, limits_{limits} {
    if (limits.classes == nullptr) own_classes_.emplace(rib, regions);
    if (limits.preferable == nullptr) own_preferable_.emplace(rib, classes(), paths, limits);
    of_part_.resize(parts().parts().size());
    of_region_.resize(regions.names().size());
  }

  void add(const Wish& wish) {
    const auto part = parts().number_of(wish.traffic_class);
    const std::string& traffic_class =
        part ? parts().parts()[*part].traffic_class : wish.traffic_class;
    const auto region = regions_.number_of(traffic_class);
    // Also where nothing comes of it: what is not to have its wish is left to plain BGP.
    Turn turn{.wish = &wish, .group = no_group};
    if (const Path* const path = path_of(wish)) {
      turn.group = group_of(traffic_class, region, *path);
      if (part) {
        groups_[turn.group].parts.push_back(&wish);
      } else {
        groups_[turn.group].whole = &wish;
      }
    }
    if (!part) {
      if (region) of_region_[*region] = turn;
      return;
    }
    // In a family that it does not measure a part goes by its whole.
    Turns& its = of_part_[*part];
    if (wish.measured_v4) its.v4 = turn;
    if (wish.measured_v6) its.v6 = turn;
  }

  Plan finish() {
    inherit();
    for (std::size_t group = 0; group < groups_.size(); ++group) add_preferences(group);
    auto& preferences = plan_.preferences;
    std::ranges::sort(preferences, [](const Preference& a, const Preference& b) {
      return std::tie(a.traffic_class, a.path, a.protocol) <
             std::tie(b.traffic_class, b.path, b.protocol);
    });
    keep_to_budget(preferences);
    return std::move(plan_);
  }

 private:
  // Whose wish the prefixes of a class or part go by.
  struct Turn {
    const Wish* wish = nullptr;
    std::size_t group = no_group;
  };

  struct Turns {
    Turn v4;
    Turn v6;
  };

  // The wish's path, if it may be preferred; otherwise a note says why not.
  const Path* path_of(const Wish& wish) {
    const auto path = std::ranges::find(paths_, wish.path, &Path::name);
    if (path == paths_.end()) {
      note("no-session",
           fmt::format("class {}: there is no path '{}'", wish.traffic_class, wish.path));
      return nullptr;
    }
    if (path->forbidden) {
      note("forbidden", fmt::format("class {}: path {} is forbidden: {}", wish.traffic_class,
                                    wish.path, path->forbidden_reason));
      return nullptr;
    }
    if (!sessions_of(*path).empty()) return &*path;
    note("no-session", fmt::format("class {}: path {} names no neighbor and protocol",
                                   wish.traffic_class, wish.path));
    return nullptr;
  }

  std::size_t group_of(const std::string& traffic_class, std::optional<RegionNumber> region,
                       const Path& path) {
    const auto [known, fresh] =
        by_name_.try_emplace(std::pair{traffic_class, path.name}, groups_.size());
    if (fresh) {
      groups_.push_back({.traffic_class = traffic_class,
                         .region = region,
                         .path = &path,
                         .whole = nullptr,
                         .parts = {}});
    }
    return known->second;
  }

  // Parts without a wish go by that of what they are part of.
  void inherit() {
    for (PartNumber part = 0; part < of_part_.size(); ++part) {
      const PartNumber whole = parts().whole_of(part);
      const auto region = regions_.number_of(parts().parts()[part].traffic_class);
      Turns above;
      if (whole != no_part) {
        above = of_part_[whole];
      } else if (region) {
        above = {.v4 = of_region_[*region], .v6 = of_region_[*region]};
      }
      Turns& its = of_part_[part];
      if (its.v4.wish == nullptr) its.v4 = above.v4;
      if (its.v6.wish == nullptr) its.v6 = above.v6;
    }
  }

  void add_preferences(std::size_t number) {
    const Group& group = groups_[number];
    std::map<std::string, std::vector<Prefix>> by_protocol;
    for (const Session& session : sessions_of(*group.path)) {
      auto& prefixes = by_protocol[session.protocol];
      const bool first = prefixes.empty();
      add_offered(number, session.neighbor, prefixes);
      if (first) continue;
      std::ranges::sort(prefixes);
      const auto twice = std::ranges::unique(prefixes);
      prefixes.erase(twice.begin(), twice.end());
    }
    bool any = false;
    for (auto& [protocol, prefixes] : by_protocol) {
      if (prefixes.empty()) continue;
      any = true;
      plan_.preferences.push_back({.traffic_class = group.traffic_class,
                                   .path = group.path->name,
                                   .protocol = protocol,
                                   .local_pref = limits_.local_pref,
                                   .prefixes = std::move(prefixes),
                                   .reason = group.reason()});
    }
    if (any) return;
    note("rib-from-upstream", fmt::format("class {}: the RIB holds none of its prefixes from {}",
                                          group.traffic_class, group.path->name));
  }

  // The first number of a prefix that is of IPv6.
  [[nodiscard]] std::uint32_t first_v6() const {
    return static_cast<std::uint32_t>(rib_.v4().keys.size());
  }
  [[nodiscard]] Prefix prefix_at(std::uint32_t ordinal) const {
    return ordinal < first_v6() ? rib_.v4().keys[ordinal].prefix()
                                : rib_.v6().keys[ordinal - first_v6()].prefix();
  }

  // Null: it is no part's.
  [[nodiscard]] const Turn* turn_of(PartNumber part, bool v4) const {
    if (part == no_part) return nullptr;
    return v4 ? &of_part_[part].v4 : &of_part_[part].v6;
  }

  // Whether a prefix of this class is the group's, so that the guards decide about it.
  bool is_of(std::size_t number, const Turn& of_class, std::uint32_t ordinal, LeftOut& left_out) {
    const PartNumber part = parts().at(ordinal);
    const bool v4 = ordinal < first_v6();
    const Turn* const own = turn_of(part, v4);
    const Turn& turn = own == nullptr ? of_class : *own;
    if (turn.group != number) return false;
    if (v4 ? turn.wish->measured_v4 : turn.wish->measured_v6) return true;
    count(left_out, unmeasured);
    return false;
  }

  // What this neighbour offers of the group, less what the guards take out.
  void add_offered(std::size_t number, const Address& neighbor, std::vector<Prefix>& prefixes) {
    const Group& group = groups_[number];
    if (!group.region) return;
    const Preferable::Offered& offered = preferable().from(neighbor, *group.region);
    const Turn& of_class = of_region_[*group.region];
    LeftOut left_out;
    if (of_class.group == number) prefixes.reserve(prefixes.size() + offered.prefixes.size());
    for (const std::uint32_t ordinal : offered.prefixes) {
      if (is_of(number, of_class, ordinal, left_out)) prefixes.push_back(prefix_at(ordinal));
    }
    for (const Preferable::Refused& refused : offered.refused) {
      if (!is_of(number, of_class, refused.ordinal, left_out)) continue;
      count(left_out, preferable().objection(refused));
    }
    for (const auto& [guard, found] : left_out) {
      note(std::string{guard},
           fmt::format("class {}: {} prefixes from {} left out: {}", group.traffic_class,
                       found.second, group.path->name, found.first));
    }
  }

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

  [[nodiscard]] const RibClasses& classes() const {
    return own_classes_ ? *own_classes_ : *limits_.classes;
  }
  [[nodiscard]] const Preferable& preferable() const {
    return own_preferable_ ? *own_preferable_ : *limits_.preferable;
  }
  [[nodiscard]] const PartIndex& parts() const {
    static const PartIndex none;
    return limits_.parts == nullptr ? none : *limits_.parts;
  }
  void note(std::string guard, std::string message, bool blocks = false) {
    plan_.notes.push_back(
        {.guard = std::move(guard), .message = std::move(message), .blocks = blocks});
  }

  std::span<const Path> paths_;
  const Rib& rib_;
  const Regions& regions_;
  const PlanLimits& limits_;
  std::optional<RibClasses> own_classes_;
  std::optional<Preferable> own_preferable_;
  std::vector<Group> groups_;  // in the order of the wishes
  std::map<std::pair<std::string, std::string>, std::size_t> by_name_;  // class and path
  std::vector<Turns> of_part_;
  std::vector<Turn> of_region_;
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
