// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "routes/hygiene.hpp"
#include "routes/model/path.hpp"
#include "routes/plan_from_rib.hpp"
#include "routes/rib.hpp"

namespace strait::routes {

// The guard that keeps a route from being preferred, and why, as words that follow "left out: ".
struct Objection {
  std::string_view guard;
  std::string_view why;
};

// What speaks against preferring a route, whatever is measured: the same for a plan that is made
// and for one that is to come back. All that it is made from must outlive it.
class RouteGuard {
 public:
  RouteGuard(const Rib& rib, std::span<const Path> paths, const PlanLimits& limits);
  [[nodiscard]] std::optional<Objection> objection(const Prefix& prefix, const RibRoute& route);

 private:
  const Rib& rib_;
  const PlanLimits& limits_;
  RouteCheck check_;
};

}  // namespace strait::routes
