// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.hpp"

namespace strait::cli {

CLI::Option* add_duration(CLI::App& command, const std::string& names, Nanos& target,
                          const std::string& description) {
  const auto read = [&target, names](const std::string& text) {
    const Nanos duration = value_or_end(parse_duration(text), names);
    if (duration <= Nanos::zero()) throw CLI::ValidationError{names, "want a time above 0"};
    target = duration;
  };
  return command.add_option_function<std::string>(names, read, description)
      ->type_name("TIME")
      ->default_str(to_string(target));
}

CLI::Option* add_rate(CLI::App& command, const std::string& names, Rate& target,
                      const std::string& description) {
  const auto read = [&target, names](const std::string& text) {
    target = value_or_end(parse_rate(text), names);
  };
  return command.add_option_function<std::string>(names, read, description)
      ->type_name("RATE")
      ->default_str(to_string(target));
}

}  // namespace strait::cli
