// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/advice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "analyzer/gather.hpp"
#include "analyzer/seal.hpp"
#include "routes/apply/plan_file.hpp"
#include "routes/injection.hpp"
#include "routes/model/decision.hpp"
#include "routes/offer.hpp"
#include "routes/plan_from_rib.hpp"
#include "routes/recheck.hpp"
#include "routes/sources/bird_rib.hpp"
#include "routes/sources/vrp_json.hpp"

namespace strait::cli {
namespace {

using PathsByClass = std::map<std::string, std::set<std::string>, std::less<>>;

std::vector<Address> neighbors_of(const routes::Path& path) {
  std::vector<Address> neighbors;
  if (path.neighbor_v4) neighbors.push_back(*path.neighbor_v4);
  if (path.neighbor_v6) neighbors.push_back(*path.neighbor_v6);
  return neighbors;
}

PathsByClass routed_paths(const Configuration& configuration, const routes::Rib& rib,
                          const routes::RibClasses& classes) {
  PathsByClass routed;
  for (const routes::Path& path : configuration.paths) {
    for (const Address& neighbor : neighbors_of(path)) {
      const auto offer = routes::offer_of(rib, neighbor, classes, configuration.regions);
      for (const auto& [traffic_class, prefixes] : offer.by_class) {
        if (!prefixes.empty()) routed[traffic_class].insert(path.name);
      }
    }
  }
  return routed;
}

// (session's neighbour, prefix) of everything that the plan in force has raised.
using Raised = std::set<std::pair<Address, Prefix>>;

Raised raised_by(const routes::Plan* plan, const std::vector<routes::Path>& paths) {
  Raised raised;
  if (plan == nullptr) return raised;
  for (const routes::Preference& preference : plan->preferences) {
    const auto path = std::ranges::find(paths, preference.path, &routes::Path::name);
    if (path == paths.end()) continue;
    for (const Address& neighbor : neighbors_of(*path)) {
      for (const Prefix& prefix : preference.prefixes) raised.emplace(neighbor, prefix);
    }
  }
  return raised;
}

// Whether any target of the class is of that address family.
bool measured(const Configuration& configuration, std::string_view traffic_class, bool v4) {
  return std::ranges::any_of(configuration.targets, [&](const probe::Target& target) {
    return target.region == traffic_class && target.address.is_v4() == v4;
  });
}

std::vector<routes::Wish> wishes(const Configuration& configuration,
                                 const std::vector<analyzer::Verdict>& verdicts) {
  std::vector<routes::Wish> found;
  for (const analyzer::Verdict& verdict : verdicts) {
    if (!verdict.path) continue;
    found.push_back({.traffic_class = verdict.traffic_class,
                     .path = *verdict.path,
                     .reason = verdict.reason,
                     .measured_v4 = measured(configuration, verdict.traffic_class, true),
                     .measured_v6 = measured(configuration, verdict.traffic_class, false)});
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

std::map<std::string, std::string, std::less<>> default_paths(const Configuration& configuration,
                                                              const routes::Rib& rib,
                                                              const routes::RibClasses& classes,
                                                              const routes::Plan* in_force) {
  const Raised raised = raised_by(in_force, configuration.paths);
  std::map<Address, std::string> path_of;
  for (const routes::Path& path : configuration.paths) {
    for (const Address& neighbor : neighbors_of(path)) path_of[neighbor] = path.name;
  }
  const auto& injector = configuration.routes.injector;
  std::map<std::string, std::map<std::string, std::size_t>> votes;  // class -> path -> prefixes
  rib.for_each([&](const routes::RibEntry& entry) {
    const routes::RegionNumber region = classes.at(entry);
    if (region == routes::no_region) return;
    auto candidates = rib.contenders(entry.routes);
    // What was injected is not what plain BGP would do.
    std::erase_if(candidates, [&](const routes::Contender& each) {
      return injector && each.neighbor == injector->local_address;
    });
    if (candidates.empty()) return;
    for (routes::Contender& each : candidates) {
      if (raised.contains({each.neighbor, entry.prefix})) each.local_pref.reset();
    }
    const auto decision = routes::decide(candidates, configuration.routes.decision);
    if (decision->open()) return;  // nobody knows which is the default
    const auto path = path_of.find(candidates[decision->best].neighbor);
    if (path != path_of.end())
      ++votes[std::string{configuration.regions.name(region)}][path->second];
  });
  std::map<std::string, std::string, std::less<>> found;
  for (const auto& [traffic_class, paths] : votes) {
    found[traffic_class] =
        std::ranges::max_element(paths, {}, [](const auto& entry) { return entry.second; })->first;
  }
  return found;
}

routes::PlanLimits limits_of(const Configuration& configuration, const KnownRib& known,
                             const routes::RibClasses* classes) {
  return {.local_pref = configuration.analyzer.plan.local_pref,
          .max_prefixes = static_cast<std::size_t>(configuration.analyzer.plan.max_prefixes),
          .site_asn = configuration.site.asn,
          .refuse = configuration.routes.refuse,
          .vrps = known.vrps.get(),
          .classes = classes};
}

// Of a plan what its way to the router can express.
routes::Plan expressible(const Configuration& configuration, routes::Plan plan,
                         const routes::Rib& rib) {
  const auto& router = configuration.routes.router;
  if (!router || !routes::injects(router->kind)) return plan;
  return routes::injected_part(std::move(plan), configuration.paths, rib, configuration.site.asn,
                               routes::carries(router->kind));
}

// Why nothing is preferred of a class whose evidence does not carry it.
void note_thin_evidence(std::span<const analyzer::Verdict> verdicts, routes::Plan& plan) {
  for (const analyzer::Verdict& verdict : verdicts) {
    if (verdict.path || verdict.ruling != analyzer::Ruling::insufficient) continue;
    plan.notes.push_back(
        {.guard = "no-evidence",
         .message = fmt::format("class {}: {}", verdict.traffic_class, verdict.reason),
         .blocks = false});
  }
}

routes::Plan make_plan(const Configuration& configuration, const Advice& advice,
                       const KnownRib& known, const routes::RibClasses& classes, WallTime now) {
  const routes::PlanLimits limits = limits_of(configuration, known, &classes);
  const auto wanted = wishes(configuration, advice.verdicts);
  routes::Plan plan =
      routes::plan_from_rib(wanted, configuration.paths, known.rib, configuration.regions, limits);
  plan = expressible(configuration, std::move(plan), known.rib);
  note_thin_evidence(advice.verdicts, plan);
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

// Why a path of a class may not be in force by what was measured; empty: it may.
std::string unfit(const routes::Preference& preference,
                  std::span<const analyzer::Verdict> verdicts) {
  const auto verdict =
      std::ranges::find(verdicts, preference.traffic_class, &analyzer::Verdict::traffic_class);
  if (verdict == verdicts.end()) return "nothing is known of the class";
  const auto rank = std::ranges::find(verdict->ranking, preference.path, &analyzer::Ranked::path);
  if (rank == verdict->ranking.end()) return "nothing is known of the path";
  return rank->eligible ? std::string{} : rank->reason;
}

routes::Plan fit_part(const Configuration& configuration, const routes::Plan& plan,
                      std::span<const analyzer::Verdict> verdicts, const KnownRib& known,
                      const routes::RibClasses* classes) {
  routes::Plan rest = routes::recheck(plan, configuration.paths, known.rib, configuration.regions,
                                      limits_of(configuration, known, classes));
  rest = expressible(configuration, std::move(rest), known.rib);
  std::erase_if(rest.preferences, [&](const routes::Preference& each) {
    const std::string why = unfit(each, verdicts);
    if (why.empty()) return false;
    rest.notes.push_back({.guard = "no-evidence",
                          .message = fmt::format("class {}: {} is not preferred: {}",
                                                 each.traffic_class, each.path, why),
                          .blocks = false});
    return true;
  });
  return rest;
}

// What is in force of paths that are not the verdicts' any more.
routes::Plan left_behind(const routes::Plan& in_force,
                         std::span<const analyzer::Verdict> verdicts) {
  routes::Plan plan = in_force;
  std::erase_if(plan.preferences, [&](const routes::Preference& each) {
    return std::ranges::any_of(verdicts, [&](const analyzer::Verdict& verdict) {
      return verdict.traffic_class == each.traffic_class && verdict.path == each.path;
    });
  });
  return plan;
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

std::map<std::string, std::string, std::less<>> default_paths(const Configuration& configuration,
                                                              const routes::Rib& rib,
                                                              const routes::Plan* in_force) {
  return default_paths(configuration, rib, {rib, configuration.regions}, in_force);
}

routes::Plan fit_part(const Configuration& configuration, const routes::Plan& plan,
                      std::span<const analyzer::Verdict> verdicts, const KnownRib& known) {
  return fit_part(configuration, plan, verdicts, known, nullptr);
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
  if (rib != nullptr) {
    classes.emplace(rib->rib, configuration.regions);
    inputs.routed = routed_paths(configuration, rib->rib, *classes);
    inputs.default_path = default_paths(configuration, rib->rib, *classes, in_force);
  }
  auto decision = analyzer::decide(inputs, before, configuration.analyzer.decision, now);
  advice.verdicts = std::move(decision.verdicts);
  advice.memory = std::move(decision.memory);
  if (rib != nullptr && classes) {
    advice.plan =
        std::make_shared<const routes::Plan>(make_plan(configuration, advice, *rib, *classes, now));
    if (in_force != nullptr) {
      advice.fit = std::make_shared<const routes::Plan>(
          fit_part(configuration, left_behind(*in_force, advice.verdicts), advice.verdicts, *rib,
                   &*classes));
    }
  }
  return advice;
}

}  // namespace strait::cli
