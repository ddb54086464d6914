// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "analyzer/change.hpp"

namespace strait::cli {

// A line for each incident, with the sessions that agree on it.
[[nodiscard]] std::string incidents_text(std::span<const analyzer::Incident> incidents);

// The incidents of stored windows. `paths` give the risk groups.
[[nodiscard]] std::vector<analyzer::Incident> incidents_of(std::span<const Window> windows,
                                                           std::span<const routes::Path> paths);

}  // namespace strait::cli
