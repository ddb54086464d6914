// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/bmp_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <filesystem>
#include <memory>
#include <ostream>
#include <set>

#include "cli/frame/exit_status.hpp"
#include "cli/routes/bmp_story.hpp"
#include "core/file.hpp"
#include "routes/mrt_dump.hpp"
#include "routes/sources/bmp_server.hpp"

namespace strait::cli {
namespace {

namespace asio = boost::asio;
using routes::BmpTable;
using routes::MonitoredRouter;

// The dumps of the tables of routers, one file each.
class DumpDirectory {
 public:
  explicit DumpDirectory(std::string directory) : directory_{std::move(directory)} {}

  // "" and the number of routes, or what went wrong.
  Result<std::string> write(MonitoredRouter& router, BmpTable table, WallTime now) {
    const routes::Rib rib = router.router->snapshot(table);
    std::string octets;
    const auto result = routes::write_mrt_dump(
        rib, {.taken = now, .collector_id = 0, .view = to_string(table)}, [&](auto piece) {
          octets += piece;
          return true;
        });
    const std::string name = file_of(router.address, table);
    if (auto written = replace_file(name, octets); !written) return fail(std::move(written));
    written_.insert(name);
    return fmt::format("{}: {} prefixes, {} routes{}", name, rib.prefix_count(), rib.route_count(),
                       result.left_out == 0
                           ? ""
                           : fmt::format(", {} left out: too long attributes", result.left_out));
  }

  // The files of a router, which are there no more; their names.
  std::string remove(const Address& router) {
    std::string removed;
    for (std::size_t i = 0; i < routes::bmp_tables; ++i) {
      const std::string name = file_of(router, static_cast<BmpTable>(i));
      if (written_.erase(name) == 0) continue;
      std::error_code ignored;
      std::filesystem::remove(name, ignored);
      removed += (removed.empty() ? "" : ", ") + name;
    }
    return removed;
  }

 private:
  [[nodiscard]] std::string file_of(const Address& router, BmpTable table) const {
    return fmt::format("{}/{}.{}.mrt", directory_, router.to_string(), to_string(table));
  }

  std::string directory_;
  std::set<std::string> written_;
};

class Station {
 public:
  Station(const BmpOptions& options, std::ostream& results, std::ostream& progress)
      : options_{options},
        results_{results},
        progress_{progress},
        story_{options.json},
        dumps_{options.directory} {}

  Result<int> run() {
    routes::BmpServerOptions server;
    server.listen = options_.listen;
    server.allow = options_.allow;
    if (server.allow.empty()) {
      server.allow = {parse_prefix("127.0.0.0/8").value(), parse_prefix("::1/128").value()};
    }
    auto opened = routes::BmpServer::open(context_, server, clock_,
                                          [this](const MonitoredRouter& router) { heard(router); });
    if (!opened) return tl::make_unexpected(opened.error());
    server_ = std::move(*opened);
    for (const Endpoint& endpoint : server_->endpoints()) {
      progress_ << fmt::format("hearing BMP on {}\n", strait::to_string(endpoint)) << std::flush;
    }
    signals_.async_wait([this](auto error, int) {
      if (!error) stop();
    });
    if (!options_.directory.empty()) write_later();
    if (options_.lasts) end_later(*options_.lasts);
    context_.run();
    return finish();
  }

 private:
  void heard(const MonitoredRouter& router) {
    const std::string news = story_.news(router, clock_.now().wall);
    if (news.empty()) return;
    results_ << news << std::flush;
    if (options_.until_complete && complete()) stop();
  }

  [[nodiscard]] bool complete() const {
    const auto all = server_->routers();
    return std::ranges::any_of(all, &MonitoredRouter::connected) &&
           std::ranges::all_of(all, [](const MonitoredRouter* router) {
             return !router->connected || router->router->complete();
           });
  }

  void end_later(Nanos after) {
    end_.expires_after(after);
    end_.async_wait([this](auto error) {
      if (error || stopped_) return;
      in_time_ = !options_.until_complete;
      stop();
    });
  }

  void write_later() {
    write_.expires_after(options_.every);
    write_.async_wait([this](auto error) {
      if (error || stopped_) return;
      write_all();
      write_later();
    });
  }

  void write_all() {
    const WallTime now = clock_.now().wall;
    for (MonitoredRouter* const router : server_->routers()) {
      if (router->connected) {
        write(*router, now);
      } else if (now - router->since > options_.keep) {
        const std::string removed = dumps_.remove(router->address);
        if (!removed.empty()) results_ << story_.file(router->address, "removed", removed, now);
      }
    }
    results_ << std::flush;
  }

  void write(MonitoredRouter& router, WallTime now) {
    for (std::size_t i = 0; i < routes::bmp_tables; ++i) {
      const auto table = static_cast<BmpTable>(i);
      if (!router.router->has(table)) continue;
      const auto written = dumps_.write(router, table, now);
      if (written) {
        results_ << story_.file(router.address, "written", *written, now);
      } else {
        progress_ << fmt::format("bmp: {}\n", written.error().message);
        failed_ = true;
      }
    }
  }

  void stop() {
    stopped_ = true;
    end_.cancel();
    write_.cancel();
    boost::system::error_code ignored;
    signals_.cancel(ignored);
    server_->stop();
  }

  int finish() {
    if (!options_.directory.empty()) {
      // Also of a router that has closed its connection just now: it is the last that it said.
      for (MonitoredRouter* const router : server_->routers()) {
        if (clock_.now().wall - router->since <= options_.keep || router->connected) {
          write(*router, clock_.now().wall);
        }
      }
    }
    for (const MonitoredRouter* const router : server_->routers()) {
      results_ << story_.sum(*router);
      failed_ = failed_ || router->router->report().damaged > 0;
    }
    const routes::BmpServerCounters& counters = server_->counters();
    if (counters.refused + counters.crowded + counters.replaced > 0) {
      progress_ << fmt::format(
          "bmp: {} connections from elsewhere than --allow, {} too many, {} replaced by newer "
          "ones\n",
          counters.refused, counters.crowded, counters.replaced);
    }
    if (!in_time_) progress_ << "bmp: not complete in time\n";
    return failed_ || !in_time_ ? exit_failed : 0;
  }

  const BmpOptions& options_;
  std::ostream& results_;
  std::ostream& progress_;
  SystemClock clock_;
  BmpStory story_;
  DumpDirectory dumps_;
  asio::io_context context_{1};
  asio::signal_set signals_{context_, SIGINT, SIGTERM};
  asio::steady_timer end_{context_};
  asio::steady_timer write_{context_};
  std::unique_ptr<routes::BmpServer> server_;
  bool stopped_ = false;
  bool in_time_ = true;
  bool failed_ = false;
};

}  // namespace

Result<int> run_bmp(const BmpOptions& options, std::ostream& results, std::ostream& progress) {
  return Station{options, results, progress}.run();
}

}  // namespace strait::cli
