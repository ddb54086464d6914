// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "routes/hygiene.hpp"
#include "routes/model/path.hpp"
#include "routes/plan_from_rib.hpp"
#include "routes/rib.hpp"

namespace strait::routes {

// The guard that keeps a route from being preferred, and why, as words that follow "left out: ".
struct Objection {
  std::string_view guard;
  std::string_view why;

  friend bool operator==(const Objection&, const Objection&) = default;
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
  // By AttributeStore::place(), once it is asked for: half a million sets of attributes stand
  // behind a full table's millions of routes.
  enum class OwnAs : std::uint8_t { not_asked, absent, there };
  std::vector<OwnAs> own_as_;

  [[nodiscard]] bool holds_own_as(const RibRoute& route);
};

}  // namespace strait::routes
