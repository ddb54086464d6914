// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>

#include "cli/reflect/command.hpp"
#include "core/result.hpp"

namespace strait::cli {

// Reflects until SIGINT or SIGTERM, then prints what it counted. Where it listens goes to
// `progress`, a line per socket, as soon as it does.
[[nodiscard]] Result<int> run_reflect(const ReflectOptions& options, std::ostream& results,
                                      std::ostream& progress);

}  // namespace strait::cli
