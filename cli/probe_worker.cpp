// SPDX-License-Identifier: Apache-2.0
#include "cli/probe_worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
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

}  // namespace

bool same_session(const probe::SessionSpec& a, const probe::SessionSpec& b) {
  const auto facts = [](const probe::SessionSpec& spec) {
    return std::tie(spec.key, spec.flow.destination.address, spec.flow.destination.port,
                    spec.flow.source_port, spec.flow.dscp, spec.flow.hop_limit,
                    spec.flow.flow_label, spec.flow.max_payload, spec.schedule.kind,
                    spec.schedule.interval, spec.schedule.jitter, spec.timeout, spec.timestamps,
                    spec.twamp_light, spec.require_ssid);
  };
  return facts(a) == facts(b) && a.flow.pin == b.flow.pin;
}

Result<std::unique_ptr<ProbeWorker>> ProbeWorker::start(MakeTransport make_transport,
                                                        probe::ProberOptions options,
                                                        std::vector<probe::SessionSpec> sessions,
                                                        Prepare prepare) {
  std::unique_ptr<ProbeWorker> worker{new ProbeWorker};
  Order first{std::move(sessions), {}};
  auto started = first.done.get_future();
  worker->thread_ =
      std::thread{[raw = worker.get(), make = std::move(make_transport), with = std::move(options),
                   order = std::move(first), ready = std::move(prepare)]() mutable {
        raw->run(make, std::move(with), std::move(order), ready);
      }};
  if (auto result = started.get(); !result) return tl::make_unexpected(result.error());
  return worker;
}

ProbeWorker::~ProbeWorker() { std::ignore = stop(); }

void ProbeWorker::run(const MakeTransport& make_transport, probe::ProberOptions options,
                      Order first, const Prepare& prepare) {
  auto transport = make_transport();
  if (!transport) {
    first.done.set_value(tl::make_unexpected(transport.error()));
    return;
  }
  probe::Prober prober{**transport, std::move(options)};
  std::vector<Running> running;
  const auto opened = carry_out(first, prober, running);
  first.done.set_value(opened);
  if (!opened) return;
  if (prepare) prepare(**transport);

  MonoTime next_publish = (*transport)->now().mono;
  while (!stopping_.load(std::memory_order_relaxed)) {
    prober.step();
    const MonoTime now = (*transport)->now().mono;
    if (now >= next_publish) {
      publish(prober, **transport);
      next_publish = now + publish_every;
    }
    if (auto order = take_order()) order->done.set_value(carry_out(*order, prober, running));
    (*transport)->wait(std::min(prober.next_wakeup(), next_publish));
  }
  auto rest = prober.finish();
  const std::scoped_lock lock{mutex_};
  std::ranges::move(rest, std::back_inserter(harvest_.closed));
  harvest_.open.clear();
}

std::optional<ProbeWorker::Order> ProbeWorker::take_order() {
  if (!has_order_.exchange(false)) return std::nullopt;
  const std::scoped_lock lock{mutex_};
  return std::exchange(order_, std::nullopt);
}

Result<void> ProbeWorker::carry_out(const Order& order, probe::Prober& prober,
                                    std::vector<Running>& running) {
  std::vector<Running> next;
  for (Running& old : running) {
    const bool stays = std::ranges::any_of(
        order.sessions, [&](const auto& spec) { return same_session(spec, old.spec); });
    if (stays) {
      next.push_back(std::move(old));
    } else {
      prober.remove(old.id);
    }
  }
  running = std::move(next);
  for (const probe::SessionSpec& spec : order.sessions) {
    const bool runs = std::ranges::any_of(
        running, [&](const Running& old) { return same_session(spec, old.spec); });
    if (runs) continue;
    const auto id = begin(prober, spec);
    if (!id) return tl::make_unexpected(id.error());
    running.push_back({spec, *id});
  }
  return {};
}

void ProbeWorker::publish(probe::Prober& prober, probe::Transport& transport) {
  auto closed = prober.take_closed();
  auto open = prober.open_windows();
  auto counters = transport.counters();
  auto strays = prober.strays();
  const std::scoped_lock lock{mutex_};
  std::ranges::move(closed, std::back_inserter(harvest_.closed));
  harvest_.open = std::move(open);
  // The gap is "since the last reading": keep the largest until somebody harvests it.
  counters.largest_poll_gap =
      std::max(counters.largest_poll_gap, harvest_.counters.largest_poll_gap);
  harvest_.counters = std::move(counters);
  harvest_.strays = std::move(strays);
}

Harvest ProbeWorker::harvest() {
  const std::scoped_lock lock{mutex_};
  Harvest taken = harvest_;
  harvest_.closed.clear();
  harvest_.counters.largest_poll_gap = Nanos::zero();
  return taken;
}

Result<void> ProbeWorker::replace(std::vector<probe::SessionSpec> sessions) {
  // Nobody would ever answer.
  if (!thread_.joinable()) return fail(Errc::unsupported, "the probing thread has stopped");
  Order order{std::move(sessions), {}};
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
