// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/routes/command.hpp"
#include "cli/routes/run.hpp"
#include "core/result.hpp"

namespace strait::cli {

// The work behind the commands that look at what was told to the router, or take it back. They
// return the exit status, and need neither evidence nor a RIB, but for a rollback to a plan that
// prefers something: that one has to pass the guards of now.
[[nodiscard]] Result<int> run_history(const HistoryOptions& options, const RoutesStreams& streams);
[[nodiscard]] Result<int> run_rollback(const RollbackOptions& options,
                                       const RoutesStreams& streams);
[[nodiscard]] Result<int> run_verify(const VerifyOptions& options, const RoutesStreams& streams);
[[nodiscard]] Result<int> run_stop(const StopOptions& options, const RoutesStreams& streams);
[[nodiscard]] Result<int> run_resume(const ResumeOptions& options, const RoutesStreams& streams);

}  // namespace strait::cli
