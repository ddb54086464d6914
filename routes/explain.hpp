// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "core/address.hpp"
#include "routes/model/decision.hpp"
#include "routes/model/path.hpp"
#include "routes/regions.hpp"
#include "routes/rib.hpp"

namespace strait::routes {

// For people: the class of a prefix and what gave it, every upstream's route with the path's name,
// which one plain BGP takes, and the rung that decided. Several lines.
[[nodiscard]] std::string explain_prefix(const Prefix& prefix, const Rib& rib,
                                         const Regions& regions, std::span<const Path> paths,
                                         const DecisionOptions& options = {});

}  // namespace strait::routes
