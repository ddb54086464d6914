// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>

#include "cli/analyze/command.hpp"
#include "core/result.hpp"

namespace strait::cli {

// Prints the evidence that the stored windows carry; what could not be read goes to `progress`.
// Returns the exit status: 1 when there is nothing to show.
[[nodiscard]] Result<int> run_analyze(const AnalyzeOptions& options, bool colours,
                                      std::ostream& results, std::ostream& progress);

}  // namespace strait::cli
