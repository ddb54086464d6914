// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "exporters/sqlite_database.hpp"
#include "exporters/store.hpp"

namespace strait::exporters {

// A store in one SQLite file: write-ahead log, synchronous=NORMAL. A killed process loses nothing
// that append() has returned for; a power cut may lose the newest batches, never a part of one.
class SqliteStore final : public Store {
 public:
  // Creates the file if need be, brings one of an older schema up to date. Refuses a file of a
  // newer schema, or of another program.
  [[nodiscard]] static Result<std::unique_ptr<SqliteStore>> open(const std::string& file);
  // For readers beside the service; every call that would write fails.
  [[nodiscard]] static Result<std::unique_ptr<SqliteStore>> open_read_only(const std::string& file);

  [[nodiscard]] Result<void> append(std::span<const Window> windows) override;
  [[nodiscard]] Result<StoredWindows> windows(const TimeRange& range,
                                              const WindowFilter& filter) override;
  [[nodiscard]] Result<void> set_regions(const TargetRegions& regions) override;
  [[nodiscard]] Result<TargetRegions> regions() override;
  [[nodiscard]] Result<void> append(std::span<const analyzer::Verdict> verdicts) override;
  [[nodiscard]] Result<StoredVerdicts> verdicts(const TimeRange& range) override;
  [[nodiscard]] Result<void> remember(const analyzer::DecisionMemory& memory) override;
  [[nodiscard]] Result<analyzer::DecisionMemory> last_memory() override;
  [[nodiscard]] Result<std::uint64_t> forget_before(WallTime time, std::uint64_t most) override;
  [[nodiscard]] Result<std::uint64_t> size() override;

 private:
  explicit SqliteStore(std::unique_ptr<SqliteDatabase> database) : database_{std::move(database)} {}
  [[nodiscard]] Result<std::int64_t> session_id(const SessionKey& session);

  std::unique_ptr<SqliteDatabase> database_;
  std::map<SessionKey, std::int64_t> sessions_;
};

// Brings an empty or older file to the newest schema, or, read-only, an older one's rows into its
// form; refuses a newer or a foreign one.
[[nodiscard]] Result<void> prepare_schema(SqliteDatabase& database, bool read_only);

}  // namespace strait::exporters
