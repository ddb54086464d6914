// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/transport.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <map>

#include "probe/dpdk/transport_impl.hpp"
#include "probe/wake_up.hpp"

namespace strait::probe::dpdk {
namespace {

using std::chrono::milliseconds;

constexpr auto stall_limit = milliseconds{500};
constexpr auto watch_period = milliseconds{100};

void sleep_until(MonoTime time) {
  const auto nanos = time.time_since_epoch().count();
  const timespec when{nanos / 1'000'000'000, nanos % 1'000'000'000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr) == EINTR) {
  }
}

}  // namespace

DpdkTransport::Impl::Impl(DpdkOptions chosen, Eal& started, const TscClock& calibrated,
                          OnEvent events)
    : options{std::move(chosen)},
      eal{started},
      clock{calibrated},
      on_event{std::move(events)},
      watch{static_cast<std::uint64_t>(std::chrono::duration<double>(stall_limit).count() *
                                       calibrated.scale().hertz())},
      watchdog{[this](const std::stop_token& stop) { watch_transmissions(stop); }} {}

void DpdkTransport::Impl::watch_transmissions(const std::stop_token& stop) {
  std::unique_lock lock{mutex};
  while (!stop.stop_requested()) {
    wake.wait_for(lock, stop, watch_period, [] { return false; });
    if (watch.check(TscClock::ticks())) {
      say("dpdk: transmit stalled: the device has taken no packet for half a second");
    }
  }
}

// What belongs to the polling thread, which need not be the one that made the transport.
void DpdkTransport::Impl::adopt_thread() {
  if (thread == std::this_thread::get_id()) return;
  thread = std::this_thread::get_id();
  Eal::register_thread();
  sharpen_wake_ups();
  if (!options.core) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(*options.core, &set);
  if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0) {
    say(fmt::format("dpdk: cannot pin the polling thread to CPU {}", *options.core));
  }
}

Result<PortIndex> DpdkTransport::Impl::port_for(const std::string& wanted) {
  if (wanted.empty() && options.devices.size() != 1) {
    return fail(Errc::bad_input,
                "dpdk flow without a device: name one, such as "
                "\"net_af_packet0,iface=eth0\"");
  }
  std::string device = wanted.empty() ? options.devices.front() : wanted;
  const std::string name = device_name(device);
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (ports[i]->name() == name) return static_cast<PortIndex>(i);
  }
  for (const std::string& known : options.devices) {
    if (device_name(known) == name) device = known;
  }
  const auto id = eal.attach(device);
  if (!id) return tl::make_unexpected(id.error());
  auto port = DpdkPort::open(*id, device);
  if (!port) return fail(std::move(port));
  ports.push_back(std::make_unique<PortEndpoint>(std::move(*port), name));
  return flows.add_port();
}

Result<FlowId> DpdkTransport::Impl::open_flow(const FlowSpec& spec) {
  if (const auto ok = check_flow(spec); !ok) return tl::make_unexpected(ok.error());
  adopt_thread();
  auto index = port_for(spec.pin.device);
  if (!index) return fail(std::move(index));
  PortEndpoint& port = *ports[*index];
  const Ipv4 source = spec.pin.source_v4.value_or(Address{}).to_v4();  // check_flow() wants one
  const Ipv4 next_hop = spec.pin.next_hop_v4.value_or(spec.destination.address).to_v4();
  const NeighborId neighbor = port.neighbors().add(next_hop, source);
  port.add_local(source);
  return flows.open(*index, spec, port.mac(), {neighbor, port.neighbors().mac(neighbor)});
}

std::string DpdkTransport::Impl::unknown_next_hops() const {
  std::string names;
  for (const auto& port : ports) {
    const NeighborTable& neighbors = port->neighbors();
    for (NeighborId id = 0; id < neighbors.size(); ++id) {
      if (neighbors.mac(id)) continue;
      names += fmt::format("{}{} on {}", names.empty() ? "" : ", ",
                           neighbors.address(id).to_string(), port->name());
    }
  }
  return names;
}

DpdkTransport::DpdkTransport(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
DpdkTransport::~DpdkTransport() = default;

Result<std::unique_ptr<DpdkTransport>> DpdkTransport::open(const DpdkOptions& options,
                                                           OnEvent on_event) {
  const auto eal = Eal::ensure(options);
  if (!eal) return tl::make_unexpected(eal.error());
  for (const std::string& device : options.devices) {
    if (auto port = (*eal)->attach(device); !port) return fail(std::move(port));
  }
  const auto clock = TscClock::calibrate();
  if (!clock) return tl::make_unexpected(clock.error());
  return std::unique_ptr<DpdkTransport>{
      new DpdkTransport{std::make_unique<Impl>(options, **eal, *clock, std::move(on_event))}};
}

Result<void> DpdkTransport::resolve(Nanos timeout) {
  const MonoTime end = now().mono + timeout;
  std::array<Arrival, burst_limit> unexpected{};
  for (;;) {
    const std::string missing = impl_->unknown_next_hops();
    if (missing.empty()) return {};
    const MonoTime time = now().mono;
    if (time >= end) {
      return fail(Errc::io,
                  fmt::format("dpdk: no ARP reply within {} from {}: is it a neighbour on that "
                              "link, and if the target is farther away, is next_hop set?",
                              strait::to_string(timeout), missing));
    }
    static_cast<void>(receive(unexpected));
    sleep_until(time + std::chrono::microseconds{200});
  }
}

Instant DpdkTransport::now() const { return impl_->clock.now(); }
const TscScale& DpdkTransport::scale() const { return impl_->clock.scale(); }

Result<FlowId> DpdkTransport::open_flow(const FlowSpec& spec) { return impl_->open_flow(spec); }
void DpdkTransport::close_flow(FlowId flow) { impl_->flows.close(flow); }

std::size_t DpdkTransport::send(std::span<Departure> burst) {
  std::size_t done = 0;
  impl_->device_full = false;
  if (burst.size() > 2) {
    for (const Departure& departure : burst) impl_->flows.prefetch(departure.flow);
  }
  while (done < burst.size() && !impl_->device_full) {
    done += impl_->send_run(burst.subspan(done, std::min(burst.size() - done, burst_limit)));
  }
  return done;
}

std::size_t DpdkTransport::receive(std::span<Arrival> burst) {
  Impl& impl = *impl_;
  impl.adopt_thread();
  impl.free_held();
  impl.more_waiting = false;
  std::size_t arrivals = 0;
  burst = burst.first(std::min(burst.size(), burst_limit));
  for (std::size_t i = 0; i < impl.ports.size() && arrivals < burst.size(); ++i) {
    const auto port = static_cast<PortIndex>(impl.next_port++ % impl.ports.size());
    arrivals += impl.poll_port(port, burst.subspan(arrivals));
  }
  const MonoTime now = impl.clock.scale().at(impl.polled_at).mono;
  if (arrivals > 0) impl.plan.arrived(arrivals, now);
  impl.clock.refine(impl.polled_at);
  impl.housekeep(now);
  return arrivals;
}

void DpdkTransport::wait(MonoTime until) {
  Impl& impl = *impl_;
  if (impl.options.poll == Poll::busy || impl.more_waiting) return;
  const MonoTime now = this->now().mono;
  const MonoTime wake = impl.plan.wake_time(now, until);
  if (wake <= now) return;
  sleep_until(wake);
  impl.plan.slept(wake, this->now().mono);
}

void DpdkTransport::expect(MonoTime when) {
  if (impl_->options.poll == Poll::adaptive) impl_->plan.expect(when);
}

TransportCounters DpdkTransport::counters() {
  Impl& impl = *impl_;
  TransportCounters counters;
  counters.sent = impl.sent;
  counters.received = impl.received;
  const auto count = [](auto& into, std::string_view name, std::uint64_t value) {
    if (value > 0) into.emplace(name, value);
  };
  for (std::size_t i = 0; i < impl.problems.size(); ++i) {
    count(counters.errors, Impl::problem_names[i], impl.problems[i]);
  }
  std::uint64_t losses = 0;
  for (const auto& port : impl.ports) losses += port->neighbors().losses();
  count(counters.errors, "next-hop-lost", losses);
  count(counters.errors, "transmit-stalled", impl.watch.stalls());
  count(counters.errors, "wall-clock-step", impl.clock.scale().wall_steps());
  count(counters.errors, "clock-jump", impl.clock.scale().jumps());
  for (std::size_t i = 0; i < impl.ignored.size(); ++i) {
    count(counters.ignored, to_string(static_cast<FrameKind>(i)), impl.ignored[i]);
  }
  count(counters.ignored, "no-flow", impl.no_flow_count);
  count(counters.ignored, "other-address", impl.not_ours);
  counters.largest_poll_gap = impl.clock.scale().length(impl.largest_gap);
  impl.largest_gap = 0;
  return counters;
}

}  // namespace strait::probe::dpdk
