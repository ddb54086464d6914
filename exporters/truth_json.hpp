// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "probe/simulated/world.hpp"

namespace strait::exporters {

// One JSON object without a line feed, as those of json_lines.hpp: what happened in a simulation.
[[nodiscard]] std::string to_json(const probe::simulated::Truth& truth);

}  // namespace strait::exporters
