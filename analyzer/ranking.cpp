// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
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
  std::uint64_t lost = 0;
  std::uint64_t probes = 0;
  const Lane& lane = view.timeline.lane(view.traffic_class, path);
  for (const Stream& stream : lane.pool({view.newest, view.newest})) {
    lost += stream.lost;
    probes += stream.decided();
  }
  return wilson(lost, probes, view.options.evidence.confidence);
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

void mark_lossier(std::vector<Candidate>& candidates, double margin) {
  double least = 1;
  for (const Candidate& each : candidates) {
    if (each.eligible()) least = std::min(least, each.evidence.loss.high);
  }
  for (Candidate& each : candidates) each.lossier = each.evidence.loss.low > least + margin;
}

bool clears(const ClassView& view, const Comparison& comparison, Nanos in_force, double factor) {
  if (comparison.a_is_lost) return true;
  if (!comparison.low) return false;
  const double ratio = view.options.min_gain_ratio * static_cast<double>(in_force.count());
  const double wanted =
      factor * std::max(static_cast<double>(view.options.min_gain.count()), ratio);
  return static_cast<double>(comparison.low->count()) > wanted;
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
  const auto evidence = gather_class(view.timeline, view.traffic_class, view.inputs.network,
                                     view.options.evidence, view.newest, view.now);
  const Nanos limit = freshness(view.options.evidence, view.timeline.window_length());
  for (const routes::Path& path : view.inputs.network.paths) {
    const auto found = std::ranges::find(evidence, path.name, &Evidence::path);
    const bool fresh = found->windows > 0 && found->age <= limit;
    candidates.push_back(
        {.path = &path,
         .evidence = *found,
         .eligibility = with_pin(judge_path(path, is_routed(view, path.name), *found,
                                            newest_loss(view, path.name), fresh, view.options),
                                 pin_note(view, path.name))});
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
  found.comparison = compare(view.timeline, view.traffic_class, other.path->name,
                             challenger.path->name, view.newest, paired);
  found.compared = found.comparison.method != Comparison::Method::none;
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
  found.clear = found.compared && !loses_more &&
                clears(view, found.comparison, objective_of(view, other), factor);
  return found;
}

}  // namespace strait::analyzer
