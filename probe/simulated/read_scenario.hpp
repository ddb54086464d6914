// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"
#include "probe/simulated/scenario.hpp"

namespace strait::probe::simulated {

// Reads a scenario (TOML; strait-scenario(5) explains the keys). All mistakes are reported in one
// go, each with file:line:column and the line; `name` is what they call the file.
[[nodiscard]] Result<Scenario> parse_scenario(std::string_view text, std::string name);
[[nodiscard]] Result<Scenario> load_scenario(const std::string& file);

}  // namespace strait::probe::simulated
