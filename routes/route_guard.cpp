// SPDX-License-Identifier: Apache-2.0
#include "routes/route_guard.hpp"

namespace strait::routes {
namespace {

HygieneOptions hygiene_of(std::span<const Path> paths, const PlanLimits& limits) {
  HygieneOptions options;
  options.vrps = limits.vrps;
  for (const Path& path : paths) {
    if (path.neighbor_v4) options.roles[*path.neighbor_v4] = path.role;
    if (path.neighbor_v6) options.roles[*path.neighbor_v6] = path.role;
  }
  return options;
}

}  // namespace

RouteGuard::RouteGuard(const Rib& rib, std::span<const Path> paths, const PlanLimits& limits)
    : rib_{rib}, limits_{limits}, check_{rib, hygiene_of(paths, limits)} {}

std::optional<Objection> RouteGuard::objection(const Prefix& prefix, const RibRoute& route) {
  if (rib_.head(route).marked()) {
    return Objection{.guard = "marked-route", .why = "they carry 65535:0 or 65535:666"};
  }
  if (holds_own_as(route)) {
    return Objection{.guard = "own-as", .why = "our own AS is in the path"};
  }
  if (limits_.refuse.none()) return std::nullopt;
  const Problems problems = check_.problems(prefix, route) & limits_.refuse;
  for (const ProblemKind& kind : problem_kinds()) {
    if (problems.has(kind.problem)) return Objection{.guard = kind.name, .why = kind.why};
  }
  return std::nullopt;
}

bool RouteGuard::holds_own_as(const RibRoute& route) {
  if (own_as_.empty()) own_as_.resize(rib_.attributes().places());
  OwnAs& known = own_as_[AttributeStore::place(route.attributes)];
  if (known == OwnAs::not_asked) {
    known = rib_.path_holds(route, limits_.site_asn) ? OwnAs::there : OwnAs::absent;
  }
  return known == OwnAs::there;
}

}  // namespace strait::routes
