// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

namespace strait::cli {

// The layout of --help: types without the checks behind them, defaults in brackets behind the
// description, lines of at most 100 columns.
[[nodiscard]] std::shared_ptr<CLI::FormatterBase> help_layout();

// Two lines about a command line that `error` ended: the mistake, with the nearest name that
// exists, and where to read more.
[[nodiscard]] std::string usage_error(const CLI::App& app, const std::vector<std::string>& words,
                                      const CLI::ParseError& error);

}  // namespace strait::cli
