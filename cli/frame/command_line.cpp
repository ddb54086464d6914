// SPDX-License-Identifier: Apache-2.0
#include "cli/frame/command_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace strait::cli {
namespace {

std::string wanted(const Bounds& bounds) {
  if (bounds.max == std::numeric_limits<std::uint64_t>::max())
    return fmt::format("{} or more", bounds.min);
  return fmt::format("{} to {}", bounds.min, bounds.max);
}

std::uint64_t read_integer(const std::string& names, const Bounds& bounds,
                           const std::string& text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || value < bounds.min || value > bounds.max) {
    refuse(names, fmt::format("'{}': want a whole number, {}", text, wanted(bounds)));
  }
  return value;
}

}  // namespace

void refuse(const std::string& names, const std::string& why) {
  // "-c,--count" is called --count.
  throw CLI::ValidationError{names.substr(names.rfind(',') + 1), why};
}

Nanos read_time(const std::string& names, const std::string& text) {
  const Nanos duration = value_or_end(parse_duration(text), names);
  if (duration <= Nanos::zero()) refuse(names, fmt::format("'{}': want a time above 0", text));
  return duration;
}

CLI::Option* add_duration(CLI::App& command, const std::string& names, Nanos& target,
                          const std::string& description) {
  const auto read = [&target, names](const std::string& text) { target = read_time(names, text); };
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

CLI::Option* add_integer(CLI::App& command, const std::string& names, const Bounds& bounds,
                         std::function<void(std::uint64_t)> take, const std::string& description) {
  const auto read = [names, bounds, take = std::move(take)](const std::string& text) {
    take(read_integer(names, bounds, text));
  };
  return command.add_option_function<std::string>(names, read, description)->type_name(bounds.unit);
}

CLI::Option* add_integers(CLI::App& command, const std::string& names, const Bounds& bounds,
                          std::size_t most,
                          std::function<void(const std::vector<std::uint64_t>&)> take,
                          const std::string& description) {
  const auto read = [names, bounds, most,
                     take = std::move(take)](const std::vector<std::string>& texts) {
    if (texts.size() > most) refuse(names, fmt::format("want at most {} of them", most));
    std::vector<std::uint64_t> values;
    values.reserve(texts.size());
    for (const std::string& text : texts) values.push_back(read_integer(names, bounds, text));
    take(values);
  };
  return command.add_option_function<std::vector<std::string>>(names, read, description)
      ->type_name(bounds.unit)
      ->allow_extra_args(false);
}

CLI::Option* add_choice(CLI::App& command, const std::string& names, std::vector<std::string> words,
                        std::function<void(std::size_t)> take, const std::string& description) {
  const auto type = fmt::format("{}", fmt::join(words, "|"));
  const auto first = words.front();
  const auto read = [names, words = std::move(words),
                     take = std::move(take)](const std::string& text) {
    const auto word = std::ranges::find(words, text);
    if (word == words.end()) {
      refuse(names, fmt::format("'{}': want one of {}", text, fmt::join(words, ", ")));
    }
    take(static_cast<std::size_t>(word - words.begin()));
  };
  return command.add_option_function<std::string>(names, read, description)
      ->type_name(type)
      ->default_str(first);
}

}  // namespace strait::cli
