// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/config/configuration.hpp"
#include "cli/routes/advice.hpp"
#include "routes/classify.hpp"
#include "routes/plan_from_rib.hpp"

namespace strait::cli {

// What the configuration and the RIB let a plan do. `classes` may be null, and must outlive it.
[[nodiscard]] routes::PlanLimits plan_limits(const Configuration& configuration,
                                             const KnownRib& known,
                                             const routes::RibClasses* classes);

// Of a plan what its way to the router can express.
[[nodiscard]] routes::Plan expressible(const Configuration& configuration, routes::Plan plan,
                                       const routes::Rib& rib);

// What of a plan may be in force by evidence, policy, RIB and RPKI data of now, and a note of each
// guard that took something out. A prefix goes by the evidence of the finest measured part that it
// is in. `classes` may be null: they are made anew. Pure.
[[nodiscard]] routes::Plan fit_part(const Configuration& configuration, const routes::Plan& plan,
                                    const Advice& advice, const KnownRib& known,
                                    const routes::RibClasses* classes = nullptr);

// What is in force and not wanted any more.
[[nodiscard]] routes::Plan left_behind(const routes::Plan& in_force, const Advice& advice);

}  // namespace strait::cli
