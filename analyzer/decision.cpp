// SPDX-License-Identifier: Apache-2.0
#include "analyzer/decision.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzer/class_judge.hpp"

namespace strait::analyzer {
namespace {

// What became of the classes that are judged alike.
struct Outcome {
  Subject subject;  // the first of them
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
      : targets_{all_targets(inputs)},
        timeline_{inputs.windows, targets_, now},
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

  void judge_classes(std::span<const std::string> names, const DecisionMemory& memory) {
    place(names, memory);
    for (const std::string& name : names) {
      const std::size_t outcome =
          judge({.name = name, .of_class = name, .whole = {}, .by_default = default_of(name)},
                remembered(memory, name));
      classes_.emplace_back(name, outcome);
      take(name, outcomes_[outcome].verdict.path);
    }
    control_false_discoveries(0, options_.false_discovery);
    for (const auto& [name, outcome] : classes_) path_of_[name] = outcomes_[outcome].verdict.path;
  }

  // Level by level, because a part is held against what its whole goes by. Of the changes of all
  // levels together no more may be owed to chance than of the classes': each has an equal share.
  void judge_parts(const DecisionMemory& memory) {
    std::set<Grain> levels;
    for (const MeasuredPart& each : inputs_.parts) {
      levels.insert(each.level);
      whole_of_[each.part.name] = each.part.whole;
    }
    parts_.resize(inputs_.parts.size());
    for (const Grain level : levels) {
      const std::size_t first = outcomes_.size();
      judge_level(level, memory);
      control_false_discoveries(first,
                                options_.false_discovery / static_cast<double>(levels.size()));
      for (std::size_t i = 0; i < parts_.size(); ++i) {
        if (inputs_.parts[i].level != level) continue;
        path_of_[inputs_.parts[i].part.name] = outcomes_[parts_[i]].verdict.path;
      }
    }
  }

  [[nodiscard]] Decision decision() {
    Decision decision;
    decision.verdicts.reserve(classes_.size());
    for (const auto& [name, outcome] : classes_) {
      decision.verdicts.push_back(outcomes_[outcome].verdict);
      decision.verdicts.back().traffic_class = name;
      decision.memory.emplace_hint(decision.memory.end(), name, outcomes_[outcome].after);
    }
    add_parts(decision);
    return decision;
  }

 private:
  static std::vector<Target> all_targets(const DecisionInputs& inputs) {
    std::vector<Target> all(inputs.network.targets.begin(), inputs.network.targets.end());
    for (const MeasuredPart& part : inputs.parts) {
      all.insert(all.end(), part.targets.begin(), part.targets.end());
    }
    return all;
  }

  // Of every class that has traffic, before the first is judged.
  void place(std::span<const std::string> names, const DecisionMemory& memory) {
    if (!has_commit_) return;
    std::set<std::string_view> all(names.begin(), names.end());
    for (const auto& [name, rate] : rates_) all.insert(name);
    for (const std::string_view name : all) loads_.place(name, path_in_use(name, memory));
  }

  static const ClassMemory& remembered(const DecisionMemory& memory, const std::string& name) {
    static const ClassMemory nothing;
    const auto known = memory.find(name);
    return known == memory.end() ? nothing : known->second;
  }

  // The number of its outcome.
  std::size_t judge(Subject subject, const ClassMemory& memory) {
    const DecisionOptions& options = options_of(subject.of_class);
    std::vector<PathCost> costs;
    if (options.price_per_ms) costs = loads_.costs(subject.name);
    Outcome outcome{.subject = std::move(subject),
                    .offer = {},
                    .costs = std::move(costs),
                    .group = {},
                    .options = &options,
                    .before = memory,
                    .after = memory,
                    .verdict = {}};
    outcome.group = timeline_.group_of(outcome.subject.name);
    outcome.offer = offer_of(inputs_, options, outcome.subject, outcome.costs);
    auto text = circumstances(view_of(outcome), memory);
    const auto [known, fresh] = alike_.try_emplace(std::move(text), outcomes_.size());
    if (fresh) {
      outcomes_.push_back(std::move(outcome));
      decide(outcomes_.back(), 1);
    }
    return known->second;
  }

  void judge_level(Grain level, const DecisionMemory& memory) {
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const auto& [part, its_level, targets, weight] = inputs_.parts[i];
      if (its_level != level) continue;
      parts_[i] = judge({.name = part.name,
                         .of_class = part.traffic_class,
                         .whole = part.whole,
                         .by_default = goes_by(part)},
                        remembered(memory, part.name));
    }
  }

  // What a part goes by without a path of its own: what its whole does, which if that offers
  // nothing there, or has no preference, is left to plain BGP.
  [[nodiscard]] std::optional<std::string> goes_by(const routes::Part& part) const {
    std::string whole = part.whole;
    for (;;) {
      const auto path = path_of_.find(whole);
      const std::optional<std::string> its = path == path_of_.end() ? std::nullopt : path->second;
      if (its) return is_routed(inputs_, part.name, *its) ? its : default_of(part.name);
      const auto above = whole_of_.find(whole);
      if (above == whole_of_.end()) return default_of(part.name);
      whole = above->second;
    }
  }

  // Takes back the changes that owe too much to chance, considering how many are tested at once:
  // the outcomes from `first` on.
  void control_false_discoveries(std::size_t first, double rate) {
    if (options_.false_discovery >= 1) return;
    const double most = most_chance(std::span{outcomes_}.subspan(first), rate);
    for (std::size_t i = first; i < outcomes_.size(); ++i) {
      Outcome& each = outcomes_[i];
      if (each.owed().value_or(0) > most) {
        each.after = each.before;
        decide(each, most);
      }
    }
  }

  void add_parts(Decision& decision) {
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const MeasuredPart& measured = inputs_.parts[i];
      const Outcome& outcome = outcomes_[parts_[i]];
      PartVerdict part{.verdict = outcome.verdict,
                       .level = measured.level,
                       .standing = PartStanding::as_whole,
                       .targets = measured.targets.size(),
                       .weight = measured.weight};
      part.verdict.traffic_class = measured.part.name;
      if (part.verdict.path) {
        part.standing = PartStanding::split;
      } else if (part.verdict.ruling == Ruling::insufficient) {
        part.standing = PartStanding::unmeasured;
      }
      decision.parts.push_back(std::move(part));
      decision.memory.emplace(measured.part.name, outcome.after);
    }
    const auto left_out = beyond(decision.parts, options_.max_parts);
    for (const std::size_t i : left_out) path_of_[inputs_.parts[i].part.name].reset();
    for (const std::size_t i : left_out) leave_out(i, decision);
  }

  // Remembers what led to its wish, so that it has its path as soon as there is room.
  void leave_out(std::size_t number, Decision& decision) {
    PartVerdict& part = decision.parts[number];
    Verdict& verdict = part.verdict;
    ClassMemory& memory = decision.memory.find(verdict.traffic_class)->second;
    memory = outcomes_[parts_[number]].before;
    if (memory.path) {
      memory.displaced = std::exchange(memory.path, std::nullopt);
      memory.changed = now_;
    }
    // What wished to differ from a whole that is left out itself may not differ from the class.
    const bool differs = goes_by(inputs_.parts[number].part) != verdict.path;
    part.standing = differs ? PartStanding::left_out : PartStanding::as_whole;
    verdict.reason = fmt::format(
        "left to {}: at most {} parts have paths of their own, and others "
        "weigh or gain more; it would go by {}: {}",
        verdict.whole, options_.max_parts, verdict.path.value_or(""), verdict.reason);
    verdict.ruling = Ruling::keep;
    verdict.path.reset();
  }

  [[nodiscard]] ClassView view_of(const Outcome& outcome) {
    const std::pair key{outcome.group, outcome.options->objective()};
    auto& shared = shared_.try_emplace(key, timeline_, outcome.group, key.second).first->second;
    return {.timeline = timeline_,
            .inputs = inputs_,
            .options = *outcome.options,
            .subject = outcome.subject,
            .group = outcome.group,
            .newest = {},
            .now = now_,
            .offer = outcome.offer,
            .costs = outcome.costs,
            .shared = shared};
  }

  void decide(Outcome& outcome, double most) {
    ClassView view = view_of(outcome);
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
  [[nodiscard]] static double most_chance(std::span<const Outcome> outcomes, double rate) {
    std::map<std::pair<std::optional<std::size_t>, Objective>, double> tests;
    for (const Outcome& each : outcomes) {
      if (!each.verdict.rival) continue;
      const std::pair key{each.group, each.options->objective()};
      double& chance = tests.try_emplace(key, 1).first->second;
      chance = std::min(chance, each.owed().value_or(1));
    }
    std::vector<double> chances;
    chances.reserve(tests.size());
    for (const auto& [key, chance] : tests) chances.push_back(chance);
    std::ranges::sort(chances);
    const double each = rate / static_cast<double>(std::max<std::size_t>(chances.size(), 1));
    double most = each;
    for (std::size_t i = 0; i < chances.size(); ++i) {
      const double limit = static_cast<double>(i + 1) * each;
      if (chances[i] <= limit) most = limit;
    }
    return most;
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

  std::vector<Target> targets_;  // of the classes, then of the parts
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
  std::vector<std::size_t> parts_;  // by number in the inputs: the outcome
  // By class and part: the path that it has itself, and what a part is split off from.
  std::map<std::string, std::optional<std::string>, std::less<>> path_of_;
  std::map<std::string, std::string, std::less<>> whole_of_;
};

}  // namespace

Decision decide(const DecisionInputs& inputs, const DecisionMemory& before,
                const DecisionOptions& options, WallTime now) {
  Judge judge{inputs, options, now};
  judge.judge_classes(traffic_classes(inputs.network.targets), before);
  judge.judge_parts(before);
  return judge.decision();
}

}  // namespace strait::analyzer
