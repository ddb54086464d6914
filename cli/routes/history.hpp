// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/routes/command.hpp"
#include "cli/routes/run.hpp"
#include "core/result.hpp"

namespace strait::cli {

// The work behind the commands that look at what was told to the router, or take it back. They need
// neither evidence nor a RIB, and return the exit status.
[[nodiscard]] Result<int> run_history(const HistoryOptions& options, const RoutesStreams& streams);
[[nodiscard]] Result<int> run_rollback(const RollbackOptions& options,
                                       const RoutesStreams& streams);
[[nodiscard]] Result<int> run_verify(const VerifyOptions& options, const RoutesStreams& streams);
[[nodiscard]] Result<int> run_stop(const StopOptions& options, const RoutesStreams& streams);
[[nodiscard]] Result<int> run_resume(const ResumeOptions& options, const RoutesStreams& streams);

}  // namespace strait::cli
