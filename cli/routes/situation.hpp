// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <memory>
#include <optional>

#include "cli/config/configuration.hpp"
#include "cli/routes/advice.hpp"
#include "cli/routes/command.hpp"
#include "core/clock.hpp"
#include "core/result.hpp"
#include "routes/model/plan.hpp"

namespace strait::cli {

// Everything that the commands look at, of one moment.
struct Situation {
  Configuration configuration;
  std::shared_ptr<const KnownRib> rib;           // null: [routes] names none
  std::shared_ptr<const routes::Plan> in_force;  // null: plain BGP
  Advice advice;

  // A plan without preferences stands for plain BGP.
  [[nodiscard]] routes::Plan current() const { return in_force ? *in_force : routes::Plan{}; }
};

// What the store holds now, or held at a moment, weighed against the RIB just as the service does.
// What was left out on the way is told in `progress`.
[[nodiscard]] Result<Situation> look(const RoutesSource& source, std::ostream& progress,
                                     std::optional<WallTime> at = std::nullopt);

// An error where there is no RIB to make a plan from.
[[nodiscard]] Result<std::shared_ptr<const routes::Plan>> wanted_plan(const Situation& situation);

// An error where the configuration names no router to tell.
[[nodiscard]] Result<routes::RouterTarget> router_of(const Configuration& configuration);

}  // namespace strait::cli
