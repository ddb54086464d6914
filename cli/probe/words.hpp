// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/frame/cli11_names.hpp"
#include "cli/probe/command.hpp"

namespace strait::cli {

// The options of `strait probe` that say whom it probes, over which paths of a configuration, and
// how it shows what it found. Short ones mean what they mean in fping, mtr and irtt.
void add_target_words(CLI::App& command, ProbeOptions& options);
void add_path_words(CLI::App& command, ProbeOptions& options);
void add_view_words(CLI::App& command, ProbeOptions& options);

// Refuses what does not go together, and makes a count of --duration.
void settle_words(const CLI::App& command, ProbeOptions& options);

}  // namespace strait::cli
