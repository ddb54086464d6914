// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "cli/probe/command.hpp"
#include "cli/probe/report.hpp"

namespace strait::cli {

// As the guidelines of the Monitoring Plugins have it; the value is the exit status.
enum class PluginState : std::uint8_t { ok = 0, warning = 1, critical = 2, unknown = 3 };

struct PluginResult {
  PluginState state = PluginState::unknown;
  std::string line;  // with its line feed: state, what is wrong, then '|' and performance data
};

// Judges each report by the options' thresholds. A target that sent no reply is critical; one that
// no probe was sent to, or whose percentile has too few probes, or that has no address, unknown.
[[nodiscard]] PluginResult plugin_result(std::span<const TargetReport> reports,
                                         const ProbeOptions& options,
                                         std::span<const std::string> unresolved);

// Where nothing could be measured at all.
[[nodiscard]] PluginResult plugin_failure(const std::string& message);

// The words of a command line that a monitoring system would read 2 as critical of, although it
// only cannot be understood.
[[nodiscard]] bool asks_for_plugin(std::span<const std::string> words);

}  // namespace strait::cli
