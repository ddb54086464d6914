// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/config/configuration.hpp"
#include "cli/probe/fleet.hpp"
#include "cli/probe/twamp_keeper.hpp"
#include "cli/routes/router.hpp"
#include "cli/service/adviser.hpp"
#include "cli/service/mtu_notes.hpp"
#include "cli/service/outcome_log.hpp"
#include "cli/service/pin_gate.hpp"
#include "cli/service/totals.hpp"
#include "core/clock.hpp"
#include "exporters/http_server.hpp"
#include "exporters/snapshot.hpp"

namespace strait::cli {

// `strait run`: probes, stores, decides, tells the router, and publishes it all. Each of these has
// a thread of its own; this object, on the main thread, carries windows and figures between them.
class Service {
 public:
  // Opens everything or fails: store, HTTP, device, sessions. Nothing is left behind on failure.
  [[nodiscard]] static Result<std::unique_ptr<Service>> open(Configuration configuration);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  Service(Service&&) = delete;
  Service& operator=(Service&&) = delete;
  ~Service();

  // Until SIGTERM or SIGINT. SIGHUP reads the configuration again (a bad one changes nothing) and
  // opens the JSON file anew. Ends within two seconds with every window stored.
  [[nodiscard]] Result<void> run();

 private:
  explicit Service(Configuration configuration);
  void tick();
  void reload();
  void want_servers(const std::vector<probe::SessionSpec>& sessions);
  [[nodiscard]] Result<void> set_sessions(const Configuration& configuration);
  void publish(const Harvest& harvest);
  void announce() const;
  void write_outcomes();
  void judge(Harvest& harvest);
  void finish();

  SystemClock clock_;
  std::shared_ptr<const Configuration> configuration_;
  std::shared_ptr<exporters::SnapshotCell> cell_ = std::make_shared<exporters::SnapshotCell>();
  exporters::ConfigSnapshot config_state_;
  Totals totals_;
  PinGate pins_;
  MtuNotes mtus_;
  std::vector<Window> closing_;  // of a slot of time whose sessions are still being closed
  // In this order: what stands below uses what stands above, and ends first.
  std::unique_ptr<OutcomeLog> outcomes_;  // null: not asked for
  std::unique_ptr<Router> router_;
  std::unique_ptr<Adviser> adviser_;
  std::unique_ptr<exporters::HttpServer> server_;
  std::unique_ptr<TwampKeeper> twamp_;  // null: no target needs it
  std::uint64_t twamp_seen_ = 0;        // of its changes
  std::unique_ptr<ProbeFleet> probes_;
};

}  // namespace strait::cli
