// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/routes/command.hpp"
#include "cli/routes/run.hpp"
#include "core/result.hpp"

namespace strait::cli {

// The work behind `strait routes inbound`: by which upstream the traffic of each [[inbound]] class
// would best come to us, and the one change of announcements to try next. Advice only. Returns the
// exit status.
[[nodiscard]] Result<int> run_inbound(const InboundCommand& options, const RoutesStreams& streams);

}  // namespace strait::cli
