// SPDX-License-Identifier: Apache-2.0
#include "cli/service/service.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <tuple>
#include <utility>

#include "cli/probe/engines.hpp"
#include "exporters/metrics_pages.hpp"

namespace strait::cli {
namespace {

constexpr auto tick_every = std::chrono::milliseconds{100};
constexpr Nanos next_hop_patience = std::chrono::seconds{1};
constexpr Nanos router_patience = std::chrono::milliseconds{1200};

exporters::BuildSnapshot this_build() {
  return {.version = STRAIT_VERSION, .revision = STRAIT_REVISION, .compiler = __VERSION__};
}

// Whoever keeps a router on a plan does so from the start, and knows no other one.
std::string other_router(const routes::RoutesOptions& old, const routes::RoutesOptions& now,
                         bool told) {
  if (!now.router) return told ? "[routes]: which router is told" : "";
  if (!told && now.modes.tell_the_router()) return "[routes] mode, from advice alone,";
  if (!told || (old.router && same_router(*old.router, *now.router))) return {};
  return fmt::format("[{}], or a neighbour that it is told of,", table_of(now.router->kind));
}

// What a running service cannot change: it would have to let go of the device or of the store.
// `told`: it keeps a router on its plans.
std::string needs_restart(const Configuration& old, const Configuration& now, bool told) {
  if (auto router = other_router(old.routes, now.routes, told); !router.empty()) return router;
  if (old.probe.engine != now.probe.engine) return "[probe] engine";
  if (old.probe.window != now.probe.window) return "[probe] window";
  if (old.probe.clock_error_limit != now.probe.clock_error_limit) {
    return "[probe] clock_error_limit";
  }
  if (old.probe.own_clock_error != now.probe.own_clock_error) return "[probe] own_clock_error";
  if (old.probe.uncertainty_limit != now.probe.uncertainty_limit) {
    return "[probe] uncertainty_limit";
  }
  if (old.dpdk != now.dpdk) return "[dpdk]";
  if (old.exporters.listen != now.exporters.listen) return "[exporters] listen";
  if (old.exporters.store != now.exporters.store) return "[exporters] store";
  if (old.exporters.json != now.exporters.json) return "[exporters] json";
  if (old.exporters.outcomes != now.exporters.outcomes) return "[exporters] outcomes";
  return {};
}

PinPlan pin_plan(const Configuration& configuration) {
  return {.mode = configuration.probe.pin_check,
          .checks = configuration.pin_checks(),
          .mtus = configuration.mtu_checks(),
          .interval = configuration.probe.pin_check_interval};
}

// What can begin at once: TWAMP sessions have to be agreed on first.
std::vector<probe::SessionSpec> without_twamp(const Configuration& configuration) {
  auto sessions = configuration.sessions();
  std::erase_if(sessions, [](const probe::SessionSpec& spec) {
    return spec.key.protocol == Protocol::twamp;
  });
  return sessions;
}

// The file's configuration, if the service that runs on `old` can take it.
Result<Configuration> load_again(const Configuration& old, bool told) {
  auto loaded = load_configuration(old.file);
  if (!loaded) return loaded;
  if (const auto key = needs_restart(old, *loaded, told); !key.empty()) {
    return fail(Errc::unsupported, fmt::format("{} changes only with a restart", key));
  }
  return loaded;
}

}  // namespace

Service::Service(Configuration configuration)
    : configuration_{std::make_shared<const Configuration>(std::move(configuration))} {
  config_state_.last_success = clock_.now().wall;
}

Service::~Service() = default;

Result<std::unique_ptr<Service>> Service::open(Configuration configuration) {
  std::unique_ptr<Service> service{new Service{std::move(configuration)}};
  const auto config = service->configuration_;
  if (const auto& router = config->routes.router;
      router && config->routes.modes.tell_the_router()) {
    service->router_ = std::make_unique<Router>(*router, config->routes.modes, service->clock_);
  }
  auto adviser = Adviser::start(config, service->router_.get(), service->clock_);
  if (!adviser) return tl::make_unexpected(adviser.error());
  service->adviser_ = std::move(*adviser);

  if (!config->exporters.listen.empty()) {
    exporters::HttpServerOptions options;
    options.listen = config->exporters.listen;
    auto server =
        exporters::HttpServer::start(std::move(options), exporters::metrics_pages(service->cell_));
    if (!server) return tl::make_unexpected(server.error());
    service->server_ = std::make_unique<exporters::HttpServer>(std::move(*server));
  }

  const EngineThreads engine = make_engine({.engine = config->probe.engine,
                                            .interval = config->probe.interval,
                                            .realtime = false,
                                            .dpdk = config->dpdk});
  probe::ProberOptions prober = probe::prober_options(config->probe);
  if (!config->exporters.outcomes.empty()) {
    auto log = OutcomeLog::open(config->exporters.outcomes);
    if (!log) return tl::make_unexpected(log.error());
    service->outcomes_ = std::move(*log);
    prober.on_outcome = [raw = service->outcomes_.get()](const probe::Outcome& outcome) {
      raw->note(outcome);
    };
  }
  // Not fatal: what does not answer may come later, and its probes are counted as refused.
  const auto find_next_hops = [](probe::Transport& transport) {
    if (const auto found = await_next_hops(transport, next_hop_patience); !found) {
      spdlog::warn("{}", found.error().message);
    }
  };
  auto probes = ProbeFleet::start(engine.threads, engine.make, prober, without_twamp(*config),
                                  find_next_hops, pin_plan(*config));
  if (!probes) return tl::make_unexpected(probes.error());
  service->probes_ = std::move(*probes);
  service->want_servers(config->sessions());
  return service;
}

void Service::announce() const {
  spdlog::info("strait {}: {} paths, {} targets, engine {}, a probe every {}, windows of {}",
               STRAIT_VERSION, configuration_->paths.size(), configuration_->targets.size(),
               probe::to_string(configuration_->probe.engine),
               to_string(configuration_->probe.interval), to_string(configuration_->probe.window));
  if (configuration_->slows_tcp()) {
    spdlog::info(
        "tcp: an address that is not yours gets one SYN a second, over all paths (force_rate)");
  }
  if (server_) {
    for (const Endpoint& endpoint : server_->endpoints()) {
      spdlog::info("metrics on http://{}/metrics", to_string(endpoint));
    }
  }
  if (!router_) spdlog::info("advice only: no router is told ([routes] mode = \"advise\")");
}

Result<void> Service::run() {
  boost::asio::io_context loop;
  boost::asio::signal_set signals{loop, SIGTERM, SIGINT, SIGHUP};
  boost::asio::steady_timer timer{loop};
  announce();  // not earlier: who reads that we serve may send a signal

  std::function<void()> wait_for_signal = [&] {
    signals.async_wait([&](const boost::system::error_code& error, int signal) {
      if (error) return;
      if (signal != SIGHUP) {
        spdlog::info("ending on signal {}", signal);
        loop.stop();
        return;
      }
      reload();
      wait_for_signal();
    });
  };
  std::function<void()> wait_for_tick = [&] {
    timer.expires_after(tick_every);
    timer.async_wait([&](const boost::system::error_code& error) {
      if (error) return;
      tick();
      wait_for_tick();
    });
  };
  wait_for_signal();
  wait_for_tick();
  loop.run();
  finish();
  return {};
}

void Service::write_outcomes() {
  if (!outcomes_) return;
  const auto dropped = outcomes_->flush();
  if (!dropped) {
    spdlog::error("{}", dropped.error().message);
  } else if (*dropped > 0) {
    spdlog::warn("{} outcomes were dropped: the file is too slow", *dropped);
  }
}

void Service::want_servers(const std::vector<probe::SessionSpec>& sessions) {
  if (!twamp_ && !any_twamp(sessions)) return;
  if (!twamp_) {
    TwampKeeperOptions options;
    options.log = [](bool good, const std::string& message) {
      if (good) {
        spdlog::info("{}", message);
      } else {
        spdlog::warn("{}; nothing is sent to it until it has sessions for us", message);
      }
    };
    twamp_ = std::make_unique<TwampKeeper>(std::move(options));
  }
  twamp_->want(sessions);
}

// All that can be probed now.
Result<void> Service::set_sessions(const Configuration& configuration) {
  auto sessions = without_twamp(configuration);
  if (twamp_) {
    twamp_seen_ = twamp_->changes();
    std::ranges::move(twamp_->ready(), std::back_inserter(sessions));
    twamp_->release_ports();
  }
  return probes_->replace(std::move(sessions), pin_plan(configuration));
}

void Service::tick() {
  if (twamp_ && twamp_->changes() != twamp_seen_) {
    if (const auto set = set_sessions(*configuration_); !set) {
      spdlog::error("{}", set.error().message);
    }
  }
  Harvest harvest = probes_->harvest();
  write_outcomes();  // before the windows that they are in are shown
  judge(harvest);
  publish(harvest);
  // With many sessions a slot of time closes in several pieces, and a decision must see all of it:
  // hand over when nothing more comes.
  const bool complete = harvest.closed.empty();
  std::ranges::move(harvest.closed, std::back_inserter(closing_));
  if (complete && !closing_.empty()) adviser_->tell(std::exchange(closing_, {}));
}

// Whatever was not on its path goes no further than into the totals of what was sent.
void Service::judge(Harvest& harvest) {
  pins_.note(configuration_->probe.pin_check, harvest.pins, clock_.now().wall);
  totals_.add_refused(pins_.refuse(harvest.closed));
  totals_.add(harvest.closed);
  std::ignore = pins_.refuse(closing_);  // they are in the totals already
  for (const auto& [path, note] : pins_.notes()) {
    if (note.failed) totals_.forget_newest(path);
  }
  mtus_.note(harvest.mtus);
  adviser_->heed(mtus_.added_to(pins_.notes()));
}

void Service::publish(const Harvest& harvest) {
  const auto state = adviser_->state();
  exporters::Snapshot snapshot;
  snapshot.at = clock_.now().wall;
  snapshot.first_window = state->first_window;
  snapshot.sessions = totals_.with(harvest.open, configuration_->region_of_targets());
  const std::string engine{probe::to_string(configuration_->probe.engine)};
  for (const routes::Path& path : configuration_->paths) {
    snapshot.paths.push_back({path, engine});
  }
  snapshot.engines.push_back({engine, harvest.counters, harvest.cpu});
  snapshot.newest = state->advice.newest;
  snapshot.evidence = state->advice.evidence;
  snapshot.verdicts = state->advice.verdicts;
  snapshot.coverage = state->advice.coverage;
  snapshot.weights = state->weights;
  snapshot.memory = state->advice.memory;
  snapshot.plan = state->advice.plan;
  if (router_) snapshot.plan_waits = router_->state().waiting;
  snapshot.pins = pins_.states();
  snapshot.mtus = mtus_.states();
  snapshot.windows_refused = pins_.refused();
  snapshot.config = config_state_;
  snapshot.store = state->store;
  snapshot.caches = state->caches;
  snapshot.build = this_build();
  cell_->publish(std::move(snapshot));
}

void Service::reload() {
  adviser_->reopen_json();
  if (outcomes_) {
    if (auto reopened = outcomes_->reopen(); !reopened) {
      spdlog::error("{}", reopened.error().message);
    }
  }
  auto loaded = load_again(*configuration_, router_ != nullptr);
  if (!loaded) {
    config_state_.last_reload_successful = false;
    spdlog::error("reload refused, the old configuration stays: {}", loaded.error().message);
    return;
  }
  const auto sessions = loaded->sessions();
  std::vector<SessionKey> keys;
  keys.reserve(sessions.size());
  for (const probe::SessionSpec& spec : sessions) keys.push_back(spec.key);
  want_servers(sessions);
  if (auto replaced = set_sessions(*loaded); !replaced) {
    // The sessions that could begin are running; what could not is in the log and in the metrics.
    config_state_.last_reload_successful = false;
    spdlog::error("reload: {}", replaced.error().message);
  } else {
    config_state_ = {.last_reload_successful = true, .last_success = clock_.now().wall};
    spdlog::info("configuration reloaded: {} sessions", keys.size());
  }
  totals_.keep_only(keys);
  configuration_ = std::make_shared<const Configuration>(std::move(*loaded));
  adviser_->reconfigure(configuration_);
  if (router_) router_->set_modes(configuration_->routes.modes);
}

void Service::finish() {
  auto closed = probes_->stop();
  twamp_.reset();
  Harvest end = probes_->harvest();
  end.closed = std::move(closed);
  judge(end);
  auto last = std::move(end.closed);
  last.insert(last.begin(), std::move_iterator{closing_.begin()},
              std::move_iterator{closing_.end()});
  const std::size_t windows = last.size();
  write_outcomes();
  adviser_->tell(std::move(last));
  adviser_->stop();
  if (server_) server_->stop();
  spdlog::info("ended: {} windows stored at the end", windows);
  if (router_ && !router_->stop(router_patience)) {
    spdlog::warn("the router has not answered yet; what is not confirmed it undoes by itself");
    spdlog::shutdown();
    std::_Exit(0);
  }
}

}  // namespace strait::cli
