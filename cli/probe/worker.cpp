// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/worker.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <ctime>
#include <iterator>
#include <memory>
#include <tuple>
#include <utility>

namespace strait::cli {
namespace {

constexpr Nanos publish_every = std::chrono::milliseconds{100};

Result<probe::SessionId> begin(probe::Prober& prober, const probe::SessionSpec& spec) {
  auto id = prober.add(spec);
  if (id) return id;
  return fail(id.error().code, fmt::format("path {}, target {}: {}", spec.key.path, spec.key.target,
                                           id.error().message));
}

Nanos cpu_of_this_thread() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds{time.tv_sec} + Nanos{time.tv_nsec};
}

}  // namespace

struct ProbeWorker::Bench {
  Bench(probe::Transport& wire, probe::ProberOptions options)
      : mtus{wire}, transport{mtus}, prober{transport, std::move(options)} {}

  [[nodiscard]] bool is(const probe::SessionSpec& spec, probe::PinStanding standing) const {
    return mode == probe::PinMode::enforce &&
           probe::any_pin(transport.states(), spec.key.path, standing);
  }
  void check(PinPlan pins) {
    mode = pins.mode;
    if (mode == probe::PinMode::off) pins.checks.clear();
    transport.check(std::move(pins.checks), pins.interval);
    mtus.check(std::move(pins.mtus), pins.interval);
  }

  probe::MtuChecker mtus;  // between the wire and the pins' checks
  probe::PinChecker transport;
  probe::Prober prober;
  std::vector<Running> running;
  probe::PinMode mode = probe::PinMode::off;
  std::uint64_t seen_changes = 0;
  bool try_again = false;  // a session whose pin holds again could not begin
  std::string complaint;
};

bool same_session(const probe::SessionSpec& a, const probe::SessionSpec& b) {
  const auto facts = [](const probe::SessionSpec& spec) {
    return std::tie(spec.key, spec.flow.destination.address, spec.flow.destination.port,
                    spec.flow.source_port, spec.flow.dscp, spec.flow.hop_limit,
                    spec.flow.flow_label, spec.flow.max_payload, spec.schedule.kind,
                    spec.schedule.interval, spec.schedule.jitter, spec.timeout, spec.timestamps,
                    spec.twamp_light, spec.require_ssid);
  };
  return facts(a) == facts(b) && a.flow.pin == b.flow.pin && a.extras == b.extras;
}

Result<std::unique_ptr<ProbeWorker>> ProbeWorker::start(MakeTransport make_transport,
                                                        probe::ProberOptions options,
                                                        std::vector<probe::SessionSpec> sessions,
                                                        Prepare prepare, PinPlan pins) {
  std::unique_ptr<ProbeWorker> worker{new ProbeWorker};
  Order first{std::move(sessions), std::move(pins), {}};
  auto started = first.done.get_future();
  worker->thread_ =
      std::thread{[raw = worker.get(), make = std::move(make_transport), with = std::move(options),
                   order = std::move(first), ready = std::move(prepare)]() mutable {
        raw->run(make, std::move(with), std::move(order), ready);
      }};
  if (auto result = started.get(); !result) return tl::make_unexpected(result.error());
  return worker;
}

ProbeWorker::~ProbeWorker() {
  std::ignore = stop();
  delete mailbox_.exchange(nullptr);
}

void ProbeWorker::run(const MakeTransport& make_transport, probe::ProberOptions options,
                      Order first, const Prepare& prepare) {
  auto transport = make_transport();
  if (!transport) {
    first.done.set_value(tl::make_unexpected(transport.error()));
    return;
  }
  Bench bench{**transport, std::move(options)};
  bench.check(std::move(first.pins));
  bench.transport.settle(probe::PinChecker::one_round);
  const auto opened = carry_out(first, bench);
  first.done.set_value(opened);
  if (!opened) return;
  if (prepare) prepare(**transport);

  MonoTime next_publish = bench.transport.now().mono;
  while (!stopping_.load(std::memory_order_relaxed)) {
    bench.prober.step();
    const MonoTime now = bench.transport.now().mono;
    const bool publishes = now >= next_publish;
    if (bench.seen_changes != bench.transport.changes() || (bench.try_again && publishes)) {
      obey_pins(bench);
    }
    if (publishes) {
      publish(bench, bench.prober.take_closed(), bench.prober.open_windows());
      next_publish = now + publish_every;
    }
    if (auto order = take_order()) {
      bench.check(std::move(order->pins));
      order->done.set_value(carry_out(*order, bench));
    }
    bench.transport.wait(std::min(bench.prober.next_wakeup(), next_publish));
  }
  auto rejections = bench.prober.rejections();
  publish(bench, bench.prober.finish(), {}, std::move(rejections));
}

std::optional<ProbeWorker::Order> ProbeWorker::take_order() {
  if (!has_order_.exchange(false)) return std::nullopt;
  const std::scoped_lock lock{mutex_};
  return std::exchange(order_, std::nullopt);
}

Result<void> ProbeWorker::carry_out(const Order& order, Bench& bench) {
  std::vector<Running> next;
  for (Running& old : bench.running) {
    const bool stays = std::ranges::any_of(
        order.sessions, [&](const auto& spec) { return same_session(spec, old.spec); });
    if (stays) {
      next.push_back(std::move(old));
    } else if (old.id) {
      bench.prober.remove(*old.id);
    }
  }
  bench.running = std::move(next);
  for (const probe::SessionSpec& spec : order.sessions) {
    const bool runs = std::ranges::any_of(
        bench.running, [&](const Running& old) { return same_session(spec, old.spec); });
    if (runs) continue;
    Running session{spec, std::nullopt};
    if (!bench.is(spec, probe::PinStanding::failed)) {
      const auto id = begin(bench.prober, spec);
      if (!id) return tl::make_unexpected(id.error());
      session.id = *id;
    }
    // That it can begin is known; it does when its pin has been checked.
    if (session.id && bench.is(spec, probe::PinStanding::pending)) {
      bench.prober.remove(*session.id);
      session.id.reset();
    }
    bench.running.push_back(std::move(session));
  }
  return {};
}

// What is on another path than its own is not even measured: its times would be nobody's.
void ProbeWorker::obey_pins(Bench& bench) {
  bench.seen_changes = bench.transport.changes();
  bench.try_again = false;
  for (Running& session : bench.running) {
    if (bench.is(session.spec, probe::PinStanding::failed)) {
      if (session.id) bench.prober.remove(*session.id);
      session.id.reset();
      continue;
    }
    if (session.id || bench.is(session.spec, probe::PinStanding::pending)) continue;
    const auto id = begin(bench.prober, session.spec);
    if (id) {
      session.id = *id;
      continue;
    }
    bench.try_again = true;
    if (bench.complaint == id.error().message) continue;
    bench.complaint = id.error().message;
    spdlog::error("{}", bench.complaint);
  }
}

void ProbeWorker::publish(Bench& bench, std::vector<Window> closed, std::vector<Window> open,
                          std::vector<probe::SessionRejections> rejections) {
  auto fresh = std::make_unique<Harvest>();
  fresh->closed = std::move(closed);
  fresh->open = std::move(open);
  fresh->counters = bench.transport.counters();
  fresh->strays = bench.prober.strays();
  fresh->pins = bench.transport.states();
  fresh->mtus = bench.mtus.states();
  fresh->cpu = {cpu_of_this_thread()};
  fresh->rejections = std::move(rejections);
  // What only comes once must not be lost with a harvest that nobody fetched.
  if (const std::unique_ptr<Harvest> missed{mailbox_.exchange(nullptr)}) {
    fresh->closed.insert(fresh->closed.begin(), std::move_iterator{missed->closed.begin()},
                         std::move_iterator{missed->closed.end()});
    fresh->counters.largest_poll_gap =
        std::max(fresh->counters.largest_poll_gap, missed->counters.largest_poll_gap);
  }
  mailbox_.store(fresh.release());
}

Harvest ProbeWorker::harvest() {
  newest_.closed.clear();
  newest_.counters.largest_poll_gap = Nanos::zero();
  if (const std::unique_ptr<Harvest> fresh{mailbox_.exchange(nullptr)}) newest_ = std::move(*fresh);
  return newest_;
}

Result<void> ProbeWorker::replace(std::vector<probe::SessionSpec> sessions, PinPlan pins) {
  // Nobody would ever answer.
  if (!thread_.joinable()) return fail(Errc::unsupported, "the probing thread has stopped");
  Order order{std::move(sessions), std::move(pins), {}};
  auto done = order.done.get_future();
  {
    const std::scoped_lock lock{mutex_};
    order_ = std::move(order);
  }
  has_order_ = true;
  return done.get();
}

std::vector<Window> ProbeWorker::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  return harvest().closed;
}

}  // namespace strait::cli
