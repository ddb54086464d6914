// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "analyzer/class_judge.hpp"
#include "analyzer/words.hpp"

namespace strait::analyzer {
namespace {

Nanos objective_of(const ClassView& view, const Candidate& candidate) {
  const Percentile* p = candidate.evidence.percentile(view.options.evidence.objective);
  return p == nullptr ? infinite_delay : p->value;
}

Proportion newest_loss(const ClassView& view, std::string_view path) {
  const SlotPool& newest = view.pools.of(path, view.newest);
  return wilson(newest.lost(), newest.decided(), view.options.evidence.confidence);
}

bool is_routed(const ClassView& view, const std::string& path) {
  if (!view.inputs.routed) return true;
  const auto paths = view.inputs.routed->find(view.traffic_class);
  return paths != view.inputs.routed->end() && paths->second.contains(path);
}

const PinNote* pin_note(const ClassView& view, const std::string& path) {
  const auto note = view.inputs.pins.find(path);
  return note == view.inputs.pins.end() ? nullptr : &note->second;
}

Eligibility standing_of(const ClassView& view, const routes::Path& path, const Evidence& evidence,
                        const Proportion& newest, bool fresh) {
  if (const auto broken = violation(view.options.policies, view.traffic_class, path)) {
    return {Standing::forbidden, fmt::format("forbidden by policy: {}", *broken)};
  }
  return judge_path(path, is_routed(view, path.name), evidence, newest, fresh, view.options);
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

}  // namespace

std::vector<Candidate> rank(const ClassView& view) {
  std::vector<Candidate> candidates;
  auto evidence = gather_class(view.timeline, view.traffic_class, view.inputs.network,
                               view.options.evidence, view.newest, view.now);
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
    return std::tuple{!each.eligible(), each.lossier, objective_of(view, each),
                      std::string_view{each.path->name}};
  });
  return candidates;
}

Advantage advantage(const ClassView& view, const Candidate& challenger, const Candidate& other,
                    double factor) {
  const PairedOptions paired{.q = view.options.evidence.objective,
                             .confidence = view.options.evidence.confidence,
                             .windows = view.options.pair_windows};
  Advantage found;
  found.comparison =
      compare(view.pools, other.path->name, challenger.path->name, view.newest, paired);
  found.compared = found.comparison.method != Comparison::Method::none;
  found.wanted = wanted_gain(view, objective_of(view, other), factor);
  found.words = gain_words(found.comparison);
  const Proportion& mine = challenger.evidence.loss;
  const Proportion& theirs = other.evidence.loss;
  // Loss first: a certain difference there outranks any latency, in both directions.
  if (theirs.trials > 0 && theirs.low > mine.high + factor * view.options.loss_margin) {
    found.clear = found.compared = true;
    found.words = fmt::format("loses {:.2f} % at most, {} at least {:.2f} %", mine.high * 100,
                              other.path->name, theirs.low * 100);
    return found;
  }
  const bool loses_more = mine.low > theirs.high;
  if (loses_more) found.words += ", but it loses more";
  found.clear = found.compared && !loses_more && clears(found.comparison, found.wanted);
  return found;
}

}  // namespace strait::analyzer
