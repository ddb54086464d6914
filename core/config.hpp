// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/duration.hpp"
#include "core/result.hpp"

namespace strait {

// Reading a TOML configuration so that every mistake is reported in one go, each with file, line,
// column, the line itself and a caret. Each folder reads its own part into a plain options struct:
//
//   auto parsed = ConfigDocument::parse(text, "strait.toml");   // syntax errors end here
//   ConfigTable root = parsed->root();
//   ConfigTable table = root.table("probe");
//   options.interval = table.duration("interval").value_or(options.interval);
//   table.finish();            // keys that nobody asked for are errors, with the nearest name
//   root.finish();
//   if (auto error = parsed->errors()) ...
//
// A getter that finds a value of the wrong type or range records an error and returns nothing, so
// the caller goes on with its default and the user sees all mistakes at once.
class ConfigDocument;

class ConfigTable {
 public:
  [[nodiscard]] bool exists() const;  // false for table() of a name that is absent
  [[nodiscard]] bool has(std::string_view key) const;

  [[nodiscard]] std::optional<std::string> text(std::string_view key);
  [[nodiscard]] std::optional<bool> boolean(std::string_view key);
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key, std::int64_t min,
                                                    std::int64_t max);
  [[nodiscard]] std::optional<double> number(std::string_view key, double min, double max);
  [[nodiscard]] std::optional<Nanos> duration(std::string_view key);  // text with a unit, > 0
  [[nodiscard]] std::optional<Rate> rate(std::string_view key);
  [[nodiscard]] std::optional<Address> address(std::string_view key);
  [[nodiscard]] std::optional<Prefix> prefix(std::string_view key);
  // One of `words`, as its index.
  [[nodiscard]] std::optional<std::size_t> choice(std::string_view key,
                                                  std::initializer_list<std::string_view> words);
  [[nodiscard]] std::vector<std::string> texts(std::string_view key);  // array of text

  [[nodiscard]] ConfigTable table(std::string_view key);
  [[nodiscard]] std::vector<ConfigTable> tables(std::string_view key);  // [[key]]
  [[nodiscard]] std::vector<std::pair<std::string, ConfigTable>> named_tables();  // [this.NAME]

  // Records an error if `key` is absent. For keys without a default.
  void require(std::string_view key);
  // Records an error at `key` (or at the table, if it is absent): for checks beyond types.
  void error(std::string_view key, std::string message);
  // Records an error for every key that no getter asked for. Call it last.
  void finish();

 private:
  friend class ConfigDocument;
  struct State;
  explicit ConfigTable(std::shared_ptr<State> state) : state_{std::move(state)} {}
  std::shared_ptr<State> state_;
};

class ConfigDocument {
 public:
  // `name` is what error messages call the file. Fails on a syntax error.
  [[nodiscard]] static Result<ConfigDocument> parse(std::string_view text, std::string name);
  [[nodiscard]] static Result<ConfigDocument> load(const std::string& file);

  [[nodiscard]] ConfigTable root();
  // All errors recorded so far, in order of position, ready to print; nothing when there are none.
  [[nodiscard]] std::optional<Error> errors() const;

 private:
  struct State;
  explicit ConfigDocument(std::shared_ptr<State> state) : state_{std::move(state)} {}
  std::shared_ptr<State> state_;
  friend class ConfigTable;
};

}  // namespace strait
