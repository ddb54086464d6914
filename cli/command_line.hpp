// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "core/address.hpp"
#include "core/duration.hpp"
#include "core/result.hpp"

namespace strait::cli {

// Options whose words are read by core's parsers. A word that does not parse ends the command as
// CLI11 does it, with the parser's own message.

CLI::Option* add_duration(CLI::App& command, const std::string& names, Nanos& target,
                          const std::string& description);
CLI::Option* add_rate(CLI::App& command, const std::string& names, Rate& target,
                      const std::string& description);

// Hands the value on, or ends the command.
template <class T>
T value_or_end(const Result<T>& parsed, const std::string& option) {
  if (!parsed) throw CLI::ValidationError{option, parsed.error().message};
  return *parsed;
}

}  // namespace strait::cli
