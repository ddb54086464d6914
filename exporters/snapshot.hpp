// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzer/evidence.hpp"
#include "analyzer/verdict.hpp"
#include "core/window.hpp"
#include "exporters/coverage.hpp"
#include "probe/mtu_check.hpp"
#include "probe/pin_check.hpp"
#include "probe/transport.hpp"
#include "routes/model/path.hpp"
#include "routes/model/plan.hpp"

namespace strait::exporters {

// One session: everything since the service started, and the newest window that is closed.
struct SessionSnapshot {
  std::string region;            // of the target
  Window total;                  // counts and sketches only grow; `uncertainty` is the worst so far
  std::optional<Window> newest;  // nothing until the first window closes
};

// One way out of the site, as configured.
struct PathSnapshot {
  routes::Path path;
  std::string engine;  // "socket", "dpdk": which one times it
};

// What one engine has seen since it started.
struct EngineSnapshot {
  std::string engine;
  probe::TransportCounters counters;
  std::vector<Nanos> cpu;  // of each probing thread
};

// What a target counts in its class.
struct TargetWeight {
  std::string target;
  std::string traffic_class;
  double weight = 1;
  std::optional<bool> by_traffic;  // nothing: no traffic is asked for
};

struct ConfigSnapshot {
  bool last_reload_successful = true;  // starting counts as the first reload
  std::optional<WallTime> last_success;
};

struct StoreSnapshot {
  std::uint64_t windows_written = 0;  // since the service started
  std::uint64_t write_failures = 0;
  std::uint64_t bytes = 0;  // size of the database file
  std::optional<WallTime> last_write;
};

// A cache of RPKI data that the service hears.
struct CacheSnapshot {
  std::string name;                   // as configured
  std::string_view state;             // "waiting", "fresh", "stale" or "expired"
  std::optional<std::uint64_t> vrps;  // of its newest whole answer, like the next; none before
  std::optional<WallTime> told;       // when that ended
};

struct BuildSnapshot {
  std::string version;
  std::string revision;
  std::string compiler;
};

// Everything that is published at one moment. Immutable once published: a reader sees all of one
// moment or all of the next, never a mixture.
struct Snapshot {
  WallTime at;
  std::optional<WallTime> first_window;  // when the first window closed; nothing: not ready
  std::vector<SessionSnapshot> sessions;
  std::vector<PathSnapshot> paths;
  std::vector<EngineSnapshot> engines;
  std::vector<analyzer::Evidence> newest;    // per path and class, of the newest closed windows
  std::vector<analyzer::Evidence> evidence;  // per path and class, what the verdicts rest on
  std::vector<analyzer::Verdict> verdicts;   // the newest per class, and of parts as of advise()
  std::vector<Coverage> coverage;            // per class; none without a RIB
  std::vector<TargetWeight> weights;         // that the verdicts rest on
  analyzer::DecisionMemory memory;
  std::shared_ptr<const routes::Plan> plan;  // null: no plan
  std::optional<bool> plan_waits;            // for an approval; nothing: no router is told
  std::vector<probe::PinState> pins;
  std::vector<probe::MtuState> mtus;
  std::map<std::string, std::uint64_t> windows_refused;  // for a failed pin, by path
  ConfigSnapshot config;
  std::optional<StoreSnapshot> store;  // nothing: no store is configured
  std::vector<CacheSnapshot> caches;   // of [routes] rtr, as at the newest decision
  BuildSnapshot build;
};

// Holds the newest snapshot. Any number of threads may read and publish; nobody waits for a reader,
// because a reader only copies a pointer.
class SnapshotCell {
 public:
  using Pointer = std::shared_ptr<const Snapshot>;

  // The previous snapshot is destroyed after the lock is given back.
  void publish(Snapshot snapshot) {
    Pointer next = std::make_shared<const Snapshot>(std::move(snapshot));
    const std::scoped_lock lock{mutex_};
    newest_.swap(next);
  }

  // Never null: before the first publish() an empty snapshot.
  [[nodiscard]] Pointer newest() const {
    const std::scoped_lock lock{mutex_};
    return newest_;
  }

 private:
  mutable std::mutex mutex_;
  Pointer newest_ = std::make_shared<const Snapshot>();
};

}  // namespace strait::exporters
