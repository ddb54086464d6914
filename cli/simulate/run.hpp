// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>

#include "cli/simulate/command.hpp"
#include "core/result.hpp"

namespace strait::cli {

struct SimulateStreams {
  std::ostream& results;
  std::ostream& progress;
  bool colours = false;
  bool show_progress = false;  // how far the virtual time is, while nothing is told
};

// Runs a scenario through windows, store and verdicts, and tells the story. Returns the exit
// status.
[[nodiscard]] Result<int> run_simulate(const SimulateOptions& options,
                                       const SimulateStreams& streams);

}  // namespace strait::cli
