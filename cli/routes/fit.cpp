// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "routes/apply/plan_file.hpp"
#include "routes/injection.hpp"
#include "routes/recheck.hpp"

namespace strait::cli {
namespace {

using routes::no_part;
using routes::PartNumber;

// Why a path may not be in force by what was measured; empty: it may.
std::string unfit(const analyzer::Verdict& verdict, const std::string& path) {
  const auto rank = std::ranges::find(verdict.ranking, path, &analyzer::Ranked::path);
  if (rank == verdict.ranking.end()) return "nothing is known of the path";
  return rank->eligible ? std::string{} : rank->reason;
}

std::string unfit(const routes::Preference& preference,
                  std::span<const analyzer::Verdict> verdicts) {
  const auto verdict =
      std::ranges::find(verdicts, preference.traffic_class, &analyzer::Verdict::traffic_class);
  if (verdict == verdicts.end()) return "nothing is known of the class";
  return unfit(*verdict, preference.path);
}

// The finest measured part that a prefix of that number is in; no_part: the class.
PartNumber measured_part(const Advice& advice, std::size_t ordinal) {
  const routes::PartIndex& index = advice.parts_known->index;
  PartNumber part = index.at(ordinal);
  while (part != no_part && advice.parts[part].standing == analyzer::PartStanding::unmeasured) {
    part = index.whole_of(part);
  }
  return part;
}

void note_unfit(std::vector<routes::GuardNote>& notes, const std::string& name,
                const std::string& path, const std::string& why) {
  notes.push_back({.guard = "no-evidence",
                   .message = fmt::format("class {}: {} is not preferred: {}", name, path, why),
                   .blocks = false});
}

// Takes out what the evidence of parts, or that of the class, speaks against.
void keep_fit(const Advice& advice, const routes::Rib& rib, routes::Preference& preference,
              std::vector<routes::GuardNote>& notes) {
  std::map<PartNumber, std::string> why;  // not, by part; empty: it may be
  const auto fits = [&](PartNumber part) {
    const auto [known, fresh] = why.try_emplace(part);
    if (!fresh) return known->second.empty();
    known->second = part == no_part ? unfit(preference, advice.verdicts)
                                    : unfit(advice.parts[part].verdict, preference.path);
    if (known->second.empty()) return true;
    note_unfit(
        notes,
        part == no_part ? preference.traffic_class : advice.parts[part].verdict.traffic_class,
        preference.path, known->second);
    return false;
  };
  std::erase_if(preference.prefixes, [&](const Prefix& prefix) {
    const auto entry = rib.entry(prefix);
    return !fits(entry ? measured_part(advice, entry->ordinal) : no_part);
  });
}

// The prefixes of the plan that go the same way.
std::vector<Prefix> wanted_that_way(const routes::Plan* plan, const routes::Preference& way) {
  if (plan == nullptr) return {};
  for (const routes::Preference& each : plan->preferences) {
    if (each.traffic_class == way.traffic_class && each.path == way.path &&
        each.protocol == way.protocol) {
      return each.prefixes;
    }
  }
  return {};
}

}  // namespace

routes::PlanLimits plan_limits(const Configuration& configuration, const KnownRib& known,
                               const routes::RibClasses* classes) {
  return {.local_pref = configuration.analyzer.plan.local_pref,
          .max_prefixes = static_cast<std::size_t>(configuration.analyzer.plan.max_prefixes),
          .site_asn = configuration.site.asn,
          .refuse = configuration.routes.refuse,
          .vrps = known.vrps.get(),
          .classes = classes};
}

routes::Plan expressible(const Configuration& configuration, routes::Plan plan,
                         const routes::Rib& rib) {
  const auto& router = configuration.routes.router;
  if (!router || !routes::injects(router->kind)) return plan;
  return routes::injected_part(std::move(plan), configuration.paths, rib, configuration.site.asn,
                               routes::carries(router->kind));
}

routes::Plan fit_part(const Configuration& configuration, const routes::Plan& plan,
                      const Advice& advice, const KnownRib& known,
                      const routes::RibClasses* classes) {
  routes::Plan rest = routes::recheck(plan, configuration.paths, known.rib, configuration.regions,
                                      plan_limits(configuration, known, classes));
  rest = expressible(configuration, std::move(rest), known.rib);
  const bool has_parts = !advice.parts.empty();
  std::erase_if(rest.preferences, [&](routes::Preference& each) {
    if (has_parts) {
      keep_fit(advice, known.rib, each, rest.notes);
      return each.prefixes.empty();
    }
    const std::string why = unfit(each, advice.verdicts);
    if (!why.empty()) note_unfit(rest.notes, each.traffic_class, each.path, why);
    return !why.empty();
  });
  return rest;
}

routes::Plan left_behind(const routes::Plan& in_force, const Advice& advice) {
  routes::Plan plan = in_force;
  std::erase_if(plan.preferences, [&](routes::Preference& each) {
    const bool wanted = std::ranges::any_of(advice.verdicts, [&](const auto& verdict) {
      return analyzer::class_of(verdict.traffic_class) == each.traffic_class &&
             verdict.path == each.path;
    });
    if (!wanted) return false;
    if (advice.parts.empty()) return true;
    // Wanted for other parts, perhaps.
    std::vector<Prefix> still = wanted_that_way(advice.plan.get(), each);
    std::vector<Prefix> rest;
    std::ranges::sort(each.prefixes);
    std::ranges::sort(still);
    std::ranges::set_difference(each.prefixes, still, std::back_inserter(rest));
    each.prefixes = std::move(rest);
    return each.prefixes.empty();
  });
  return plan;
}

}  // namespace strait::cli
