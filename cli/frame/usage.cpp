// SPDX-License-Identifier: Apache-2.0
#include "cli/frame/usage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/nearest.hpp"

namespace strait::cli {
namespace {

constexpr std::size_t name_columns = 34;
constexpr std::size_t text_columns = 66;

// Breaks at spaces; the layout indents what follows a line break.
std::string wrapped(const std::string& text) {
  std::string lines;
  std::size_t used = 0;
  for (const std::string& word : CLI::detail::split(text, ' ')) {
    if (used > 0 && used + 1 + word.size() > text_columns) {
      lines += '\n';
      used = 0;
    }
    if (used > 0) lines += ' ';
    lines += word;
    used += word.size() + (used > 0 ? 1 : 0);
  }
  return lines;
}

class HelpLayout : public CLI::Formatter {
 public:
  HelpLayout() {
    column_width(name_columns);
    label("REQUIRED", "");
  }
  // CLI11 leaves two empty lines between groups.
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    std::string text = CLI::Formatter::make_help(app, std::move(name), mode);
    for (auto at = text.find("\n\n\n"); at != std::string::npos; at = text.find("\n\n\n", at))
      text.erase(at, 1);
    return text;
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    if (!option->nonpositional()) return option->get_expected_max() > 1 ? " ..." : "";
    if (option->get_type_size() == 0) return "";
    return " " + option->get_type_name();
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    const auto standard = option->get_default_str();
    const auto& text = option->get_description();
    return wrapped(standard.empty() ? text : fmt::format("{} [default: {}]", text, standard));
  }
};

using Apps = std::vector<const CLI::App*>;

Apps commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::string hint(const std::string& word, const std::vector<std::string>& names) {
  const auto found = nearest(word, names);
  return found ? fmt::format("; did you mean '{}'?", *found) : "";
}

std::string unknown_option(const CLI::App& command, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  std::vector<std::string> names;
  for (const CLI::Option* const option : command.get_options()) {
    for (const std::string& known : option->get_lnames()) names.push_back("--" + known);
  }
  return fmt::format("no option '{}'{}", name, hint(name, names));
}

std::string unknown_command(const CLI::App& command, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* const each : commands_of(command)) names.push_back(each->get_name());
  return fmt::format("no command '{}'{}", word, hint(word, names));
}

std::string unexpected(const CLI::App& command, const std::string& word) {
  if (word.starts_with('-')) return unknown_option(command, word);
  return fmt::format("one word too many: '{}'", word);
}

// What is wrong at a command that wants another one behind it.
std::string missing_command(const CLI::App& command, const std::vector<std::string>& rest) {
  if (!rest.empty() && !rest.front().starts_with('-')) return unknown_command(command, rest[0]);
  if (!rest.empty()) return unknown_option(command, rest.front());
  std::vector<std::string> names;
  for (const CLI::App* const each : commands_of(command)) names.push_back(each->get_name());
  return fmt::format("which command? one of {}", fmt::join(names, ", "));
}

std::string mistake(const CLI::App& app, const CLI::App& command, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    const auto extras = app.remaining(true);
    if (!extras.empty()) return unexpected(command, extras.front());
  }
  std::string what = error.what();
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    const auto colon = what.find(':');
    if (colon != std::string::npos) {
      const bool again = what.find("At most", colon) != std::string::npos;
      return what.substr(0, colon) + (again ? ": given more than once" : ": the value is missing");
    }
    return "--" + what.substr(0, what.find(' ')) + ": takes no value";
  }
  return what;
}

}  // namespace

std::shared_ptr<CLI::FormatterBase> help_layout() { return std::make_shared<HelpLayout>(); }

std::string usage_error(const CLI::App& app, const std::vector<std::string>& words,
                        const CLI::ParseError& error) {
  const CLI::App* command = &app;
  std::string name = "strait";
  auto word = words.begin();
  for (; word != words.end(); ++word) {
    const auto below = commands_of(*command);
    const auto found = std::ranges::find(below, *word, [](const auto* a) { return a->get_name(); });
    if (found == below.end()) break;
    command = *found;
    name += " " + *word;
  }
  const auto why = commands_of(*command).empty() ? mistake(app, *command, error)
                                                 : missing_command(*command, {word, words.end()});
  return fmt::format("{}: {}\n'{} --help' tells more\n", name, why, name);
}

}  // namespace strait::cli
