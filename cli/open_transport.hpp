// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "cli/probe_command.hpp"
#include "core/result.hpp"
#include "probe/transport.hpp"

namespace strait::cli {

// Opens the engine that the options name.
[[nodiscard]] Result<std::unique_ptr<probe::Transport>> open_transport(const ProbeOptions& options);

}  // namespace strait::cli
