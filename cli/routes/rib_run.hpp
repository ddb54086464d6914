// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>

#include "cli/routes/rib_command.hpp"
#include "core/result.hpp"

namespace strait::cli {

// The work behind `strait routes rib ...`. What could not be read is told on `progress`, and makes
// the exit status 1, as does a difference that `diff` finds.
[[nodiscard]] Result<int> run_rib(const RibOptions& options, std::ostream& results,
                                  std::ostream& progress);

}  // namespace strait::cli
