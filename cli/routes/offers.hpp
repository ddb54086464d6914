// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>

#include "cli/config/configuration.hpp"
#include "routes/classify.hpp"
#include "routes/model/plan.hpp"
#include "routes/part_index.hpp"
#include "routes/rib.hpp"

namespace strait::cli {

// What the RIB says of classes and their parts, all by name of the class or part. A prefix counts
// for its class and for every part that it is in.

using PathsByClass = std::map<std::string, std::set<std::string>, std::less<>>;
using PathByClass = std::map<std::string, std::string, std::less<>>;

// The paths whose upstream offers a prefix that is not marked (65535:0, 65535:666).
[[nodiscard]] PathsByClass routed_paths(const Configuration& configuration, const routes::Rib& rib,
                                        const routes::RibClasses& classes,
                                        const routes::PartIndex& parts);

// The path whose upstream plain BGP would use for most prefixes; what `in_force` raised is put back
// to the router's usual local-pref before that is asked.
[[nodiscard]] PathByClass default_paths(const Configuration& configuration, const routes::Rib& rib,
                                        const routes::RibClasses& classes,
                                        const routes::PartIndex& parts,
                                        const routes::Plan* in_force);

}  // namespace strait::cli
