// SPDX-License-Identifier: Apache-2.0
#include "core/config.hpp"

#include <fmt/format.h>

// The library asserts (and with NDEBUG assumes) that a key begins well before it has looked, and
// calls white space tests "unreachable" for some letters outside ASCII, so that a mistyped
// "[`table]" would abort the program. Its own error paths stand right behind: let them be taken.
// (The order of these lines matters, so the formatter leaves them alone.)
// clang-format off
#define TOML_HEADER_ONLY 1
#include <toml++/impl/preprocessor.h>
#undef TOML_ASSERT_ASSUME
#define TOML_ASSERT_ASSUME(expr) static_assert(true)
#include <toml++/impl/forward_declarations.h>
#undef TOML_UNREACHABLE
#define TOML_UNREACHABLE return false
#include <toml++/impl/unicode.h>
#undef TOML_UNREACHABLE
#define TOML_UNREACHABLE __builtin_unreachable()
#include <toml++/toml.h>
// clang-format on

#include <algorithm>
#include <map>
#include <set>

#include "core/config_text.hpp"
#include "core/file.hpp"
#include "core/nearest.hpp"

namespace strait {
namespace {

Mistake mistake_at(const toml::source_position& where, std::string message) {
  return {where.line, where.column, std::move(message)};
}

std::string_view kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "text";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number";
    case toml::node_type::boolean:
      return "a boolean";
    default:
      return "a date or time";
  }
}

}  // namespace

struct ConfigState {
  std::string name;
  std::string source;
  toml::table root;
  std::set<Mistake> mistakes;
  std::map<const toml::table*, std::set<std::string, std::less<>>> asked;

  void mistake(const toml::source_position& where, std::string message) {
    mistakes.insert(mistake_at(where, std::move(message)));
  }

  // The node of `key`, which counts as asked for; null when absent.
  const toml::node* ask(const void* table, std::string_view key) {
    if (table == nullptr) return nullptr;
    const auto& node = *static_cast<const toml::table*>(table);
    asked[&node].emplace(key);
    return node.get(key);
  }

  std::optional<std::int64_t> integer(const toml::node& node, std::string_view key,
                                      std::string_view wanted, std::int64_t min, std::int64_t max) {
    if (!node.is_integer()) {
      wrong_type(node, key, wanted);
      return std::nullopt;
    }
    const std::int64_t value = node.as_integer()->get();
    if (value >= min && value <= max) return value;
    mistake(node.source().begin, fmt::format("{} is {}: want {} to {}", key, value, min, max));
    return std::nullopt;
  }

  void wrong_type(const toml::node& node, std::string_view key, std::string_view wanted) {
    mistake(node.source().begin, fmt::format("{} must be {}, not {}", key, wanted, kind_of(node)));
  }

  // The value of a parser of core that reads text; its error is recorded with the position.
  template <class Parse>
  auto parsed(const void* table, std::string_view key, std::string_view wanted, const Parse& parse)
      -> std::optional<typename decltype(parse(std::string_view{}))::value_type> {
    const toml::node* const node = ask(table, key);
    if (node == nullptr) return std::nullopt;
    if (!node->is_string()) {
      wrong_type(*node, key, wanted);
      return std::nullopt;
    }
    auto value = parse(std::string_view{node->as_string()->get()});
    if (!value) {
      mistake(node->source().begin, fmt::format("{}: {}", key, value.error().message));
      return std::nullopt;
    }
    return *value;
  }

  void find_unknown_keys(std::set<Mistake>& found) const {
    for (const auto& [table, keys] : asked) {
      const std::vector<std::string> known(keys.begin(), keys.end());
      for (const auto& [key, node] : *table) {
        if (keys.contains(key.str())) continue;
        const auto guess = nearest(key.str(), known);
        const auto hint = guess ? fmt::format("; did you mean '{}'?", *guess) : std::string{};
        found.insert(
            mistake_at(key.source().begin, fmt::format("unknown key '{}'{}", key.str(), hint)));
      }
    }
  }
};

namespace {

// Of a key's value, or of the table where there is no such key.
toml::source_position position_of(const void* node, std::string_view key) {
  const auto* const table = static_cast<const toml::table*>(node);
  if (table == nullptr) return {};
  const toml::node* const value = table->get(key);
  return value == nullptr ? table->source().begin : value->source().begin;
}

}  // namespace

bool ConfigTable::exists() const { return node_ != nullptr; }

bool ConfigTable::has(std::string_view key) const {
  return node_ != nullptr && static_cast<const toml::table*>(node_)->contains(key);
}

std::optional<std::string> ConfigTable::text(std::string_view key) {
  return document_->parsed(
      node_, key, "text in quotes",
      [](std::string_view text) -> Result<std::string> { return std::string{text}; });
}

std::optional<bool> ConfigTable::boolean(std::string_view key) {
  const toml::node* const node = document_->ask(node_, key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_boolean()) {
    document_->wrong_type(*node, key, "true or false");
    return std::nullopt;
  }
  return node->as_boolean()->get();
}

std::optional<std::int64_t> ConfigTable::integer(std::string_view key, std::int64_t min,
                                                 std::int64_t max) {
  const toml::node* const node = document_->ask(node_, key);
  if (node == nullptr) return std::nullopt;
  return document_->integer(*node, key, "an integer", min, max);
}

std::vector<std::int64_t> ConfigTable::integers(std::string_view key, std::int64_t min,
                                                std::int64_t max) {
  const toml::node* const node = document_->ask(node_, key);
  std::vector<std::int64_t> found;
  if (node == nullptr) return found;
  if (!node->is_array()) {
    document_->wrong_type(*node, key, "an array of integers");
    return found;
  }
  for (const toml::node& element : *node->as_array()) {
    const auto value = document_->integer(element, key, "an array of integers", min, max);
    if (value) found.push_back(*value);
  }
  return found;
}

std::optional<double> ConfigTable::number(std::string_view key, double min, double max) {
  const toml::node* const node = document_->ask(node_, key);
  if (node == nullptr) return std::nullopt;
  const auto value = node->is_number() ? node->value<double>() : std::nullopt;
  if (!value) {
    document_->wrong_type(*node, key, "a number");
    return std::nullopt;
  }
  const bool within = *value >= min && *value <= max;  // not so for nan
  if (!within) {
    document_->mistake(node->source().begin,
                       fmt::format("{} is {}: want {} to {}", key, *value, min, max));
    return std::nullopt;
  }
  return value;
}

std::optional<Nanos> ConfigTable::duration(std::string_view key) {
  return document_->parsed(node_, key, "text with a unit, such as \"100ms\"",
                           [](std::string_view text) -> Result<Nanos> {
                             auto value = parse_duration(text);
                             if (value && *value == Nanos::zero()) {
                               return fail(Errc::bad_input, "want more than 0");
                             }
                             return value;
                           });
}

std::optional<Rate> ConfigTable::rate(std::string_view key) {
  return document_->parsed(node_, key, "text such as \"100/s\"", parse_rate);
}

std::optional<BitRate> ConfigTable::bit_rate(std::string_view key) {
  return document_->parsed(node_, key, "text such as \"10 Gbit/s\"", parse_bit_rate);
}

std::optional<Address> ConfigTable::address(std::string_view key) {
  return document_->parsed(node_, key, "an address in quotes", parse_address);
}

std::optional<Prefix> ConfigTable::prefix(std::string_view key) {
  return document_->parsed(node_, key, "a prefix in quotes", parse_prefix);
}

std::optional<std::size_t> ConfigTable::choice(std::string_view key,
                                               std::initializer_list<std::string_view> words) {
  return document_->parsed(
      node_, key, fmt::format("one of \"{}\"", fmt::join(words, "\", \"")),
      [&](std::string_view text) -> Result<std::size_t> {
        const auto* const found = std::ranges::find(words, text);
        if (found == words.end()) {
          return fail(Errc::bad_input,
                      fmt::format("'{}': want one of {}", text, fmt::join(words, ", ")));
        }
        return static_cast<std::size_t>(found - words.begin());
      });
}

std::vector<std::string> ConfigTable::texts(std::string_view key) {
  const toml::node* const node = document_->ask(node_, key);
  std::vector<std::string> found;
  if (node == nullptr) return found;
  if (!node->is_array()) {
    document_->wrong_type(*node, key, "an array of text");
    return found;
  }
  for (const toml::node& element : *node->as_array()) {
    if (element.is_string()) {
      found.push_back(element.as_string()->get());
    } else {
      document_->wrong_type(element, key, "an array of text");
    }
  }
  return found;
}

ConfigTable ConfigTable::table(std::string_view key) {
  const toml::node* const node = document_->ask(node_, key);
  if (node != nullptr && !node->is_table()) document_->wrong_type(*node, key, "a table");
  const toml::table* const found = node == nullptr ? nullptr : node->as_table();
  if (found != nullptr) document_->asked[found];
  return {document_, std::string{key}, found};
}

std::vector<ConfigTable> ConfigTable::tables(std::string_view key) {
  const toml::node* const node = document_->ask(node_, key);
  std::vector<ConfigTable> found;
  if (node == nullptr) return found;
  if (!node->is_array()) {
    document_->wrong_type(*node, key, fmt::format("tables that begin with [[{}]]", key));
    return found;
  }
  for (const toml::node& element : *node->as_array()) {
    if (!element.is_table()) {
      document_->wrong_type(element, key, fmt::format("tables that begin with [[{}]]", key));
      continue;
    }
    document_->asked[element.as_table()];
    found.push_back({document_, std::string{key}, element.as_table()});
  }
  return found;
}

std::vector<std::pair<std::string, ConfigTable>> ConfigTable::named_tables() {
  std::vector<std::pair<std::string, ConfigTable>> found;
  if (node_ == nullptr) return found;
  for (const auto& [key, node] : *static_cast<const toml::table*>(node_)) {
    if (node.is_table()) found.emplace_back(key.str(), table(key.str()));
  }
  return found;
}

void ConfigTable::require(std::string_view key) {
  if (has(key)) return;
  error("", fmt::format("[{}] has no '{}'", name_, key));
}

void ConfigTable::error(std::string_view key, std::string message) {
  document_->mistake(position_of(node_, key), std::move(message));
}

std::string ConfigTable::place(std::string_view key) const {
  const toml::source_position where = position_of(node_, key);
  return fmt::format("{}:{}:{}", document_->name, where.line, where.column);
}

Result<ConfigDocument> ConfigDocument::parse(std::string_view text, std::string name) {
  auto state = std::make_shared<ConfigState>();
  state->name = std::move(name);
  state->source = text;
  if (const auto mistake = bad_character(text)) {
    return fail(Errc::bad_input, show(*mistake, state->name, text));
  }
  try {  // toml++ reports syntax errors by exception
    state->root = toml::parse(state->source, state->name);
  } catch (const toml::parse_error& error) {
    return fail(Errc::bad_input,
                show(mistake_at(error.source().begin, std::string{error.description()}),
                     state->name, text));
  }
  state->asked[&state->root];
  return ConfigDocument{std::move(state)};
}

Result<ConfigDocument> ConfigDocument::load(const std::string& file) {
  const auto text = read_file(file);
  if (!text) return tl::make_unexpected(text.error());
  return parse(*text, file);
}

ConfigTable ConfigDocument::root() { return {state_, "top", &state_->root}; }

std::optional<Error> ConfigDocument::errors() const {
  std::set<Mistake> all = state_->mistakes;
  state_->find_unknown_keys(all);
  if (all.empty()) return std::nullopt;
  std::string text;
  for (const Mistake& mistake : all) text += show(mistake, state_->name, state_->source);
  text += fmt::format("{}: {} error{}", state_->name, all.size(), all.size() == 1 ? "" : "s");
  return Error{Errc::bad_input, std::move(text)};
}

}  // namespace strait
