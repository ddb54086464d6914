// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "cli/probe_report.hpp"
#include "core/clock.hpp"
#include "core/window.hpp"

namespace strait::cli {

// Adds windows to the reports of their target and path, flows together. A window of the prober
// starts on a round time; the report says when the probes did.
void add_up(std::vector<TargetReport>& reports, std::span<const Window> windows, WallTime began);

}  // namespace strait::cli
