// SPDX-License-Identifier: Apache-2.0
#include "exporters/sqlite_database.hpp"

#include <fmt/core.h>
#include <sqlite3.h>

#include <array>
#include <filesystem>

namespace strait::exporters {
namespace {

constexpr int busy_timeout_ms = 5000;  // a reader or a backup holds the lock for far less

struct Remedy {
  int code;
  Errc errc;
  std::string_view text;
};

constexpr auto remedies = std::to_array<Remedy>({
    {SQLITE_FULL, Errc::io, "the disk is full; make room or set exporters.retention"},
    {SQLITE_NOTADB, Errc::bad_input, "it is not a SQLite database; name another file"},
    {SQLITE_CORRUPT, Errc::io,
     "it is damaged; move it away, or save what is left with"
     " `sqlite3 FILE .recover`"},
    {SQLITE_BUSY, Errc::io, "another program has kept it locked for 5 s"},
    {SQLITE_READONLY, Errc::no_permission, "it may not be written; check its owner and mode"},
    {SQLITE_PERM, Errc::no_permission, "access is denied; check its owner and mode"},
    {SQLITE_CANTOPEN, Errc::io,
     "it cannot be opened; check that its directory exists and can be written"},
});

}  // namespace

void SqliteCloser::operator()(sqlite3* database) const noexcept { sqlite3_close_v2(database); }
void SqliteFinalizer::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

SqliteStatement& SqliteStatement::bind(std::int64_t value) {
  bind_error_ |= sqlite3_bind_int64(statement_.get(), next_++, value);
  return *this;
}

SqliteStatement& SqliteStatement::bind(std::string_view text) {
  bind_error_ |= sqlite3_bind_text64(statement_.get(), next_++, text.data(), text.size(),
                                     SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

SqliteStatement& SqliteStatement::bind(std::span<const std::byte> octets) {
  bind_error_ |= sqlite3_bind_blob64(statement_.get(), next_++, octets.data(), octets.size(),
                                     SQLITE_TRANSIENT);
  return *this;
}

SqliteStatement& SqliteStatement::bind(const std::optional<std::string>& text) {
  if (text) return bind(std::string_view{*text});
  bind_error_ |= sqlite3_bind_null(statement_.get(), next_++);
  return *this;
}

Result<bool> SqliteStatement::step() {
  next_ = 1;
  if (const int bound = std::exchange(bind_error_, 0); bound != SQLITE_OK) {
    return tl::make_unexpected(database_->error(bound));
  }
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) {
    const Error error = database_->error(code);
    sqlite3_reset(statement_.get());
    return tl::make_unexpected(error);
  }
  sqlite3_reset(statement_.get());
  return false;
}

Result<void> SqliteStatement::run() {
  const auto stepped = step();
  if (!stepped) return tl::make_unexpected(stepped.error());
  return {};
}

std::int64_t SqliteStatement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view SqliteStatement::text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_.get(), column);
  if (text == nullptr) return {};
  return {reinterpret_cast<const char*>(text),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

std::span<const std::byte> SqliteStatement::octets(int column) const {
  const void* octets = sqlite3_column_blob(statement_.get(), column);
  if (octets == nullptr) return {};
  return {static_cast<const std::byte*>(octets),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open(const std::string& file,
                                                             Access access) {
  std::error_code ec;
  if (access == Access::read_only && !std::filesystem::exists(file, ec)) {
    return fail(Errc::not_found, fmt::format("store {}: no such file", file));
  }
  std::unique_ptr<SqliteDatabase> result{new SqliteDatabase{file}};
  const int flags = access == Access::read_only ? SQLITE_OPEN_READONLY
                                                : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &handle, flags | SQLITE_OPEN_EXRESCODE, nullptr);
  result->database_.reset(handle);
  if (code != SQLITE_OK) return tl::make_unexpected(result->error(code));
  sqlite3_busy_timeout(handle, busy_timeout_ms);
  return result;
}

Result<void> SqliteDatabase::execute(const char* sql) {
  const int code = sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return tl::make_unexpected(error(code));
  return {};
}

Result<SqliteStatement> SqliteDatabase::prepare(std::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                      &statement, nullptr);
  if (code != SQLITE_OK) return tl::make_unexpected(error(code));
  return SqliteStatement{*this, statement};
}

Result<std::int64_t> SqliteDatabase::integer(std::string_view sql) const {
  auto statement = prepare(sql);
  if (!statement) return tl::make_unexpected(statement.error());
  const auto row = statement->step();
  if (!row) return tl::make_unexpected(row.error());
  return *row ? statement->integer(0) : 0;
}

std::int64_t SqliteDatabase::changes() const { return sqlite3_changes64(database_.get()); }

Error SqliteDatabase::error(int code) const {
  // An error without a connection (out of memory) has only its code.
  const char* said = database_ ? sqlite3_errmsg(database_.get()) : sqlite3_errstr(code);
  for (const Remedy& remedy : remedies) {
    if ((code & 0xff) != remedy.code) continue;
    return {remedy.errc, fmt::format("store {}: {} ({})", file_, remedy.text, said)};
  }
  return {Errc::io, fmt::format("store {}: {}", file_, said)};
}

Result<SqliteTransaction> SqliteTransaction::begin(SqliteDatabase& database) {
  // IMMEDIATE takes the write lock now, so that a batch cannot fail half way for want of it.
  if (auto begun = database.execute("BEGIN IMMEDIATE"); !begun) return fail(std::move(begun));
  return SqliteTransaction{database};
}

Result<void> SqliteTransaction::commit() {
  auto done = database_->execute("COMMIT");
  if (done) database_ = nullptr;
  return done;
}

SqliteTransaction::~SqliteTransaction() {
  // Fails only where SQLite has rolled back by itself, which is what is wanted.
  if (database_ != nullptr) static_cast<void>(database_->execute("ROLLBACK"));
}

}  // namespace strait::exporters
