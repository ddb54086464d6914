// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>

#include "cli/routes/bmp_command.hpp"
#include "core/result.hpp"

namespace strait::cli {

// The work behind `strait routes bmp`: what happens goes to `results` as it happens. Ends on SIGINT
// and SIGTERM. The exit status is 1 if something that routers sent could not be read, or if a time
// limit ran out before all were complete.
[[nodiscard]] Result<int> run_bmp(const BmpOptions& options, std::ostream& results,
                                  std::ostream& progress);

}  // namespace strait::cli
