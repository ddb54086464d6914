// SPDX-License-Identifier: Apache-2.0
#include "cli/capture/export.hpp"

#include <algorithm>
#include <ostream>
#include <span>
#include <utility>

#include "exporters/json_lines.hpp"
#include "exporters/metrics_pages.hpp"
#include "exporters/sqlite_store.hpp"

namespace strait::cli {
namespace {

constexpr Nanos publish_interval = std::chrono::seconds{1};

// A file does not say who took its times; the kernel those of a live capture.
StampSource source_of(const CaptureOptions& options) {
  return options.interfaces.empty() ? StampSource::user : StampSource::kernel;
}

}  // namespace

CaptureExport::CaptureExport(const CaptureOptions& options, Places& places)
    : windows_{options.group, options.window, source_of(options), places} {}

Result<std::unique_ptr<CaptureExport>> CaptureExport::open(const CaptureOptions& options,
                                                           Places& places, std::ostream& lines) {
  if (!options.exports()) return nullptr;
  std::unique_ptr<CaptureExport> made{new CaptureExport{options, places}};
  if (options.windows) made->lines_ = &lines;
  if (!options.store.empty()) {
    auto store = exporters::SqliteStore::open(options.store);
    if (!store) return tl::make_unexpected(store.error());
    made->store_ = std::move(*store);
  }
  if (!options.listen.empty()) {
    exporters::HttpServerOptions http;
    http.listen = options.listen;
    auto server =
        exporters::HttpServer::start(std::move(http), exporters::metrics_pages(made->cell_));
    if (!server) return tl::make_unexpected(server.error());
    made->server_ = std::make_unique<exporters::HttpServer>(std::move(*server));
  }
  return made;
}

void CaptureExport::add(const probe::passive::RoundTrip& trip) {
  newest_ = std::max(newest_, trip.time);
  windows_.add(trip);
}

Result<void> CaptureExport::tick(WallTime now) {
  if (now - ticked_ < publish_interval) return {};
  ticked_ = now;
  if (auto taken = take(windows_.close(now)); !taken) return taken;
  publish(now);
  return {};
}

Result<void> CaptureExport::take(const std::vector<Window>& closed) {
  if (closed.empty()) return {};
  totals_.add(closed);
  if (!first_window_) first_window_ = closed.front().start + closed.front().length;
  if (lines_ != nullptr) {
    for (const Window& window : closed) *lines_ << exporters::to_json(window) << '\n';
  }
  if (!store_) return {};
  if (auto set = store_->set_regions(windows_.regions()); !set) return set;
  if (auto stored = store_->append(std::span{closed}); !stored) return stored;
  written_.windows_written += closed.size();
  written_.last_write = newest_;
  if (const auto size = store_->size()) written_.bytes = *size;
  return {};
}

void CaptureExport::publish(WallTime now) {
  if (!server_) return;
  exporters::Snapshot snapshot;
  snapshot.at = now;
  snapshot.first_window = first_window_;
  snapshot.sessions = totals_.with(windows_.open(), windows_.regions());
  if (store_) snapshot.store = written_;
  cell_->publish(std::move(snapshot));
}

Result<void> CaptureExport::finish(std::ostream& progress) {
  auto taken = take(windows_.finish());
  if (!taken) return taken;
  if (windows_.late() > 0) {
    progress << "strait: " << windows_.late() << " round trips came after their window's end\n";
  }
  if (windows_.without_room() > 0) {
    progress << "strait: " << windows_.without_room() << " round trips found no room in windows\n";
  }
  return {};
}

}  // namespace strait::cli
