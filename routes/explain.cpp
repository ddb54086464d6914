// SPDX-License-Identifier: Apache-2.0
#include "routes/explain.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "routes/classify.hpp"
#include "routes/model/decision.hpp"

namespace strait::routes {
namespace {

std::string name_of(const Address& neighbor, std::span<const Path> paths) {
  if (neighbor.is_unspecified()) return "not BGP";
  const auto path = std::ranges::find_if(paths, [&](const Path& candidate) {
    return candidate.neighbor_v4 == neighbor || candidate.neighbor_v6 == neighbor;
  });
  return path == paths.end() ? neighbor.to_string() + " (no path)" : path->name;
}

std::string as_path_of(const Route& route) {
  std::string text;
  for (const Asn asn : route.as_path) {
    text += (text.empty() ? "" : " ") + std::to_string(asn.value());
  }
  return text.empty() ? "empty" : text;
}

std::string candidate_line(const Route& route, bool best, std::span<const Path> paths) {
  std::string line = fmt::format(
      "  {} {}: local-pref {}, AS path {}", best ? '*' : ' ', name_of(route.neighbor, paths),
      route.local_pref.value_or(default_local_pref).value(), as_path_of(route));
  if (route.med) line += fmt::format(", MED {}", route.med->value());
  if (route.marked()) line += ", marked: never raised";
  return line + "\n";
}

std::string decision_line(const Decision& decision, std::span<const Contender> candidates,
                          std::span<const Path> paths) {
  if (!decision.rival) return "  the only route\n";
  if (decision.open()) {
    return "  the oldest of several that are equal up to there, which a dump does not tell\n";
  }
  return fmt::format(
      "  {} over {} by {}{}\n", name_of(candidates[decision.best].neighbor, paths),
      name_of(candidates[*decision.rival].neighbor, paths), decision.rung,
      decision.assumes_equal_cost ? ", if the interior costs are equal (a dump does not say)" : "");
}

}  // namespace

std::string explain_prefix(const Prefix& prefix, const Rib& rib, const Regions& regions,
                           std::span<const Path> paths, const DecisionOptions& options) {
  const auto entry = rib.entry(prefix);
  const auto routes = entry ? entry->routes : std::span<const RibRoute>{};
  const auto candidates = rib.contenders(routes);
  const auto decision = decide(candidates, options);
  if (!entry || !decision) return fmt::format("{}: not in the RIB\n", to_string(prefix));
  Classifier classifier{rib, regions};
  const ClassMatch match = classifier.classify(*entry);
  const std::string reason = classifier.reason(*entry, match);
  std::string text = match.region == no_region
                         ? fmt::format("{}: in no class: {}\n", to_string(prefix), reason)
                         : fmt::format("{}: class {}: {}\n", to_string(prefix),
                                       regions.name(match.region), reason);
  for (std::size_t i = 0; i < routes.size(); ++i) {
    text += candidate_line(rib.route(prefix, routes[i]), i == decision->best && !decision->open(),
                           paths);
  }
  return text + decision_line(*decision, candidates, paths);
}

}  // namespace strait::routes
