// SPDX-License-Identifier: Apache-2.0
#include "analyzer/gather.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>

#include "analyzer/design_effect.hpp"
#include "analyzer/floor.hpp"
#include "analyzer/neighbours.hpp"
#include "analyzer/quantile_interval.hpp"
#include "analyzer/wilson.hpp"
#include "analyzer/words.hpp"

namespace strait::analyzer {
namespace {

const routes::Path* find_path(const Network& network, std::string_view name) {
  const auto path = std::ranges::find(network.paths, name, &routes::Path::name);
  return path == network.paths.end() ? nullptr : &*path;
}

std::set<std::string> all_paths(const Timeline& timeline, const Network& network) {
  std::set<std::string> names(timeline.paths().begin(), timeline.paths().end());
  for (const routes::Path& path : network.paths) names.insert(path.name);
  return names;
}

void describe_windows(Evidence& evidence, std::span<const Lane::Entry> entries, WallTime now) {
  if (entries.empty()) return;
  std::optional<Slot> slot;  // of the last window: they come in order
  evidence.from = entries.front().window->start;
  evidence.to = entries.front().window->start;
  std::optional<StampSource> worst;  // of the windows that have a reply
  for (const Lane::Entry& entry : entries) {
    const Window& window = *entry.window;
    if (slot != entry.slot) ++evidence.windows;
    slot = entry.slot;
    evidence.from = std::min(evidence.from, window.start);
    evidence.to = std::max(evidence.to, window.start + window.length);
    if (!window.rtt.empty()) worst = std::max(worst.value_or(window.source), window.source);
    evidence.uncertainty = std::max(evidence.uncertainty, window.uncertainty);
  }
  evidence.source = worst.value_or(StampSource::user);
  evidence.age = std::max(now - evidence.to, Nanos{0});
}

void describe_loss(Evidence& evidence, std::span<const Lane::Entry> entries, const Pool& pool,
                   std::uint64_t lost, double confidence) {
  const std::uint64_t probes = evidence.samples + evidence.kept_apart + lost;
  const LossPattern pattern = loss_pattern(entries, pool, confidence);
  evidence.loss = wilson_of(lost, probes, pattern.effect.worth(probes), confidence);
  evidence.windows_with_loss = pattern.windows_with_loss;
  evidence.most_lost = pattern.most_in_window;
}

// Whether so many independent probes would show a percentile for sure: five beyond it. With fewer
// the interval hangs on one or two, and with few enough there is none.
bool shows(std::uint64_t probes, double q) { return static_cast<double>(probes) * (1 - q) >= 5; }

void describe_delays(Evidence& evidence, std::span<const Lane::Entry> entries, const Pool& pool,
                     const EvidenceOptions& options) {
  std::uint64_t lost = 0;
  for (const Stream& stream : pool) {
    evidence.samples += stream.rtt.count();
    evidence.kept_apart += stream.kept_apart;
    lost += stream.lost;
    if (const auto min = stream.rtt.min()) {
      evidence.min = std::min(evidence.min.value_or(*min), *min);
    }
  }
  describe_loss(evidence, entries, pool, lost, options.confidence);
  evidence.rtt = point_percentiles(pool, options.other_percentiles
                                             ? std::span<const double>{reported_quantiles}
                                             : std::span{&options.objective, 1});
  const auto effects = design_effects(entries, pool, evidence.rtt, options.confidence);
  const double alike = neighbour_effect(entries);
  for (std::size_t i = 0; i < effects.size(); ++i) {
    Percentile& each = evidence.rtt[i];
    // Few windows may scatter little by chance, and just those would seem to carry an interval.
    const auto fewer = static_cast<std::uint64_t>(static_cast<double>(each.worth) / alike);
    each.worth = effects[i].worth(each.worth);
    if (!shows(fewer, each.q)) each.worth = std::min(each.worth, fewer);
  }
  set_intervals(evidence.rtt, pool, options.confidence);
  if (options.pdv) evidence.pdv = delay_variation(pool);
}

// Each target is held against its own floor; the one that comes nearest to it is reported.
void describe_floor(Evidence& evidence, const Pool& pool, const Network& network,
                    const EvidenceOptions& options) {
  const Nanos margin = options.floor_margin + evidence.uncertainty;
  evidence.below_floor = evidence.min && *evidence.min + evidence.uncertainty <= Nanos{0};
  const routes::Path* path = find_path(network, evidence.path);
  if (path == nullptr) return;
  const auto end = network.far_ends.find(evidence.path);
  const auto far_end = end == network.far_ends.end() ? std::nullopt : std::optional{end->second};
  evidence.floor = rtt_floor(*path, std::nullopt, std::nullopt);
  for (const Stream& stream : pool) {
    const auto floor = rtt_floor(*path, far_end, stream.target->position);
    const auto min = stream.rtt.min();
    if (!floor || !min) continue;
    const double stretch = static_cast<double>(min->count()) / static_cast<double>(floor->count());
    if (!evidence.stretch || stretch < *evidence.stretch) {
      evidence.stretch = stretch;
      evidence.floor = floor;
      evidence.detour_km = std::max(fibre_km(*min - *floor), 0.0);
    }
    if (*min + margin < *floor) evidence.below_floor = true;
  }
}

// Nothing is refused for it: the site's position may be that of its town, or of an office.
void describe_great_circle(Evidence& evidence, const Pool& pool, const Network& network) {
  if (!network.site) return;
  for (const Stream& stream : pool) {
    const auto min = stream.rtt.min();
    const auto& place = stream.target->position;
    if (!min || !place) continue;
    const Nanos round_trip = fibre_round_trip(great_circle_km(*network.site, *place));
    if (round_trip <= Nanos{0}) continue;  // in the same town
    const double stretch =
        static_cast<double>(min->count()) / static_cast<double>(round_trip.count());
    if (evidence.great_circle && evidence.great_circle->stretch <= stretch) continue;
    evidence.great_circle = {.target = stream.target->name,
                             .round_trip = round_trip,
                             .stretch = stretch,
                             .detour_km = std::max(fibre_km(*min - round_trip), 0.0)};
  }
}

// An age of days is no number of seconds.
std::string age_text(Nanos age) {
  using std::chrono::days;
  using std::chrono::hours;
  using std::chrono::minutes;
  if (age < minutes{10}) return delay_text(age);
  if (age < hours{2}) return fmt::format("{} minutes", age / minutes{1});
  if (age < days{2}) return fmt::format("{} hours", age / hours{1});
  return fmt::format("{} days", age / days{1});
}

struct Judgement {
  Adequacy adequacy = Adequacy::insufficient;
  std::string reason;
};

Judgement judge_probes(const Evidence& evidence, const Pool& pool, const EvidenceOptions& options) {
  const std::uint64_t counted = effective_probes(pool);
  const std::uint64_t needed = probes_needed(options.objective, options.confidence);
  const std::string name = quantile_name(options.objective);
  const std::uint64_t resting = evidence.rtt.empty() ? 0 : evidence.rtt.front().probes;
  const std::string count =
      counted == resting ? fmt::format(FMT_COMPILE("{} probes"), counted)
                         : fmt::format(FMT_COMPILE("{} probes, worth {} for the targets' weights"),
                                       resting, counted);
  const std::string sentence = fmt::format(FMT_COMPILE("{}, {} needs {}"), count, name, needed);
  if (counted < needed) return {Adequacy::insufficient, sentence};
  const Percentile* objective = evidence.percentile(options.objective);
  if (objective == nullptr || objective->infinite()) {
    return {Adequacy::insufficient,
            fmt::format(FMT_COMPILE("{} is infinite: {}"), name, to_text(evidence.loss))};
  }
  return {Adequacy::adequate, sentence};
}

Judgement judge(const Evidence& evidence, const Pool& pool, const EvidenceOptions& options,
                Nanos window_length) {
  if (evidence.windows == 0) {
    return {Adequacy::insufficient, "not measured in the span that is looked at"};
  }
  const Nanos limit = freshness(options, window_length);
  if (evidence.age > limit) {
    return {Adequacy::insufficient, fmt::format("stale: the newest window ended {} ago, limit {}",
                                                age_text(evidence.age), delay_text(limit))};
  }
  if (evidence.loss.trials == 0) return {Adequacy::insufficient, "no probe was sent"};
  if (const std::uint64_t answered = evidence.samples + evidence.kept_apart;
      too_uncertain(evidence.kept_apart, answered)) {
    return {Adequacy::insufficient, fmt::format("timestamps too uncertain: {} of {} replies are "
                                                "kept apart",
                                                evidence.kept_apart, answered)};
  }
  if (evidence.below_floor && evidence.min && *evidence.min <= Nanos{0}) {
    return {Adequacy::insufficient, "impossible: a round trip of no time at all was measured"};
  }
  if (evidence.below_floor && evidence.min && evidence.floor) {
    return {Adequacy::insufficient,
            fmt::format("impossible: {} is below the fibre floor of {} (wrong target, clock or "
                        "spoofed reply)",
                        delay_text(*evidence.min), delay_text(*evidence.floor))};
  }
  return judge_probes(evidence, pool, options);
}

std::string unplaced_note(const StreamFlows& stream) {
  std::vector<std::uint16_t> all;
  std::vector<std::uint16_t> silent;
  for (const FlowFigures& flow : stream.by_flow.unplaced) {
    all.push_back(flow.flow);
    if (flow.samples == 0 && flow.lost > 0) silent.push_back(flow.flow);
  }
  std::string note =
      fmt::format("target {}: in no ECMP member, with fewer than {} samples: flows {}",
                  stream.target, samples_to_place_flow, flow_list(all));
  if (!silent.empty()) note += fmt::format("; every probe lost: flows {}", flow_list(silent));
  return note;
}

void add_flow_notes(Evidence& evidence) {
  for (const StreamFlows& stream : evidence.flows) {
    const auto& [flows, members, unplaced] = stream.by_flow;
    if (members.size() > 1) {
      std::string note = fmt::format("target {}: percentiles are mixed over {} ECMP members",
                                     stream.target, members.size());
      for (const EcmpMember& member : members) {
        note += fmt::format("; flows {}: min {}, median {}", flow_list(member.flows),
                            delay_text(member.minimum), delay_text(member.median));
      }
      evidence.notes.push_back(std::move(note));
    }
    if (!unplaced.empty()) evidence.notes.push_back(unplaced_note(stream));
  }
}

using SilentSlots = std::map<std::string, std::uint64_t>;  // by target

void add_notes(Evidence& evidence, const SilentSlots& silent, const Timeline::LeftOut& left_out) {
  if (evidence.kept_apart > 0) {
    evidence.notes.push_back(
        fmt::format("{} of {} replies are kept apart: their timestamps are too uncertain",
                    evidence.kept_apart, evidence.samples + evidence.kept_apart));
  }
  for (const auto& [target, windows] : silent) {
    evidence.notes.push_back(
        windows == 0
            ? fmt::format("target {} answered on no path, so it says nothing of this one", target)
            : fmt::format("target {} answered on no path in {} windows, so these say nothing of "
                          "this one",
                          target, windows));
  }
  if (left_out.future > 0) {
    evidence.notes.push_back(
        fmt::format("{} windows from the future were left out: was the clock "
                    "set back?",
                    left_out.future));
  }
  if (left_out.overlapping > 0) {
    evidence.notes.push_back(
        fmt::format("{} windows that overlap earlier ones were left out", left_out.overlapping));
  }
}

}  // namespace

Nanos freshness(const EvidenceOptions& options, Nanos window_length) {
  return options.freshness.value_or(3 * window_length);
}

std::vector<std::string> traffic_classes(std::span<const Target> targets) {
  std::set<std::string> names;
  for (const Target& target : targets) names.insert(target.traffic_class);
  return {names.begin(), names.end()};
}

std::vector<Evidence> gather_class(const Timeline& timeline, std::string_view traffic_class,
                                   const Network& network, const EvidenceOptions& options,
                                   Slot newest, WallTime now) {
  const Span span{newest - options.span_windows + 1, newest};
  const std::set<std::string> names = all_paths(timeline, network);
  const auto group = timeline.group_of(traffic_class);
  std::vector<const Lane*> lanes;
  std::vector<Pool> pools;
  lanes.reserve(names.size());
  pools.reserve(names.size());
  for (const std::string& path : names) {
    lanes.push_back(&timeline.lane(group, path));
    pools.push_back(lanes.back()->pool(span));
  }
  SilentSlots silent = timeline.silent(group, span);
  for (const std::string& target : drop_silent(pools)) silent[target] = 0;

  std::vector<Evidence> all;
  all.reserve(names.size());
  for (const std::string& path : names) {
    const Lane& lane = *lanes[all.size()];
    const Pool& pool = pools[all.size()];
    Evidence evidence;
    evidence.path = path;
    evidence.traffic_class = traffic_class;
    const auto entries = lane.within(span);
    describe_windows(evidence, entries, now);
    describe_delays(evidence, entries, pool, options);
    describe_floor(evidence, pool, network, options);
    describe_great_circle(evidence, pool, network);
    auto [adequacy, reason] = judge(evidence, pool, options, timeline.window_length());
    evidence.adequacy = adequacy;
    evidence.adequacy_reason = std::move(reason);
    evidence.flows = lane.flows(span);
    if (options.one_way) evidence.one_way = lane.one_way(span);
    if (options.ipdv) evidence.ipdv = lane.packet_variation(span);
    add_flow_notes(evidence);
    add_notes(evidence, silent, timeline.left_out());
    all.push_back(std::move(evidence));
  }
  return all;
}

// Those that share a group share all but the name.
std::vector<Evidence> gather(std::span<const Window> windows, const Network& network,
                             const EvidenceOptions& options, WallTime now) {
  const Timeline timeline{windows, network.targets, now};
  std::map<std::optional<std::size_t>, std::vector<Evidence>> by_group;
  std::vector<Evidence> all;
  for (const std::string& name : traffic_classes(network.targets)) {
    const auto [known, fresh] = by_group.try_emplace(timeline.group_of(name));
    std::vector<Evidence>& shared = known->second;
    if (fresh) {
      shared = gather_class(timeline, name, network, options, timeline.newest().value_or(0), now);
    }
    for (const Evidence& each : shared) {
      all.push_back(each);
      all.back().traffic_class = name;
    }
  }
  return all;
}

}  // namespace strait::analyzer
