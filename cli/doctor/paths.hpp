// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/config/configuration.hpp"
#include "probe/doctor/finding.hpp"
#include "probe/doctor/machine.hpp"

namespace strait::cli {

// Where the kernel sends the probes of a path (socket engine).
struct PathRoute {
  std::string path;
  probe::doctor::Route route;
};

struct PathFindings {
  probe::doctor::Findings findings;
  std::vector<PathRoute> routes;
};

using WhileOpen = std::function<void(const std::vector<std::string>& open_paths)>;

// Sends a few probes over every path of the configuration, each to the first target that the path
// can reach, and says whether the next hop is known and the target answers. Takes about 2 s. Calls
// `while_open` before it lets go of the devices, with the names of the paths whose flows are open.
[[nodiscard]] PathFindings examine_paths(const Configuration& configuration,
                                         const probe::doctor::Kernel& kernel,
                                         const WhileOpen& while_open);

// The first target of a family that the pin has an address for; null: none.
[[nodiscard]] const probe::Target* target_for(const Configuration& configuration,
                                              const probe::PathPin& pin);

// Which way the kernel would send the probes of a path (socket engine).
[[nodiscard]] probe::doctor::RouteQuestion question_of(const probe::PathPin& pin,
                                                       const probe::Target& target);

// Its probes as a command to try by hand.
[[nodiscard]] std::string command_to_try(const Configuration& configuration,
                                         const probe::PathPin& pin, const probe::Target& target);

}  // namespace strait::cli
