// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <memory>
#include <optional>
#include <string>

#include "cli/capture/command.hpp"
#include "cli/capture/windows.hpp"
#include "cli/service/totals.hpp"
#include "exporters/http_server.hpp"
#include "exporters/snapshot.hpp"
#include "exporters/store.hpp"

namespace strait::cli {

// Where the windows of a capture go: into a store, out as JSON lines, and to whoever scrapes. One
// thread.
class CaptureExport {
 public:
  // Null where the options ask for none of these. `places` and `lines` must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<CaptureExport>> open(const CaptureOptions& options,
                                                                   Places& places,
                                                                   std::ostream& lines);
  CaptureExport(const CaptureExport&) = delete;
  CaptureExport& operator=(const CaptureExport&) = delete;
  CaptureExport(CaptureExport&&) = delete;
  CaptureExport& operator=(CaptureExport&&) = delete;
  ~CaptureExport() = default;

  void add(const probe::passive::RoundTrip& trip);
  // Closes what has ended by `now`, stores it, and publishes, at most once a second.
  [[nodiscard]] Result<void> tick(WallTime now);
  // The same, of files by their newest round trip.
  [[nodiscard]] Result<void> tick() { return tick(newest_); }
  // Stores what is left. What was not kept is told.
  [[nodiscard]] Result<void> finish(std::ostream& progress);

 private:
  CaptureExport(const CaptureOptions& options, Places& places);
  [[nodiscard]] Result<void> take(const std::vector<Window>& closed);
  void publish(WallTime now);

  CaptureWindows windows_;
  std::ostream* lines_ = nullptr;            // null: none
  std::unique_ptr<exporters::Store> store_;  // null: none
  exporters::StoreSnapshot written_;
  Totals totals_;
  std::shared_ptr<exporters::SnapshotCell> cell_ = std::make_shared<exporters::SnapshotCell>();
  std::unique_ptr<exporters::HttpServer> server_;  // null: none; ends before the cell
  std::optional<WallTime> first_window_;
  WallTime newest_;
  WallTime ticked_;
  WallTime published_;
};

}  // namespace strait::cli
