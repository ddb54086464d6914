// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/gate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>
#include <utility>

namespace strait::routes {
namespace {

constexpr std::string_view daily_guard = "daily-changes";
constexpr std::string_view budget_guard = "change-budget";
constexpr std::size_t one_in = 20;  // prefixes that may come or go

bool same_way(const Preference& a, const Preference& b) {
  return std::tie(a.traffic_class, a.path, a.protocol, a.local_pref) ==
         std::tie(b.traffic_class, b.path, b.protocol, b.local_pref);
}

const Preference* way_of(const Plan& plan, const Preference& preference) {
  const auto found = std::ranges::find_if(
      plan.preferences, [&](const Preference& each) { return same_way(each, preference); });
  return found == plan.preferences.end() ? nullptr : &*found;
}

std::vector<Prefix> sorted(std::vector<Prefix> prefixes) {
  std::ranges::sort(prefixes);
  return prefixes;
}

std::vector<Preference> of_class(const Plan& plan, const std::string& traffic_class) {
  std::vector<Preference> found;
  std::ranges::copy_if(plan.preferences, std::back_inserter(found),
                       [&](const Preference& each) { return each.traffic_class == traffic_class; });
  return found;
}

// What of one preference in force is wanted or fit; it has no prefixes if nothing is.
Preference kept_of(const Preference& held, const GateInputs& inputs) {
  Preference kept = held;
  const auto allowed = [&](const Plan& plan) {
    std::vector<Prefix> both;
    const Preference* const same = way_of(plan, held);
    if (same == nullptr) return both;
    kept.reason = same->reason;
    std::ranges::set_intersection(sorted(held.prefixes), sorted(same->prefixes),
                                  std::back_inserter(both));
    return both;
  };
  std::vector<Prefix> fit = allowed(inputs.fit);
  const std::vector<Prefix> wanted = allowed(inputs.wanted);  // has the newer reason
  kept.prefixes.clear();
  std::ranges::set_union(wanted, fit, std::back_inserter(kept.prefixes));
  return kept;
}

std::vector<Preference> kept_of(const std::string& traffic_class, const GateInputs& inputs) {
  std::vector<Preference> kept;
  for (const Preference& held : of_class(inputs.in_force, traffic_class)) {
    Preference rest = kept_of(held, inputs);
    if (!rest.prefixes.empty()) kept.push_back(std::move(rest));
  }
  return kept;
}

// Whether it has prefixes that go by another path of the class now, as parts of a class may.
bool takes_over(const Preference& wanted, const Plan& in_force) {
  const std::vector<Prefix> all = sorted(wanted.prefixes);
  return std::ranges::any_of(in_force.preferences, [&](const Preference& held) {
    if (held.traffic_class != wanted.traffic_class || held.path == wanted.path) return false;
    return std::ranges::any_of(held.prefixes, [&](const Prefix& prefix) {
      return std::ranges::binary_search(all, prefix);
    });
  });
}

// Whether the class would get a path, session or local preference that it does not have, or some
// of it another path.
bool moves(const std::vector<Preference>& wanted, const Plan& in_force) {
  return std::ranges::any_of(wanted, [&](const Preference& each) {
    return way_of(in_force, each) == nullptr || takes_over(each, in_force);
  });
}

// How many of its prefixes are not in force in that way.
std::size_t added(const std::vector<Preference>& wanted, const Plan& in_force) {
  std::size_t count = 0;
  for (const Preference& each : wanted) {
    const Preference* const held = way_of(in_force, each);
    std::vector<Prefix> more;
    std::ranges::set_difference(sorted(each.prefixes),
                                held == nullptr ? std::vector<Prefix>{} : sorted(held->prefixes),
                                std::back_inserter(more));
    count += more.size();
  }
  return count;
}

// Why the service may not change this class by itself any more today; empty: it may.
std::string used_up(const std::string& traffic_class, const GateInputs& inputs,
                    std::size_t planned) {
  const Modes& modes = inputs.modes;
  if (inputs.today.all + planned >= modes.changes_per_day) {
    return fmt::format("class {}: {} changes of all classes in 24 hours, and {} may be",
                       traffic_class, inputs.today.all + planned, modes.changes_per_day);
  }
  const auto limit = modes.changes_by_class.find(traffic_class);
  const auto made = inputs.today.by_class.find(traffic_class);
  const std::uint64_t count = made == inputs.today.by_class.end() ? 0 : made->second;
  if (limit == modes.changes_by_class.end() || count < limit->second) return {};
  return fmt::format("class {}: {} changes in 24 hours, and {} may be", traffic_class, count,
                     limit->second);
}

// What has moved so far in one passage.
struct Moved {
  std::size_t prefixes = 0;
  double traffic = 0;
};

// Why this class must not move as well, with what has moved already; empty: it may.
std::string too_much(const std::string& traffic_class, const GateInputs& inputs,
                     const Moved& moved) {
  const Modes& modes = inputs.modes;
  if (const auto limit = modes.max_moved_prefixes; limit && moved.prefixes > *limit) {
    return fmt::format("class {}: {} prefixes would move at once, and {} may", traffic_class,
                       moved.prefixes, *limit);
  }
  const auto limit = modes.max_moved_traffic;
  if (!limit) return {};
  if (inputs.traffic.empty()) {
    return fmt::format("class {}: nobody knows how much traffic would move", traffic_class);
  }
  constexpr double percent = 100;
  if (moved.traffic <= *limit) return {};
  return fmt::format("class {}: {:.1f} % of the traffic would move at once, and {:.1f} % may",
                     traffic_class, moved.traffic * percent, *limit * percent);
}

class Gatekeeper {
 public:
  explicit Gatekeeper(const GateInputs& inputs) : inputs_{inputs} {
    passage_.now.evidence_hash = inputs.wanted.evidence_hash;
    passage_.now.made = inputs.wanted.made;
    passage_.now.expires = inputs.wanted.expires;
    passage_.waiting = passage_.now;
    passage_.waiting.expires = inputs.wanted.made + inputs.modes.approve_within;
    passage_.kept = passage_.now;
    passage_.now.notes = inputs.wanted.notes;
  }

  void decide(const std::string& traffic_class) {
    auto wanted = of_class(inputs_.wanted, traffic_class);
    const ApplyMode mode = inputs_.modes.of(traffic_class);
    const std::size_t more = added(wanted, inputs_.in_force);
    const bool another = moves(wanted, inputs_.in_force);
    const bool nothing_new = more == 0 && !another;
    if (nothing_new || (mode == ApplyMode::automatic && may_have(traffic_class, more, another))) {
      if (another) passage_.changed.push_back(traffic_class);
      put(passage_.now, std::move(wanted));
      return;
    }
    const auto kept = kept_of(traffic_class, inputs_);
    put(passage_.now, kept);
    if (mode == ApplyMode::advise) return;
    put(passage_.kept, kept);
    put(passage_.waiting, std::move(wanted));
  }

  Passage finish() {
    for (Plan* const plan : {&passage_.now, &passage_.waiting, &passage_.kept}) {
      std::ranges::sort(plan->preferences, [](const Preference& a, const Preference& b) {
        return std::tie(a.traffic_class, a.path, a.protocol) <
               std::tie(b.traffic_class, b.path, b.protocol);
      });
    }
    return std::move(passage_);
  }

 private:
  static void put(Plan& plan, std::vector<Preference> preferences) {
    std::ranges::move(preferences, std::back_inserter(plan.preferences));
  }
  // Whether an automatic class may have so many more prefixes, perhaps another way.
  bool may_have(const std::string& traffic_class, std::size_t more, bool another) {
    if (another) {
      const std::string why = used_up(traffic_class, inputs_, passage_.changed.size());
      if (!why.empty()) return wait(daily_guard, why);
    }
    Moved moved = moved_;
    moved.prefixes += more;
    const auto share = inputs_.traffic.find(traffic_class);
    if (another && share != inputs_.traffic.end()) moved.traffic += share->second;
    const std::string why = too_much(traffic_class, inputs_, moved);
    if (!why.empty()) return wait(budget_guard, why);
    moved_ = moved;
    return true;
  }
  bool wait(std::string_view guard, const std::string& why) {
    const GuardNote note{
        .guard = std::string{guard}, .message = why + ": it waits", .blocks = false};
    passage_.now.notes.push_back(note);
    passage_.waiting.notes.push_back(note);
    return false;
  }

  const GateInputs& inputs_;
  Passage passage_;
  Moved moved_;
};

// How many prefixes are in one of the two alone.
std::size_t apart(const Preference& a, const Preference& b) {
  std::vector<Prefix> rest;
  std::ranges::set_symmetric_difference(sorted(a.prefixes), sorted(b.prefixes),
                                        std::back_inserter(rest));
  return rest.size();
}

}  // namespace

Passage pass(const GateInputs& inputs) {
  Gatekeeper keeper{inputs};
  std::set<std::string> classes;
  for (const Plan* const plan : {&inputs.in_force, &inputs.wanted}) {
    for (const Preference& each : plan->preferences) classes.insert(each.traffic_class);
  }
  for (const std::string& each : classes) keeper.decide(each);
  return keeper.finish();
}

bool much_the_same(const Plan& a, const Plan& b) {
  if (a.preferences.size() != b.preferences.size()) return false;
  return std::ranges::all_of(a.preferences, [&](const Preference& each) {
    const Preference* const other = way_of(b, each);
    return other != nullptr && apart(each, *other) * one_in <= each.prefixes.size();
  });
}

}  // namespace strait::routes
