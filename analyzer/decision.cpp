// SPDX-License-Identifier: Apache-2.0
#include "analyzer/decision.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "analyzer/class_judge.hpp"

namespace strait::analyzer {
namespace {

// The first slot to judge: the one after the last that was, but never more than `repeat` of them.
Slot first_slot(const Timeline& timeline, Slot newest, const ClassMemory& memory, unsigned repeat) {
  const Slot earliest = newest - repeat + 1;
  if (!memory.judged) return earliest;
  for (Slot slot = earliest; slot <= newest; ++slot) {
    if (timeline.end_of(slot) > *memory.judged) return slot;
  }
  return newest + 1;
}

// Whether anything at all was measured for the class in that slot: a gap is no evidence.
bool measured(const ClassView& view, Slot slot) {
  return std::ranges::any_of(view.timeline.paths(), [&](const std::string& path) {
    return !view.timeline.lane(view.group, path).within({slot, slot}).empty();
  });
}

Verdict decide_class(ClassView view, ClassMemory& memory) {
  const std::optional<std::string> before = memory.path;
  const WallTime now = view.now;
  const std::optional<Slot> last = view.timeline.newest();
  if (!last) return judge_class(view, memory, true);
  const Slot newest = *last;
  // After a clock that was set back, what was judged lies in the future: begin again.
  if (memory.judged && *memory.judged > view.timeline.end_of(newest)) {
    memory.judged.reset();
    memory.challenger.reset();
    memory.streak = 0;
    memory.better = 0;
  }
  const Slot first = first_slot(view.timeline, newest, memory,
                                std::max(view.options.repeat, view.options.repeat_of));
  const auto forget = [&] {
    memory.streak = 0;
    memory.better = 0;
  };
  if (memory.judged && view.timeline.end_of(first - 1) > *memory.judged) forget();
  std::optional<Verdict> changed;  // in a slot before the newest
  for (Slot slot = first; slot < newest; ++slot) {
    if (!measured(view, slot)) {
      forget();
      continue;
    }
    view.newest = slot;
    view.now = std::min(view.timeline.end_of(slot), now);
    Verdict earlier = judge_class(view, memory, true);
    if (earlier.path != earlier.previous) changed = std::move(earlier);
  }
  view.newest = newest;
  view.now = now;
  Verdict verdict = judge_class(view, memory, first <= newest);
  memory.judged = view.timeline.end_of(newest);
  // What is told is what has changed since the last call, so it must say why, also when the newest
  // slot only keeps it.
  if (changed && verdict.path == verdict.previous) {
    verdict.reason = fmt::format("{}; since then: {}", changed->reason, verdict.reason);
    verdict.chance = changed->chance;
  }
  verdict.previous = before;
  return verdict;
}

void add(std::string& text, const std::optional<std::string>& name) {
  text += name ? "+" + *name : "-";
  text += '\n';
}

void add(std::string& text, std::int64_t number) {
  const auto octets = std::bit_cast<std::array<char, sizeof number>>(number);
  text.append(octets.data(), octets.size());
}

void add(std::string& text, const std::optional<WallTime>& time) {
  text += time ? '+' : '-';
  if (time) add(text, time->time_since_epoch().count());
}

// All that a verdict hangs on besides the windows: equal for classes that are judged alike.
std::string circumstances(const ClassView& view, const ClassMemory& memory) {
  std::string text{view.offer};
  add(text, static_cast<std::int64_t>(view.group ? *view.group + 1 : 0));
  const auto by_default = view.inputs.default_path.find(view.traffic_class);
  add(text, by_default == view.inputs.default_path.end() ? std::nullopt
                                                         : std::optional{by_default->second});
  add(text, memory.path);
  add(text, memory.challenger);
  add(text, memory.displaced);
  add(text, memory.changed);
  add(text, memory.judged);
  add(text, static_cast<std::int64_t>(memory.streak));
  add(text, static_cast<std::int64_t>(memory.better));
  add(text, std::bit_cast<std::int64_t>(view.options.price_per_ms.value_or(0)));
  add(text, static_cast<std::int64_t>(view.options.aim));
  add(text, std::bit_cast<std::int64_t>(view.options.evidence.objective));
  add(text, std::bit_cast<std::int64_t>(memory.penalty));
  text += memory.forced ? '+' : '-';
  return text;
}

// What became of the classes that are judged alike.
struct Outcome {
  std::string offer;
  std::vector<PathCost> costs;
  std::optional<std::size_t> group;
  const DecisionOptions* options;
  ClassMemory before;
  ClassMemory after;
  Verdict verdict;

  // How much it owes to chance that it has changed to a better path; nothing if it has not.
  [[nodiscard]] std::optional<double> owed() const {
    return verdict.path && verdict.path != verdict.previous ? verdict.chance : std::nullopt;
  }
};

ClassRates class_rates(const DecisionInputs& inputs, const DecisionOptions& options) {
  ClassRates rates = inputs.rates;
  for (const Policy& policy : options.policies) {
    if (policy.rate) rates[policy.traffic_class] = *policy.rate;
  }
  return rates;
}

// Judges one class after the other, and those that are judged alike once.
class Judge {
 public:
  Judge(const DecisionInputs& inputs, const DecisionOptions& options, WallTime now)
      : timeline_{inputs.windows, inputs.network.targets, now},
        inputs_{inputs},
        options_{options},
        now_{now},
        rates_{class_rates(inputs, options)},
        loads_{inputs.network.paths, rates_},
        has_commit_{std::ranges::any_of(inputs.network.paths,
                                        [](const auto& path) { return path.commit.has_value(); })} {
    for (const Policy& policy : options.policies)
      policies_.try_emplace(policy.traffic_class, &policy);
  }

  // Of every class that has traffic, before the first is judged.
  void place(std::span<const std::string> names, const DecisionMemory& memory) {
    if (!has_commit_) return;
    std::set<std::string_view> all(names.begin(), names.end());
    for (const auto& [name, rate] : rates_) all.insert(name);
    for (const std::string_view name : all) loads_.place(name, path_in_use(name, memory));
  }

  void judge(const std::string& name, const ClassMemory& memory) {
    const DecisionOptions& options = options_of(name);
    const auto group = timeline_.group_of(name);
    std::vector<PathCost> costs;
    if (options.price_per_ms) costs = loads_.costs(name);
    std::string offer = offer_of(inputs_, options, name, costs);
    auto text = circumstances(view_of(name, group, options, offer, costs), memory);
    const auto [known, fresh] = alike_.try_emplace(std::move(text), outcomes_.size());
    if (fresh) {
      outcomes_.push_back({.offer = std::move(offer),
                           .costs = std::move(costs),
                           .group = group,
                           .options = &options,
                           .before = memory,
                           .after = memory,
                           .verdict = {}});
      decide(name, outcomes_.back(), 1);
    }
    classes_.emplace_back(name, known->second);
    take(name, outcomes_[known->second].verdict.path);
  }

  // Takes back the changes that owe too much to chance, considering how many are tested at once.
  void control_false_discoveries() {
    const double most = most_chance();
    for (auto& each : outcomes_) {
      if (each.owed().value_or(0) > most) {
        each.after = each.before;
        decide(std::string{each.verdict.traffic_class}, each, most);
      }
    }
  }

  [[nodiscard]] Decision decision() const {
    Decision decision;
    decision.verdicts.reserve(classes_.size());
    for (const auto& [name, outcome] : classes_) {
      decision.verdicts.push_back(outcomes_[outcome].verdict);
      decision.verdicts.back().traffic_class = name;
      decision.memory.emplace_hint(decision.memory.end(), name, outcomes_[outcome].after);
    }
    return decision;
  }

 private:
  [[nodiscard]] ClassView view_of(std::string_view name, std::optional<std::size_t> group,
                                  const DecisionOptions& options, std::string_view offer,
                                  std::span<const PathCost> costs) {
    const std::pair key{group, options.objective()};
    auto& shared = shared_.try_emplace(key, timeline_, group, key.second).first->second;
    return {.timeline = timeline_,
            .inputs = inputs_,
            .options = options,
            .traffic_class = name,
            .group = group,
            .newest = {},
            .now = now_,
            .offer = offer,
            .costs = costs,
            .shared = shared};
  }

  void decide(std::string_view name, Outcome& outcome, double most) {
    ClassView view = view_of(name, outcome.group, *outcome.options, outcome.offer, outcome.costs);
    view.most_chance = most;
    outcome.verdict = decide_class(view, outcome.after);
  }

  const DecisionOptions& options_of(std::string_view name) {
    const auto policy = policies_.find(name);
    if (policy == policies_.end()) return options_;
    const auto& [objective, price] =
        std::tie(policy->second->objective, policy->second->price_per_ms);
    if (!objective && !price) return options_;
    const auto [own, fresh] = own_options_.try_emplace(policy->second, options_);
    if (fresh && objective) {
      own->second.aim = objective->aim;
      own->second.evidence.objective = objective->q;
    }
    if (fresh) own->second.price_per_ms = price;
    return own->second;
  }

  // Benjamini and Hochberg (1995): the largest of the chances p(i), in order of size, that is at
  // most i / m of the rate. What hangs on the same evidence is one test.
  [[nodiscard]] double most_chance() const {
    std::map<std::pair<std::optional<std::size_t>, Objective>, double> tests;
    for (const Outcome& each : outcomes_) {
      if (!each.verdict.rival) continue;
      const std::pair key{each.group, each.options->objective()};
      double& chance = tests.try_emplace(key, 1).first->second;
      chance = std::min(chance, each.owed().value_or(1));
    }
    std::vector<double> chances;
    chances.reserve(tests.size());
    for (const auto& [key, chance] : tests) chances.push_back(chance);
    std::ranges::sort(chances);
    const double each =
        options_.false_discovery / static_cast<double>(std::max<std::size_t>(chances.size(), 1));
    double most = each;
    for (std::size_t i = 0; i < chances.size(); ++i) {
      const double limit = static_cast<double>(i + 1) * each;
      if (chances[i] <= limit) most = limit;
    }
    return options_.false_discovery >= 1 ? 1 : most;
  }

  // Without a preference plain BGP decides.
  void take(std::string_view name, const std::optional<std::string>& path) {
    if (!has_commit_) return;
    const auto used = path ? path : default_of(name);
    if (used) loads_.move(name, *used);
  }

  [[nodiscard]] std::optional<std::string> default_of(std::string_view name) const {
    const auto found = inputs_.default_path.find(name);
    if (found == inputs_.default_path.end()) return std::nullopt;
    return found->second;
  }

  [[nodiscard]] std::optional<std::string> path_in_use(std::string_view name,
                                                       const DecisionMemory& memory) const {
    const auto known = memory.find(name);
    if (known != memory.end() && known->second.path) return known->second.path;
    return default_of(name);
  }

  Timeline timeline_;
  const DecisionInputs& inputs_;
  const DecisionOptions& options_;
  WallTime now_;
  ClassRates rates_;
  CommitLoads loads_;
  bool has_commit_;
  std::map<std::string_view, const Policy*> policies_;  // by class
  std::map<const Policy*, DecisionOptions> own_options_;
  std::map<std::pair<std::optional<std::size_t>, Objective>, SharedEvidence> shared_;
  std::unordered_map<std::string, std::size_t> alike_;  // by circumstances
  std::vector<Outcome> outcomes_;
  std::vector<std::pair<std::string, std::size_t>> classes_;
};

}  // namespace

Decision decide(const DecisionInputs& inputs, const DecisionMemory& before,
                const DecisionOptions& options, WallTime now) {
  Judge judge{inputs, options, now};
  static const ClassMemory nothing;
  const std::vector<std::string> names = traffic_classes(inputs.network.targets);
  judge.place(names, before);
  for (const std::string& name : names) {
    const auto known = before.find(name);
    judge.judge(name, known == before.end() ? nothing : known->second);
  }
  judge.control_false_discoveries();
  return judge.decision();
}

}  // namespace strait::analyzer
