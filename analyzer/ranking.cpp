// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <tuple>

#include "analyzer/class_judge.hpp"
#include "analyzer/words.hpp"

namespace strait::analyzer {
namespace {

Nanos objective_of(const ClassView& view, const Candidate& candidate) {
  if (view.options.aim == Aim::jitter) return candidate.evidence.pdv.value_or(infinite_delay);
  const Percentile* p = candidate.evidence.percentile(view.options.evidence.objective);
  return p == nullptr ? infinite_delay : p->value;
}

const PathCost* cost_of(const ClassView& view, const routes::Path& path) {
  const auto number = static_cast<std::size_t>(&path - view.inputs.network.paths.data());
  return number < view.costs.size() ? &view.costs[number] : nullptr;
}

double counted_cost(const ClassView& view, const routes::Path& path) {
  const PathCost* const cost = cost_of(view, path);
  return cost == nullptr ? 0 : cost->counts;
}

// The time that this cost must buy.
Nanos price_of(const ClassView& view, double cost) {
  if (!view.options.price_per_ms) return Nanos{0};
  constexpr double most = 1e15;  // ns
  const double ns = cost / *view.options.price_per_ms * 1e6;
  return Nanos{std::llround(std::clamp(ns, -most, most))};
}

// What a path is worth, delay and cost together.
double worth_of(const ClassView& view, const Candidate& candidate) {
  const double loss = view.options.aim == Aim::loss ? candidate.evidence.loss.value * 1e15 : 0;
  const Nanos price = price_of(view, counted_cost(view, *candidate.path));
  return loss + static_cast<double>(objective_of(view, candidate).count()) +
         static_cast<double>(price.count());
}

Proportion newest_loss(const ClassView& view, std::string_view path) {
  const SlotPool& newest = view.shared.pools().of(path, view.newest);
  return wilson(newest.lost(), newest.decided(), view.options.evidence.confidence);
}

const PinNote* pin_note(const ClassView& view, const std::string& path) {
  const auto note = view.inputs.pins.find(path);
  return note == view.inputs.pins.end() ? nullptr : &note->second;
}

Eligibility standing_of(const ClassView& view, const routes::Path& path, const Evidence& evidence,
                        const Proportion& newest, bool fresh) {
  if (const auto broken = violation(view.options.policies, view.subject.of_class, path)) {
    return {Standing::forbidden, fmt::format("forbidden by policy: {}", *broken)};
  }
  return judge_path(path, is_routed(view.inputs, view.subject.name, path.name), evidence, newest,
                    fresh, view.options);
}

void mark_lossier(std::vector<Candidate>& candidates, double margin) {
  double least = 1;
  for (const Candidate& each : candidates) {
    if (each.eligible()) least = std::min(least, each.evidence.loss.high);
  }
  for (Candidate& each : candidates) each.lossier = each.evidence.loss.low > least + margin;
}

Nanos wanted_gain(const ClassView& view, Nanos in_force, double factor) {
  if (in_force == infinite_delay) return view.options.min_gain;  // its ratio is no number
  const double ratio = view.options.min_gain_ratio * static_cast<double>(in_force.count());
  const double wanted =
      factor * std::max(static_cast<double>(view.options.min_gain.count()), ratio);
  return Nanos{std::llround(wanted)};
}

bool clears(const Comparison& comparison, Nanos wanted) {
  return comparison.a_is_lost || (comparison.low && *comparison.low > wanted);
}

std::string gain_words(const Comparison& comparison) {
  if (comparison.method == Comparison::Method::none) return comparison.reason;
  if (comparison.a_is_lost) return fmt::format("{}, the other one lost", comparison.reason);
  const auto text = [](const std::optional<Nanos>& bound) {
    return bound ? delay_text(*bound) : std::string{"no bound"};
  };
  return fmt::format("gain {} [{}, {}] over {}", text(comparison.difference), text(comparison.low),
                     text(comparison.high), comparison.reason);
}

std::vector<Candidate> rank(const ClassView& view) {
  std::vector<Candidate> candidates;
  EvidenceOptions options = view.options.evidence;
  options.other_percentiles = false;
  options.pdv = view.options.aim == Aim::jitter;
  auto evidence = gather_class(view.timeline, view.subject.name, view.inputs.network, options,
                               view.newest, view.now);
  const Nanos limit = freshness(view.options.evidence, view.timeline.window_length());
  for (const routes::Path& path : view.inputs.network.paths) {
    const auto found = std::ranges::find(evidence, path.name, &Evidence::path);
    const bool fresh = found->windows > 0 && found->age <= limit;
    const Proportion newest = newest_loss(view, path.name);
    auto eligibility =
        with_pin(standing_of(view, path, *found, newest, fresh), pin_note(view, path.name));
    candidates.push_back({.path = &path,
                          .evidence = std::move(*found),
                          .newest_loss = newest,
                          .eligibility = std::move(eligibility)});
  }
  mark_lossier(candidates, view.options.loss_margin);
  std::ranges::sort(candidates, {}, [&](const Candidate& each) {
    return std::tuple{!each.eligible(), each.lossier, worth_of(view, each),
                      std::string_view{each.path->name}};
  });
  return candidates;
}

std::vector<Ranked> show_ranking(const ClassView& view, const std::vector<Candidate>& candidates) {
  std::vector<Ranked> ranking;
  ranking.reserve(candidates.size());
  for (const Candidate& each : candidates) {
    Ranked ranked;
    ranked.path = each.path->name;
    ranked.eligible = each.eligible();
    ranked.reason = each.eligibility.reason;
    const PathCost* const cost = cost_of(view, *each.path);
    if (cost != nullptr && each.path->cost > 0) ranked.reason += "; " + cost->words(*each.path);
    const Candidate& rival =
        &each == &candidates.front() && candidates.size() > 1 ? candidates[1] : candidates.front();
    if (each.eligible() && rival.eligible() && &each != &rival) {
      // What taking the rival instead would gain: this path minus the rival.
      const Comparison& difference = *advantage(view, rival, each, 1.0).comparison;
      ranked.difference = difference.difference;
      ranked.difference_low = difference.low;
      ranked.difference_high = difference.high;
    }
    ranking.push_back(std::move(ranked));
  }
  return ranking;
}

}  // namespace

bool is_routed(const DecisionInputs& inputs, std::string_view traffic_class,
               std::string_view path) {
  if (!inputs.routed) return true;
  const auto paths = inputs.routed->find(traffic_class);
  return paths != inputs.routed->end() && paths->second.contains(std::string{path});
}

std::string offer_of(const DecisionInputs& inputs, const DecisionOptions& options,
                     const Subject& subject, std::span<const PathCost> costs) {
  std::string offer;
  for (const PathCost& cost : costs) {
    offer += fmt::format("{} {:a} {:a} {:a}\n", static_cast<int>(cost.basis), cost.counts,
                         cost.rate.per_second, cost.others.per_second);
  }
  if (!costs.empty()) offer += fmt::format("at {:a}\n", options.price_per_ms.value_or(0));
  if (!inputs.routed && options.policies.empty()) return offer;
  for (const routes::Path& path : inputs.network.paths) {
    offer += is_routed(inputs, subject.name, path.name) ? '+' : '-';
    if (const auto broken = violation(options.policies, subject.of_class, path)) offer += *broken;
    offer += '\n';
  }
  return offer;
}

const Field& field_of(const ClassView& view) {
  return view.shared.field(view.newest, view.now, view.offer, [&] {
    Field field;
    field.candidates = rank(view);
    field.ranking = show_ranking(view, field.candidates);
    return field;
  });
}

const Candidate* find_path(const std::vector<Candidate>& candidates, std::string_view path) {
  const auto found = std::ranges::find_if(
      candidates, [&](const Candidate& each) { return each.path->name == path; });
  return found == candidates.end() ? nullptr : &*found;
}

std::string Advantage::words() const {
  const Proportion& mine = challenger->evidence.loss;
  const std::string& name = other->path->name;
  std::string text = by_loss ? fmt::format("loses {:.2f} % at most, {} at least {:.2f} %",
                                           mine.high * 100, name, other->evidence.loss.low * 100)
                             : gain_words(*comparison);
  if (loses_more) text += ", but it loses more";
  if (!loses_more && may_lose) {
    text += fmt::format(", but it may lose up to {:.2f} %", mine.high * 100);
  }
  if (only_loss && !by_loss) text += ", but only loss counts";
  if (!only_target.empty()) {
    text += fmt::format(", but by {} alone: without it the path is surely worse", only_target);
  }
  if (one_of_many) text += fmt::format(" against {}", name);
  return text;
}

Advantage advantage(const ClassView& view, const Candidate& challenger, const Candidate& other,
                    double factor) {
  const Comparison& comparison = view.shared.compared(*other.path, *challenger.path, view.newest,
                                                      paired_options(view.options));
  Advantage found;
  found.challenger = &challenger;
  found.other = &other;
  found.comparison = &comparison;
  found.compared = comparison.method != Comparison::Method::none;
  found.wanted =
      wanted_gain(view, objective_of(view, other), factor) +
      price_of(view, counted_cost(view, *challenger.path) - counted_cost(view, *other.path));
  found.only_loss = view.options.aim == Aim::loss;
  const Proportion& mine = challenger.evidence.loss;
  const Proportion& theirs = other.evidence.loss;
  // Loss first: a certain difference there outranks any latency, in both directions.
  if (theirs.trials > 0 && theirs.low > mine.high + factor * view.options.loss_margin) {
    found.clear = found.compared = found.by_loss = true;
    return found;
  }
  found.loses_more = mine.low > theirs.high;
  found.may_lose = may_lose(mine, std::max(view.options.max_loss, theirs.high));
  found.clear = found.compared && !found.loses_more && !found.may_lose && !found.only_loss &&
                clears(comparison, found.wanted);
  return found;
}

bool may_lose(const Proportion& loss, double limit) { return loss.hits > 0 && loss.high > limit; }

PairedOptions paired_options(const DecisionOptions& options) {
  return {.objective = options.objective(),
          .confidence = options.evidence.confidence,
          .windows = options.pair_windows};
}

// Of loss by the normal distribution of the difference of two shares.
double chance_of(const ClassView& view, const Advantage& found, unsigned streak) {
  const double confidence = view.options.evidence.confidence;
  if (!found.by_loss) {
    PairedOptions wide = paired_options(view.options);
    wide.windows += std::max(streak, 1U) - 1;
    const Comparison& all =
        view.shared.compared(*found.other->path, *found.challenger->path, view.newest, wide);
    return chance_of(all, found.wanted, confidence, streak);
  }
  const auto variance = [](const Proportion& share) {
    const double half = (share.high - share.low) / 2;
    return half * half;
  };
  const Proportion& mine = found.challenger->evidence.loss;
  const Proportion& theirs = found.other->evidence.loss;
  const double spread = std::sqrt(variance(mine) + variance(theirs)) / normal_deviate(confidence);
  return std::erfc((theirs.value - mine.value) / spread / std::numbers::sqrt2) / 2;
}

}  // namespace strait::analyzer
