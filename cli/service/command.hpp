// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "cli/frame/cli11_names.hpp"
#include "core/result.hpp"

namespace strait::cli {

struct RunOptions {
  std::string config;
  std::string log_level = "info";
};

// Adds `strait run -c FILE`. The command only reads words; `run` does the work and returns the exit
// status.
void add_run_command(CLI::App& app, std::function<int(const RunOptions&)> run);

// The service, until a signal ends it.
[[nodiscard]] Result<int> run_service(const RunOptions& options);

// `strait config check`.
[[nodiscard]] Result<int> check_configuration(const std::string& file);

}  // namespace strait::cli
