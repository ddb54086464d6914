// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/config/configuration.hpp"
#include "cli/probe/command.hpp"
#include "cli/probe/report.hpp"
#include "cli/probe/targets.hpp"
#include "cli/probe/worker.hpp"
#include "core/result.hpp"
#include "probe/prober.hpp"

namespace strait::cli {

// What is measured: every target over every path.
struct ProbePlan {
  std::vector<TargetReport> reports;         // empty as yet; the paths of a target are neighbours
  std::vector<probe::SessionSpec> sessions;  // of each report, one after the other, in flows
  std::vector<std::string> unresolved;       // names that gave no address
  PinPlan pins;                              // the checks of the paths
  bool slowed = false;                       // below the interval asked for: probe/politeness.hpp
};

// `configuration` is the one that the options name; its engine holds where they name none. Without
// a target its targets are probed; a word that is the name of one of them stands for that one.
[[nodiscard]] Result<ProbePlan> plan_probe(ProbeOptions& options,
                                           const std::optional<Configuration>& configuration,
                                           std::istream& input);

}  // namespace strait::cli
