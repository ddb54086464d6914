// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/routes/command.hpp"
#include "cli/routes/run.hpp"
#include "core/result.hpp"

namespace strait::cli {

// The work behind `strait routes expire`, the watchdog that needs no running service: takes back
// what is in force beyond its time, and finishes an apply that was killed. Returns the exit status:
// 1 when the router did not follow. An error when what is in force cannot be read.
[[nodiscard]] Result<int> run_expire(const ExpireOptions& options, const RoutesStreams& streams);

}  // namespace strait::cli
