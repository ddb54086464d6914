// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/address.hpp"
#include "core/duration.hpp"
#include "core/result.hpp"

namespace strait {

struct ConfigState;

// Reading a TOML configuration so that every mistake is reported in one go, each with file, line,
// column, the line itself and a caret. Each folder reads its own part into a plain options struct:
//
//   auto parsed = ConfigDocument::parse(text, "strait.toml");   // syntax errors end here
//   ConfigTable root = parsed->root();
//   ConfigTable table = root.table("probe");
//   options.interval = table.duration("interval").value_or(options.interval);
//   if (auto error = parsed->errors()) ...
//
// Keys that no reader asked for are errors too, with the nearest name that was asked for. Several
// readers may read the same table: what counts is that somebody asked.
// A getter that finds a value of the wrong type or range records an error and returns nothing, so
// the caller goes on with its default and the user sees all mistakes at once.
// One table of the document; cheap to copy. A table that is not there has no keys.
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
  [[nodiscard]] std::optional<BitRate> bit_rate(std::string_view key);
  [[nodiscard]] std::optional<Address> address(std::string_view key);
  [[nodiscard]] std::optional<Prefix> prefix(std::string_view key);
  // One of `words`, as its index.
  [[nodiscard]] std::optional<std::size_t> choice(std::string_view key,
                                                  std::initializer_list<std::string_view> words);
  [[nodiscard]] std::vector<std::string> texts(std::string_view key);  // array of text
  [[nodiscard]] std::vector<std::int64_t> integers(std::string_view key, std::int64_t min,
                                                   std::int64_t max);

  [[nodiscard]] ConfigTable table(std::string_view key);
  [[nodiscard]] std::vector<ConfigTable> tables(std::string_view key);            // [[key]]
  [[nodiscard]] std::vector<std::pair<std::string, ConfigTable>> named_tables();  // [this.NAME]

  // Records an error if `key` is absent. For keys without a default.
  void require(std::string_view key);
  // Records an error at `key` (or at the table, if it is absent): for checks beyond types.
  void error(std::string_view key, std::string message);
  // "strait.toml:5:12", where `key` (or the table, if it is absent) stands.
  [[nodiscard]] std::string place(std::string_view key) const;

 private:
  friend class ConfigDocument;
  ConfigTable(std::shared_ptr<ConfigState> document, std::string name, const void* node)
      : document_{std::move(document)}, name_{std::move(name)}, node_{node} {}
  std::shared_ptr<ConfigState> document_;
  std::string name_;  // "probe", "path": for messages
  const void* node_;  // the toml::table, or null: this header does not show the TOML library
};

class ConfigDocument {
 public:
  // `name` is what error messages call the file. Fails on a syntax error.
  [[nodiscard]] static Result<ConfigDocument> parse(std::string_view text, std::string name);
  [[nodiscard]] static Result<ConfigDocument> load(const std::string& file);

  [[nodiscard]] ConfigTable root();
  // All errors recorded so far and all keys that nobody asked for, in order of position, ready to
  // print; nothing when there are none. Call it when every reader has read.
  [[nodiscard]] std::optional<Error> errors() const;

 private:
  explicit ConfigDocument(std::shared_ptr<ConfigState> state) : state_{std::move(state)} {}
  std::shared_ptr<ConfigState> state_;
};

}  // namespace strait
