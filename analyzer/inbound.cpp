// SPDX-License-Identifier: Apache-2.0
#include "analyzer/inbound.hpp"

#include <algorithm>
#include <map>

namespace strait::analyzer {
namespace {

std::vector<Target> targets_of(std::span<const Target> all, std::string_view traffic_class) {
  std::vector<Target> found;
  std::ranges::copy_if(all, std::back_inserter(found),
                       [&](const Target& target) { return target.traffic_class == traffic_class; });
  return found;
}

// And as it comes. Once, not there and back: rtt_floor() takes a path's floor twice.
std::vector<routes::Path> ways_in(std::span<const routes::Path> paths,
                                  const InboundClass& inbound) {
  std::vector<routes::Path> found;
  for (const routes::Path& path : paths) {
    if (!inbound.comes_back.contains(path.name)) continue;
    found.push_back(path);
    found.back().one_way_floor /= 2;
  }
  found.emplace_back().name = as_it_comes;
  return found;
}

// As it comes is no path of ours, so its countries are not known; the policies speak of the others.
void apply_policies(DecisionOptions& options, std::vector<routes::Path>& paths,
                    std::string_view traffic_class) {
  for (routes::Path& path : paths) {
    if (path.forbidden || path.name == as_it_comes) continue;
    const auto broken = violation(options.policies, traffic_class, path);
    if (!broken) continue;
    path.forbidden = true;
    path.forbidden_reason = *broken;
  }
  for (Policy& policy : options.policies) {
    policy.allow_transit.reset();
    policy.avoid_transit.clear();
    policy.keep_domestic = false;
  }
}

PairedOptions paired_options(const DecisionOptions& options, std::string_view traffic_class,
                             double confidence, unsigned windows) {
  Objective objective = options.objective();
  for (const Policy& policy : options.policies) {
    if (policy.traffic_class == traffic_class) objective = policy.objective.value_or(objective);
  }
  return {.objective = objective, .confidence = confidence, .windows = windows};
}

// Both bounds within half of what would be worth a change.
bool the_same(const Comparison& comparison, Nanos min_gain) {
  return comparison.low && comparison.high && *comparison.low > -min_gain / 2 &&
         *comparison.high < min_gain / 2;
}

Slot slot_at(const Timeline& timeline, WallTime at) {
  return at.time_since_epoch() / timeline.window_length();
}

InboundEffect effect(const Comparison& before, const Comparison& after, std::string path) {
  InboundEffect effect{.path = std::move(path),
                       .before = before,
                       .after = after,
                       .change = std::nullopt,
                       .low = std::nullopt,
                       .high = std::nullopt};
  if (!before.difference || !after.difference) return effect;
  effect.change = *after.difference - *before.difference;
  if (after.low && before.high) effect.low = *after.low - *before.high;
  if (after.high && before.low) effect.high = *after.high - *before.low;
  return effect;
}

// The same window, of the way back.
Window reversed(const Window& window) {
  Window reverse = window;
  reverse.rtt = window.reverse;
  reverse.forward = Sketch{};
  reverse.reverse = Sketch{};
  reverse.uncertain = Sketch{lag_schema};
  reverse.uncertainty = std::max(window.uncertainty, window.clocks.error);
  const auto lost = window.counts.errors.find("lost-reverse");
  const bool told = window.far.counts && lost != window.counts.errors.end();
  reverse.counts.received = window.reverse.count();
  reverse.counts.lost = told ? lost->second : 0;
  reverse.counts.sent = reverse.counts.received + reverse.counts.lost;
  return reverse;
}

// Of a decision that was already for another way in one of the windows it has judged, as "k of n
// windows" has it: it goes on from there, but no traffic follows before somebody changes something.
void still_to_do(Verdict& verdict) {
  if (verdict.ruling != Ruling::keep || !verdict.path || *verdict.path == as_it_comes) return;
  const auto now = std::ranges::find(verdict.ranking, as_it_comes, &Ranked::path);
  if (now == verdict.ranking.end()) return;
  verdict.ruling = Ruling::prefer;
  verdict.rival = verdict.path;
  verdict.gain = now->difference;
  verdict.gain_low = now->difference_low;
  verdict.gain_high = now->difference_high;
}

}  // namespace

ReverseWindows reverse_windows(std::span<const Window> windows, const InboundClass& inbound) {
  // By target, the path of its ordinary session.
  std::map<std::string_view, std::string_view> chosen;
  for (const auto& [path, target] : inbound.ordinary) chosen.try_emplace(target, path);
  ReverseWindows seen;
  for (const Window& window : windows) {
    const auto ordinary = chosen.find(window.session.target);
    const bool as_traffic = ordinary != chosen.end() && ordinary->second == window.session.path;
    if (!as_traffic && !inbound.comes_back.contains(window.session.path)) continue;
    if (window.clocks.state != ClockState::usable || window.reverse.count() == 0) {
      ++seen.no_clocks;
      continue;
    }
    Window reverse = reversed(window);
    if (as_traffic) reverse.session.path = as_it_comes;
    if (!window.far.counts) ++seen.loss_unseen;
    seen.windows.push_back(std::move(reverse));
  }
  return seen;
}

InboundAnswer judge_inbound(std::span<const Window> windows, const Network& network,
                            const InboundClass& inbound, const DecisionOptions& options,
                            WallTime now) {
  const auto targets = targets_of(network.targets, inbound.traffic_class);
  std::vector<routes::Path> paths = ways_in(network.paths, inbound);
  DecisionOptions of_inbound = options;
  apply_policies(of_inbound, paths, inbound.traffic_class);
  const Network ways{.targets = targets, .paths = paths, .far_ends = {}};

  InboundAnswer answer;
  answer.evidence = gather(windows, ways, of_inbound.evidence, now);
  DecisionMemory memory;
  memory[inbound.traffic_class].path = std::string{as_it_comes};
  const DecisionInputs inputs{.windows = windows,
                              .network = ways,
                              .routed = {},
                              .default_path = {},
                              .pins = {},
                              .rates = {}};
  auto decision = decide(inputs, memory, of_inbound, now);
  if (decision.verdicts.empty()) {
    answer.verdict.traffic_class = inbound.traffic_class;
    answer.verdict.reason = "no target is in this class";
    answer.verdict.at = now;
    return answer;
  }
  answer.verdict = std::move(decision.verdicts.front());
  still_to_do(answer.verdict);
  const Timeline timeline{windows, targets, now};
  if (timeline.empty()) return answer;
  const auto paired = paired_options(of_inbound, inbound.traffic_class, options.evidence.confidence,
                                     options.pair_windows);
  std::vector<std::string> fitting;
  for (const routes::Path& path : paths) {
    if (path.name == as_it_comes) continue;
    const Comparison comparison = compare(timeline, inbound.traffic_class, as_it_comes, path.name,
                                          timeline.newest().value_or(0), paired);
    if (the_same(comparison, options.min_gain)) fitting.push_back(path.name);
  }
  if (fitting.size() == 1) answer.comes_by = fitting.front();
  return answer;
}

std::vector<InboundEffect> inbound_effects(std::span<const Window> windows, const Network& network,
                                           const InboundClass& inbound,
                                           const DecisionOptions& options, WallTime made,
                                           WallTime now) {
  std::vector<InboundEffect> effects;
  const auto targets = targets_of(network.targets, inbound.traffic_class);
  const Timeline timeline{windows, targets, now};
  if (timeline.empty()) return effects;
  const Slot change = slot_at(timeline, made);
  const Slot newest = timeline.newest().value_or(change);
  const auto since = static_cast<unsigned>(
      std::clamp<Slot>(newest - change, 0, static_cast<Slot>(options.pair_windows)));
  // Each side at (1 + confidence) / 2, so that both hold together.
  const double confidence = (1 + options.evidence.confidence) / 2;
  const auto before =
      paired_options(options, inbound.traffic_class, confidence, options.pair_windows);
  const auto after = paired_options(options, inbound.traffic_class, confidence, since);
  for (const routes::Path& path : network.paths) {
    if (!inbound.comes_back.contains(path.name)) continue;
    const std::string_view name = path.name;
    effects.push_back(effect(
        compare(timeline, inbound.traffic_class, as_it_comes, name, change - 1, before),
        since == 0 ? Comparison{}
                   : compare(timeline, inbound.traffic_class, as_it_comes, name, newest, after),
        path.name));
  }
  return effects;
}

}  // namespace strait::analyzer
