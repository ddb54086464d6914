// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/advice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "analyzer/gather.hpp"
#include "analyzer/seal.hpp"
#include "cli/routes/fit.hpp"
#include "cli/routes/offers.hpp"
#include "routes/plan_from_rib.hpp"
#include "routes/sources/bird_rib.hpp"
#include "routes/sources/vrp_json.hpp"

namespace strait::cli {
namespace {

// The address families of targets.
struct Families {
  bool v4 = false;
  bool v6 = false;
};
using FamiliesByName = std::map<std::string, Families, std::less<>>;  // of a class or part

FamiliesByName families(const Configuration& configuration, const KnownParts& parts) {
  FamiliesByName found;
  std::map<std::string_view, bool> is_v4;
  const auto add = [&](const std::string& name, bool v4) {
    Families& its = found[name];
    (v4 ? its.v4 : its.v6) = true;
  };
  for (const probe::Target& target : configuration.targets) {
    is_v4[target.name] = target.address.is_v4();
    add(target.region, target.address.is_v4());
  }
  for (const analyzer::MeasuredPart& part : parts.measured) {
    for (const analyzer::Target& target : part.targets) add(part.part.name, is_v4[target.name]);
  }
  return found;
}

std::vector<routes::Wish> wishes(const Configuration& configuration, const Advice& advice) {
  const FamiliesByName measured = families(configuration, *advice.parts_known);
  std::vector<routes::Wish> found;
  for (const analyzer::Verdict& verdict : advice.verdicts) {
    if (!verdict.path) continue;
    const auto its = measured.find(verdict.traffic_class);
    found.push_back({.traffic_class = verdict.traffic_class,
                     .path = *verdict.path,
                     .reason = verdict.reason,
                     .measured_v4 = its != measured.end() && its->second.v4,
                     .measured_v6 = its != measured.end() && its->second.v6});
  }
  return found;
}

void note_pins(const analyzer::PinNotes& pins, std::vector<analyzer::Evidence>& evidence) {
  for (analyzer::Evidence& each : evidence) {
    const auto note = pins.find(each.path);
    if (note == pins.end()) continue;
    if (note->second.failed) {
      each.adequacy = analyzer::Adequacy::insufficient;
      each.adequacy_reason = note->second.words;
    } else {
      each.notes.push_back(note->second.words);
    }
  }
}

// Why nothing is preferred of a class whose evidence does not carry it.
void note_thin_evidence(std::span<const analyzer::Verdict> verdicts, routes::Plan& plan) {
  for (const analyzer::Verdict& verdict : verdicts) {
    if (verdict.path || verdict.ruling != analyzer::Ruling::insufficient) continue;
    if (!verdict.whole.empty()) continue;  // of a part that goes by its whole
    plan.notes.push_back(
        {.guard = "no-evidence",
         .message = fmt::format("class {}: {}", verdict.traffic_class, verdict.reason),
         .blocks = false});
  }
}

routes::Plan make_plan(const Configuration& configuration, const Advice& advice,
                       const KnownRib& known, const routes::RibClasses& classes, WallTime now) {
  routes::PlanLimits limits = plan_limits(configuration, known, &classes);
  limits.parts = &advice.parts_known->index;
  const auto wanted = wishes(configuration, advice);
  routes::Plan plan =
      routes::plan_from_rib(wanted, configuration.paths, known.rib, configuration.regions, limits);
  plan = expressible(configuration, std::move(plan), known.rib);
  note_thin_evidence(advice.verdicts, plan);
  note_left_out(advice.parts, configuration.analyzer.decision.max_parts, plan);
  routes::note_damage(known.report, plan);
  if (!known.rpki_note.empty()) {
    plan.notes.push_back({.guard = "rpki-data", .message = known.rpki_note, .blocks = false});
  }
  for (const std::string& text : configuration.regions.notes()) {
    plan.notes.push_back({.guard = "registration-data", .message = text, .blocks = false});
  }
  analyzer::seal(plan, advice.evidence, configuration.analyzer.plan, now);
  return plan;
}

// Each class, and beneath it those of its parts that have a path of their own or just had.
std::vector<analyzer::Verdict> with_parts(std::vector<analyzer::Verdict> classes,
                                          std::span<const analyzer::PartVerdict> parts) {
  std::multimap<std::string, const analyzer::Verdict*, std::less<>> told;  // by class, in order
  for (const analyzer::PartVerdict& each : parts) {
    const analyzer::Verdict& verdict = each.verdict;
    if (!verdict.path && !verdict.previous) continue;
    told.emplace(std::string{analyzer::class_of(verdict.traffic_class)}, &verdict);
  }
  std::vector<analyzer::Verdict> all;
  all.reserve(classes.size() + told.size());
  for (analyzer::Verdict& each : classes) {
    const auto [first, last] = told.equal_range(each.traffic_class);
    all.push_back(std::move(each));
    for (auto part = first; part != last; ++part) all.push_back(*part->second);
  }
  return all;
}

// Of the parts that have a path of their own, behind that of the classes.
void add_evidence(Advice& advice, std::span<const Window> windows, analyzer::Network network,
                  const analyzer::EvidenceOptions& options, const analyzer::PinNotes& pins,
                  WallTime now) {
  std::vector<analyzer::Target> targets;
  for (std::size_t i = 0; i < advice.parts.size(); ++i) {
    if (advice.parts[i].standing != analyzer::PartStanding::split) continue;
    const auto& inside = advice.parts_known->measured[i].targets;
    targets.insert(targets.end(), inside.begin(), inside.end());
  }
  if (targets.empty()) return;
  network.targets = targets;
  auto evidence = analyzer::gather(windows, network, options, now);
  note_pins(pins, evidence);
  std::ranges::move(evidence, std::back_inserter(advice.evidence));
}

// VRPs that are too old are not used, and the plan says so: it is made without them.
Result<void> read_vrps(const routes::RoutesOptions& options, WallTime now, KnownRib& known) {
  if (options.rpki.empty()) return {};
  auto file = routes::load_vrps(options.rpki);
  if (!file) return tl::make_unexpected(file.error());
  const std::optional<WallTime> made = file->made;
  if (made && now - *made > options.rpki_max_age) {
    known.rpki_note =
        fmt::format("{} was made at {}: too old, not used", options.rpki, strait::to_string(*made));
    return {};
  }
  if (!made) known.rpki_note = options.rpki + " does not say when it was made";
  if (file->damaged > 0) {
    known.rpki_note += fmt::format("{}{} of its entries are no VRPs; first {}",
                                   known.rpki_note.empty() ? options.rpki + ": " : "; ",
                                   file->damaged, file->reasons.front());
  }
  routes::drop_expired(file->vrps, now);
  known.vrps = std::make_shared<const routes::VrpSet>(file->vrps);
  return {};
}

}  // namespace

Result<std::shared_ptr<const KnownRib>> read_rib(const Configuration& configuration, WallTime now,
                                                 const routes::RtrView* live) {
  const std::string& source = configuration.routes.rib;
  if (source.empty()) return nullptr;
  constexpr std::string_view bird = "birdc:";
  const routes::MrtOptions options{.site_asn = configuration.site.asn};
  Result<routes::RibDump> dump =
      source.starts_with(bird)
          ? routes::dump_bird({.control_socket = source.substr(bird.size())}, options)
          : routes::load_mrt(source, options);
  if (!dump) {
    return fail(dump.error().code, fmt::format("[routes] rib: {}", dump.error().message));
  }
  auto known = std::make_shared<KnownRib>(KnownRib{.rib = std::move(dump->rib),
                                                   .report = std::move(dump->report),
                                                   .read = now,
                                                   .vrps = nullptr,
                                                   .rpki_note = {}});
  if (live != nullptr) {
    known->vrps = live->vrps;
    known->rpki_note = live->note;
    return known;
  }
  if (auto read = read_vrps(configuration.routes, now, *known); !read) {
    return fail(read.error().code, fmt::format("[routes] rpki: {}", read.error().message));
  }
  return known;
}

Nanos look_back(const Configuration& configuration) {
  const analyzer::DecisionOptions& options = configuration.analyzer.decision;
  // The more classes there are, the more windows must agree that one is better.
  constexpr unsigned for_many_classes = 10;
  const unsigned windows = std::max(options.evidence.span_windows, options.pair_windows) +
                           std::max(options.repeat, options.repeat_of) + for_many_classes;
  return configuration.probe.window * windows;
}

Advice advise(const Configuration& configuration, std::span<const Window> windows,
              const KnownRib* rib, const routes::Plan* in_force,
              const analyzer::DecisionMemory& before, WallTime now, const analyzer::PinNotes& pins,
              const analyzer::Weighed* weighed) {
  analyzer::Network network = configuration.network();
  if (weighed != nullptr) network.targets = weighed->targets;
  analyzer::EvidenceOptions newest_only = configuration.analyzer.decision.evidence;
  newest_only.span_windows = 1;
  newest_only.ipdv = true;

  Advice advice;
  advice.newest = analyzer::gather(windows, network, newest_only, now);
  analyzer::EvidenceOptions shown = configuration.analyzer.decision.evidence;
  shown.one_way = true;
  advice.evidence = analyzer::gather(windows, network, shown, now);
  note_pins(pins, advice.newest);
  note_pins(pins, advice.evidence);

  analyzer::DecisionInputs inputs{
      .windows = windows, .network = network, .routed = {}, .default_path = {}, .pins = pins};
  if (weighed != nullptr) inputs.rates = weighed->rates;
  std::optional<routes::RibClasses> classes;
  auto parts = std::make_shared<KnownParts>();
  if (rib != nullptr) {
    classes.emplace(rib->rib, configuration.regions);
    *parts = parts_in(configuration, network.targets, rib->rib, *classes, weighed);
    inputs.parts = parts->measured;
    inputs.routed = routed_paths(configuration, rib->rib, *classes, parts->index);
    inputs.default_path = default_paths(configuration, rib->rib, *classes, parts->index, in_force);
  }
  advice.parts_known = std::move(parts);
  auto decision = analyzer::decide(inputs, before, configuration.analyzer.decision, now);
  advice.memory = std::move(decision.memory);
  advice.parts = std::move(decision.parts);
  advice.verdicts = with_parts(std::move(decision.verdicts), advice.parts);
  add_evidence(advice, windows, network, shown, pins, now);
  if (rib != nullptr && classes) {
    advice.plan =
        std::make_shared<const routes::Plan>(make_plan(configuration, advice, *rib, *classes, now));
    advice.coverage = coverage_of(configuration, network.targets, *advice.parts_known, advice.parts,
                                  rib->rib, *classes, *advice.plan, weighed);
    if (in_force != nullptr) {
      advice.fit = std::make_shared<const routes::Plan>(
          fit_part(configuration, left_behind(*in_force, advice), advice, *rib, &*classes));
    }
  }
  return advice;
}

}  // namespace strait::cli
