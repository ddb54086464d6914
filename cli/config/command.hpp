// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "cli/frame/cli11_names.hpp"

namespace strait::cli {

// Adds `strait config check -c FILE` and `strait config example`. `check` gets the file's name and
// returns the exit status; the example is printed.
void add_config_command(CLI::App& app, std::function<int(const std::string& file)> check);

// A configuration with every key and a word on each. It passes `strait config check`.
[[nodiscard]] std::string_view example_configuration();

// Where a configuration is looked for when no -c says otherwise.
inline constexpr const char* default_configuration = "/etc/strait/strait.toml";

}  // namespace strait::cli
