// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "routes/model/path.hpp"
#include "routes/model/plan.hpp"
#include "routes/plan_from_rib.hpp"
#include "routes/regions.hpp"
#include "routes/rib.hpp"

namespace strait::routes {

// What of an older plan the RIB, RPKI data and policy of now still let stand, with a note of each
// guard that took something out, by the names that plan_from_rib() has: every prefix must be
// offered by that very upstream, and still be of its class. Times and notes of the plan stay. Pure.
[[nodiscard]] Plan recheck(const Plan& old, std::span<const Path> paths, const Rib& rib,
                           const Regions& regions, const PlanLimits& limits);

}  // namespace strait::routes
