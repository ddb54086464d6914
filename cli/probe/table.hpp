// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "cli/probe/report.hpp"

namespace strait::cli {

// The paths of each target side by side, or many targets over one: a row each.
[[nodiscard]] std::string to_table(std::span<const TargetReport> reports, bool colour);

// RFC 4180: a header line, then a line for each report. Times in nanoseconds; an empty cell is not
// known, "inf" a percentile that falls among the lost probes.
[[nodiscard]] std::string to_csv(std::span<const TargetReport> reports);

}  // namespace strait::cli
