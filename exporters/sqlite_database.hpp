// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace strait::exporters {

struct SqliteCloser {
  void operator()(sqlite3* database) const noexcept;
};
struct SqliteFinalizer {
  void operator()(sqlite3_stmt* statement) const noexcept;
};

class SqliteDatabase;

// A prepared statement. Columns and parameters are bound by position; text and octets are copied.
class SqliteStatement {
 public:
  SqliteStatement& bind(std::int64_t value);
  SqliteStatement& bind(std::string_view text);
  SqliteStatement& bind(std::span<const std::byte> octets);
  SqliteStatement& bind(const std::optional<std::string>& text);  // nothing: NULL

  // True when there is a row; false at the end, and then the statement can be bound and run again.
  [[nodiscard]] Result<bool> step();
  // Runs a statement that returns no rows.
  [[nodiscard]] Result<void> run();

  // Of the current row, valid until the next step().
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] std::span<const std::byte> octets(int column) const;

 private:
  friend class SqliteDatabase;
  SqliteStatement(const SqliteDatabase& database, sqlite3_stmt* statement)
      : database_{&database}, statement_{statement} {}

  const SqliteDatabase* database_;
  std::unique_ptr<sqlite3_stmt, SqliteFinalizer> statement_;
  int next_ = 1;
  int bind_error_ = 0;
};

// An open SQLite file. Errors name the file, what was being done and the remedy. Not movable:
// statements point to it.
class SqliteDatabase {
 public:
  enum class Access : std::uint8_t { read_write, read_only };

  [[nodiscard]] static Result<std::unique_ptr<SqliteDatabase>> open(const std::string& file,
                                                                    Access access);
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;
  SqliteDatabase(SqliteDatabase&&) = delete;
  SqliteDatabase& operator=(SqliteDatabase&&) = delete;
  ~SqliteDatabase() = default;

  [[nodiscard]] Result<void> execute(const char* sql);
  [[nodiscard]] Result<SqliteStatement> prepare(std::string_view sql) const;
  [[nodiscard]] Result<std::int64_t> integer(std::string_view sql) const;  // one row, one column

  [[nodiscard]] std::int64_t changes() const;  // rows changed by the newest statement
  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] Error error(int code) const;

 private:
  explicit SqliteDatabase(std::string file) : file_{std::move(file)} {}

  std::string file_;
  std::unique_ptr<sqlite3, SqliteCloser> database_;
};

// Rolls back unless it was committed.
class SqliteTransaction {
 public:
  [[nodiscard]] static Result<SqliteTransaction> begin(SqliteDatabase& database);
  SqliteTransaction(SqliteTransaction&& other) noexcept
      : database_{std::exchange(other.database_, nullptr)} {}
  SqliteTransaction& operator=(SqliteTransaction&&) = delete;
  SqliteTransaction(const SqliteTransaction&) = delete;
  SqliteTransaction& operator=(const SqliteTransaction&) = delete;
  ~SqliteTransaction();

  [[nodiscard]] Result<void> commit();

 private:
  explicit SqliteTransaction(SqliteDatabase& database) : database_{&database} {}
  SqliteDatabase* database_;
};

}  // namespace strait::exporters
