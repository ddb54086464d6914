// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "core/address.hpp"
#include "core/duration.hpp"
#include "core/result.hpp"

namespace strait::cli {

// Options whose words are read by our own parsers. A word that does not parse ends the command as
// CLI11 does it, with a message that says what was read and what is wanted.

// A time above 0.
[[nodiscard]] Nanos read_time(const std::string& names, const std::string& text);

CLI::Option* add_duration(CLI::App& command, const std::string& names, Nanos& target,
                          const std::string& description);
CLI::Option* add_rate(CLI::App& command, const std::string& names, Rate& target,
                      const std::string& description);

struct Bounds {
  std::uint64_t min = 0;
  std::uint64_t max = 0;
  const char* unit = "N";  // the word for the value in --help
};
CLI::Option* add_integer(CLI::App& command, const std::string& names, const Bounds& bounds,
                         std::function<void(std::uint64_t)> take, const std::string& description);
// The same into `target`, whose value so far is shown as the default.
template <class T>
  requires std::is_integral_v<T>
CLI::Option* add_integer(CLI::App& command, const std::string& names, T& target,
                         const Bounds& bounds, const std::string& description) {
  return add_integer(
             command, names, bounds,
             [&target](std::uint64_t value) { target = static_cast<T>(value); }, description)
      ->default_str(std::to_string(target));
}

// The option may stand up to `most` times; `take` gets all values in their order.
CLI::Option* add_integers(CLI::App& command, const std::string& names, const Bounds& bounds,
                          std::size_t most,
                          std::function<void(const std::vector<std::uint64_t>&)> take,
                          const std::string& description);

// One of `words`; `take` gets its index. The first is shown as the default.
CLI::Option* add_choice(CLI::App& command, const std::string& names, std::vector<std::string> words,
                        std::function<void(std::size_t)> take, const std::string& description);

// Ends the command: "--count: why".
[[noreturn]] void refuse(const std::string& names, const std::string& why);

// Hands the value on, or ends the command.
template <class T>
T value_or_end(const Result<T>& parsed, const std::string& names) {
  if (!parsed) refuse(names, parsed.error().message);
  return *parsed;
}

}  // namespace strait::cli
