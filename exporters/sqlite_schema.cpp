// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <array>
#include <functional>
#include <map>
#include <string>

#include "exporters/sqlite_store.hpp"

namespace strait::exporters {
namespace {

constexpr std::int64_t application_id = 0x73747261;  // "stra"

// Version 1; what came later is in `steps`, also for a new file, so that there is one way to each
// version. Times are nanoseconds since 1970 (UTC), durations nanoseconds, sketches the octets of
// encode(). Time comes first in the key: windows arrive in its order, ranges of it are read, and
// the oldest are deleted, each from one end of the tree.
constexpr const char* schema = R"(
CREATE TABLE sessions (
  id INTEGER PRIMARY KEY, path TEXT NOT NULL, target TEXT NOT NULL, protocol TEXT NOT NULL,
  dscp INTEGER NOT NULL, UNIQUE (path, target, protocol, dscp)) STRICT;
CREATE TABLE targets (target TEXT PRIMARY KEY, region TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE windows (
  start_ns INTEGER NOT NULL, session INTEGER NOT NULL REFERENCES sessions (id),
  length_ns INTEGER NOT NULL, scheduled INTEGER NOT NULL, missed INTEGER NOT NULL,
  sent INTEGER NOT NULL, received INTEGER NOT NULL, lost INTEGER NOT NULL, late INTEGER NOT NULL,
  duplicate INTEGER NOT NULL, reordered INTEGER NOT NULL, errors TEXT NOT NULL,
  rtt BLOB NOT NULL, forward BLOB NOT NULL, reverse BLOB NOT NULL, lag BLOB NOT NULL,
  source TEXT NOT NULL, uncertainty_ns INTEGER NOT NULL,
  PRIMARY KEY (start_ns, session)) STRICT, WITHOUT ROWID;
CREATE TABLE verdicts (
  at_ns INTEGER NOT NULL, class TEXT NOT NULL, ruling TEXT NOT NULL, path TEXT,
  verdict TEXT NOT NULL, PRIMARY KEY (at_ns, class)) STRICT, WITHOUT ROWID;
CREATE TABLE memory (id INTEGER PRIMARY KEY CHECK (id = 1), memory TEXT NOT NULL) STRICT;
)";

// From each version to the next one: of the file, and, where the file may not be written, the
// column that this connection sees as well.
struct Step {
  const char* upgrade;
  const char* table;
  const char* column;
};

constexpr std::array steps{
    // To 2: round trips that are kept apart. The octets are an empty sketch of schema 4.
    Step{"ALTER TABLE windows ADD COLUMN uncertain BLOB NOT NULL DEFAULT x'0104000000';", "windows",
         "x'0104000000' AS uncertain"},
    // To 3: flows. A table's UNIQUE cannot be altered.
    Step{R"(
CREATE TABLE sessions_with_flow (
  id INTEGER PRIMARY KEY, path TEXT NOT NULL, target TEXT NOT NULL, protocol TEXT NOT NULL,
  dscp INTEGER NOT NULL, flow INTEGER NOT NULL,
  UNIQUE (path, target, protocol, dscp, flow)) STRICT;
INSERT INTO sessions_with_flow SELECT id, path, target, protocol, dscp, 0 FROM sessions;
DROP TABLE sessions;
ALTER TABLE sessions_with_flow RENAME TO sessions;
)",
         "sessions", "0 AS flow"},
    // To 4: what a STAMP reflector told of its end, as JSON.
    Step{"ALTER TABLE windows ADD COLUMN far TEXT NOT NULL DEFAULT '{}';", "windows",
         "'{}' AS far"},
    // To 5: what the clocks of both ends allow, as JSON.
    Step{"ALTER TABLE windows ADD COLUMN clocks TEXT NOT NULL DEFAULT '{}';", "windows",
         "'{}' AS clocks"},
    // To 6: inter-packet delay variation. The octets are an empty sketch of schema 5.
    Step{"ALTER TABLE windows ADD COLUMN ipdv BLOB NOT NULL DEFAULT x'0105000000';", "windows",
         "x'0105000000' AS ipdv"},
};
constexpr auto newest_version = static_cast<std::int64_t>(steps.size() + 1);

// Takes the file from `version` (0: it is empty) to the newest, or leaves it as it is.
Result<void> upgrade(SqliteDatabase& database, std::int64_t version) {
  if (version == newest_version) return {};
  auto transaction = SqliteTransaction::begin(database);
  if (!transaction) return fail(std::move(transaction));
  if (version == 0) {
    if (auto made = database.execute(schema); !made) return made;
    version = 1;
  }
  for (; version < newest_version; ++version) {
    const Step& step = steps.at(static_cast<std::size_t>(version - 1));
    if (auto made = database.execute(step.upgrade); !made) return made;
  }
  const auto marks = fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {};",
                                 application_id, newest_version);
  if (auto marked = database.execute(marks.c_str()); !marked) return marked;
  return transaction->commit();
}

// A temporary view goes before the table of its name.
Result<void> pretend(SqliteDatabase& database, std::int64_t version) {
  std::map<std::string, std::string, std::less<>> columns;
  for (; version < newest_version; ++version) {
    const Step& step = steps.at(static_cast<std::size_t>(version - 1));
    columns[step.table] += fmt::format(", {}", step.column);
  }
  for (const auto& [table, missing] : columns) {
    const auto view =
        fmt::format("CREATE TEMP VIEW {} AS SELECT *{} FROM main.{};", table, missing, table);
    if (auto made = database.execute(view.c_str()); !made) return made;
  }
  return {};
}

Result<void> check(const SqliteDatabase& database, std::int64_t id, std::int64_t version) {
  if (id != application_id) {
    return fail(Errc::bad_input, fmt::format("store {}: this SQLite database was made by another"
                                             " program; name another file",
                                             database.file()));
  }
  if (version < 1) {
    return fail(Errc::bad_input, fmt::format("store {}: schema version {}: want 1 to {}",
                                             database.file(), version, newest_version));
  }
  if (version > newest_version) {
    return fail(Errc::unsupported,
                fmt::format("store {}: schema version {} is newer than {}, the newest that this"
                            " program knows; use a newer strait",
                            database.file(), version, newest_version));
  }
  return {};
}

}  // namespace

Result<void> prepare_schema(SqliteDatabase& database, bool read_only) {
  const auto id = database.integer("PRAGMA application_id");
  if (!id) return tl::make_unexpected(id.error());
  const auto version = database.integer("PRAGMA user_version");
  if (!version) return tl::make_unexpected(version.error());
  const auto tables = database.integer("SELECT count(*) FROM sqlite_schema");
  if (!tables) return tl::make_unexpected(tables.error());

  if (*tables == 0 && *id == 0 && !read_only) return upgrade(database, 0);
  if (auto ours = check(database, *id, *version); !ours) return ours;
  return read_only ? pretend(database, *version) : upgrade(database, *version);
}

}  // namespace strait::exporters
