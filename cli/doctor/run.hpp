// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <vector>

#include "cli/config/configuration.hpp"
#include "cli/doctor/command.hpp"
#include "cli/doctor/paths.hpp"
#include "core/result.hpp"
#include "probe/doctor/checks.hpp"

namespace strait::cli {

// What the configuration, or the words of the command line, need of the machine.
[[nodiscard]] probe::doctor::Wanted wanted_of(const Configuration& configuration);
[[nodiscard]] probe::doctor::Wanted wanted_of(const DoctorOptions& options);

// Paths that nothing keeps apart measure the same way twice.
[[nodiscard]] probe::doctor::Findings distinct_findings(const Configuration& configuration,
                                                        const std::vector<PathRoute>& routes);

// Looks, and prints what it found. Returns the exit status.
[[nodiscard]] Result<int> run_doctor(const DoctorOptions& options, bool colours,
                                     std::ostream& results);

}  // namespace strait::cli
