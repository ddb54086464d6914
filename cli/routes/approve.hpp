// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/routes/command.hpp"
#include "cli/routes/run.hpp"
#include "core/result.hpp"

namespace strait::cli {

// `strait routes pending`: the plan that waits for an approval, and what it changes.
[[nodiscard]] Result<int> run_pending(const PendingOptions& options, const RoutesStreams& streams);

// `strait routes approve ID`: gives exactly that plan to the router, if evidence and what is in
// force still say what they said when it was shown. Exit status 1 when it is refused.
[[nodiscard]] Result<int> run_approve(const ApproveOptions& options, const RoutesStreams& streams);

}  // namespace strait::cli
