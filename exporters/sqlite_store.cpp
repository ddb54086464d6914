// SPDX-License-Identifier: Apache-2.0
#include "exporters/sqlite_store.hpp"

#include <fmt/core.h>

#include "exporters/json_lines.hpp"
#include "exporters/sqlite_rows.hpp"

namespace strait::exporters {
namespace {

std::int64_t nanos(WallTime time) { return time.time_since_epoch().count(); }

// The filter as SQL; its values are bound in the same order by bind_filter().
std::string where(const WindowFilter& filter) {
  std::string sql = " WHERE start_ns >= ? AND start_ns < ?";
  if (filter.path) sql += " AND path = ?";
  if (filter.target) sql += " AND target = ?";
  if (filter.region) sql += " AND target IN (SELECT target FROM targets WHERE region = ?)";
  if (filter.kind) {
    const bool passive = *filter.kind == WindowKind::passive;
    sql += passive ? " AND protocol LIKE 'passive-%'" : " AND protocol NOT LIKE 'passive-%'";
  }
  return sql + " ORDER BY start_ns, path, target, protocol, dscp, flow";
}

void bind_filter(SqliteStatement& statement, const TimeRange& range, const WindowFilter& filter) {
  statement.bind(nanos(range.from)).bind(nanos(range.to));
  for (const auto* each : {&filter.path, &filter.target, &filter.region}) {
    if (*each) statement.bind(std::string_view{**each});
  }
}

// Keeps what was read, or counts it as damaged; `file` and `row` say where the first damage is.
template <class Item>
void keep(Result<Item> item, std::vector<Item>& items, std::uint64_t& damaged, std::string& problem,
          const std::string& where) {
  if (item) {
    items.push_back(std::move(*item));
    return;
  }
  if (damaged++ == 0) problem = where + ": " + item.error().message;
}

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& file) {
  auto database = SqliteDatabase::open(file, SqliteDatabase::Access::read_write);
  if (!database) return fail(std::move(database));
  // Schema first: a foreign database is refused before anything in it is changed.
  if (auto ready = prepare_schema(**database, false); !ready) return fail(std::move(ready));
  auto tuned = (*database)->execute(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;");
  if (!tuned) return fail(std::move(tuned));
  return std::unique_ptr<SqliteStore>{new SqliteStore{std::move(*database)}};
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open_read_only(const std::string& file) {
  auto database = SqliteDatabase::open(file, SqliteDatabase::Access::read_only);
  if (!database) return fail(std::move(database));
  if (auto ready = prepare_schema(**database, true); !ready) return fail(std::move(ready));
  return std::unique_ptr<SqliteStore>{new SqliteStore{std::move(*database)}};
}

Result<std::int64_t> SqliteStore::session_id(const SessionKey& session) {
  if (const auto known = sessions_.find(session); known != sessions_.end()) return known->second;
  auto insert = database_->prepare(
      "INSERT INTO sessions (path, target, protocol, dscp, flow) VALUES (?,?,?,?,?)"
      " ON CONFLICT DO UPDATE SET dscp = dscp RETURNING id");
  if (!insert) return fail(std::move(insert));
  insert->bind(std::string_view{session.path})
      .bind(std::string_view{session.target})
      .bind(to_string(session.protocol))
      .bind(std::int64_t{session.dscp})
      .bind(std::int64_t{session.flow});
  auto row = insert->step();
  if (!row) return fail(std::move(row));
  const std::int64_t id = insert->integer(0);
  if (row = insert->step(); !row) return fail(std::move(row));
  sessions_.emplace(session, id);
  return id;
}

Result<void> SqliteStore::append(std::span<const Window> windows) {
  if (windows.empty()) return {};
  sessions_.clear();  // an id learnt in a transaction that was rolled back is no id
  auto transaction = SqliteTransaction::begin(*database_);
  if (!transaction) return fail(std::move(transaction));
  auto insert = database_->prepare(insert_window);
  if (!insert) return fail(std::move(insert));
  for (const Window& window : windows) {
    const auto session = session_id(window.session);
    if (!session) return tl::make_unexpected(session.error());
    if (auto bound = bind_window(*insert, *session, window); !bound) return bound;
    if (auto inserted = insert->run(); !inserted) return inserted;
  }
  return transaction->commit();
}

Result<StoredWindows> SqliteStore::windows(const TimeRange& range, const WindowFilter& filter) {
  auto select = database_->prepare(std::string{select_windows} + where(filter));
  if (!select) return fail(std::move(select));
  bind_filter(*select, range, filter);
  StoredWindows result;
  for (;;) {
    const auto row = select->step();
    if (!row) return tl::make_unexpected(row.error());
    if (!*row) return result;
    keep(read_window(*select), result.windows, result.damaged, result.first_problem,
         fmt::format("store {}: window of {} to {} at {}", database_->file(), select->text(0),
                     select->text(1), to_string(WallTime{Nanos{select->integer(4)}})));
  }
}

Result<void> SqliteStore::set_regions(const TargetRegions& regions) {
  auto transaction = SqliteTransaction::begin(*database_);
  if (!transaction) return fail(std::move(transaction));
  auto insert = database_->prepare("INSERT OR REPLACE INTO targets VALUES (?,?)");
  if (!insert) return fail(std::move(insert));
  for (const auto& [target, region] : regions) {
    auto inserted = insert->bind(std::string_view{target}).bind(std::string_view{region}).run();
    if (!inserted) return inserted;
  }
  return transaction->commit();
}

Result<TargetRegions> SqliteStore::regions() {
  auto select = database_->prepare("SELECT target, region FROM targets");
  if (!select) return fail(std::move(select));
  TargetRegions result;
  for (;;) {
    const auto row = select->step();
    if (!row) return tl::make_unexpected(row.error());
    if (!*row) return result;
    result.emplace(select->text(0), select->text(1));
  }
}

Result<void> SqliteStore::append(std::span<const analyzer::Verdict> verdicts) {
  if (verdicts.empty()) return {};
  auto transaction = SqliteTransaction::begin(*database_);
  if (!transaction) return fail(std::move(transaction));
  auto insert = database_->prepare("INSERT OR REPLACE INTO verdicts VALUES (?,?,?,?,?)");
  if (!insert) return fail(std::move(insert));
  for (const analyzer::Verdict& verdict : verdicts) {
    insert->bind(nanos(verdict.at))
        .bind(std::string_view{verdict.traffic_class})
        .bind(to_string(verdict.ruling))
        .bind(verdict.path)
        .bind(std::string_view{to_json(verdict)});
    if (auto inserted = insert->run(); !inserted) return inserted;
  }
  return transaction->commit();
}

Result<StoredVerdicts> SqliteStore::verdicts(const TimeRange& range) {
  auto select = database_->prepare(
      "SELECT verdict, at_ns, class FROM verdicts WHERE at_ns >= ? AND at_ns < ?"
      " ORDER BY at_ns, class");
  if (!select) return fail(std::move(select));
  select->bind(nanos(range.from)).bind(nanos(range.to));
  StoredVerdicts result;
  for (;;) {
    const auto row = select->step();
    if (!row) return tl::make_unexpected(row.error());
    if (!*row) return result;
    keep(parse_verdict(select->text(0)), result.verdicts, result.damaged, result.first_problem,
         fmt::format("store {}: verdict for {} at {}", database_->file(), select->text(2),
                     to_string(WallTime{Nanos{select->integer(1)}})));
  }
}

Result<void> SqliteStore::remember(const analyzer::DecisionMemory& memory) {
  auto insert = database_->prepare("INSERT OR REPLACE INTO memory VALUES (1, ?)");
  if (!insert) return fail(std::move(insert));
  return insert->bind(std::string_view{to_json(memory)}).run();
}

Result<analyzer::DecisionMemory> SqliteStore::last_memory() {
  auto select = database_->prepare("SELECT memory FROM memory");
  if (!select) return fail(std::move(select));
  const auto row = select->step();
  if (!row) return tl::make_unexpected(row.error());
  if (!*row) return analyzer::DecisionMemory{};
  auto memory = parse_memory(select->text(0));
  if (memory) return memory;
  return fail(memory.error().code,
              fmt::format("store {}: {}", database_->file(), memory.error().message));
}

Result<std::uint64_t> SqliteStore::forget_before(WallTime time, std::uint64_t most) {
  const auto limit = static_cast<std::int64_t>(most);
  auto transaction = SqliteTransaction::begin(*database_);
  if (!transaction) return fail(std::move(transaction));
  auto verdicts = database_->prepare(
      "DELETE FROM verdicts WHERE (at_ns, class) IN (SELECT at_ns, class FROM verdicts"
      " WHERE at_ns < ? ORDER BY at_ns, class LIMIT ?)");
  if (!verdicts) return fail(std::move(verdicts));
  if (auto done = verdicts->bind(nanos(time)).bind(limit).run(); !done) {
    return fail(std::move(done));
  }
  auto windows = database_->prepare(
      "DELETE FROM windows WHERE (start_ns, session) IN (SELECT start_ns, session FROM windows"
      " WHERE start_ns < ? ORDER BY start_ns, session LIMIT ?)");
  if (!windows) return fail(std::move(windows));
  if (auto done = windows->bind(nanos(time)).bind(limit).run(); !done) return fail(std::move(done));
  const auto forgotten = static_cast<std::uint64_t>(database_->changes());
  if (auto done = transaction->commit(); !done) return fail(std::move(done));
  return forgotten;
}

Result<std::uint64_t> SqliteStore::size() {
  const auto pages = database_->integer("PRAGMA page_count");
  if (!pages) return tl::make_unexpected(pages.error());
  const auto page = database_->integer("PRAGMA page_size");
  if (!page) return tl::make_unexpected(page.error());
  return static_cast<std::uint64_t>(*pages * *page);
}

}  // namespace strait::exporters
