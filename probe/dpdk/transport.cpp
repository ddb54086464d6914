// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/transport.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <map>
#include <tuple>

#include "probe/dpdk/transport_impl.hpp"
#include "probe/wake_up.hpp"

namespace strait::probe::dpdk {
namespace {

void sleep_until(MonoTime time) {
  const auto nanos = time.time_since_epoch().count();
  const timespec when{nanos / 1'000'000'000, nanos % 1'000'000'000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr) == EINTR) {
  }
}

}  // namespace

DpdkTransport::Impl::Impl(std::shared_ptr<DpdkShared> common, unsigned which)
    : shared{std::move(common)},
      number{which},
      busy{shared->options().poll == Poll::busy},
      clock{shared->clock()},
      flows{{static_cast<std::uint16_t>(which), static_cast<std::uint16_t>(shared->threads())}},
      watch{shared->watch(which)} {}

// What belongs to the polling thread, which need not be the one that made the transport.
void DpdkTransport::Impl::adopt_thread() {
  if (thread == std::this_thread::get_id()) return;
  thread = std::this_thread::get_id();
  std::ignore = used_since_last_sleep();  // what came before is not to be paid for
  Eal::register_thread();
  sharpen_wake_ups();
  const auto& cores = shared->options().cores;
  if (cores.empty()) return;
  const unsigned core = cores[number];
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0) {
    shared->say(fmt::format("cannot pin a polling thread to CPU {}", core));
  }
}

StationIndex DpdkTransport::Impl::join(Station& station, PortIndex port) {
  const auto found = std::ranges::find(stations, &station, &Joined::station);
  if (found != stations.end()) return static_cast<StationIndex>(found - stations.begin());
  stations.push_back({.station = &station, .port = port, .version = 0, .neighbors = {}});
  return static_cast<StationIndex>(stations.size() - 1);
}

Result<FlowId> DpdkTransport::Impl::open_flow(const FlowSpec& spec) {
  if (const auto ok = check_flow(spec); !ok) return tl::make_unexpected(ok.error());
  adopt_thread();
  const auto index = shared->device_for(spec.pin.device);
  if (!index) return tl::make_unexpected(index.error());
  adopt_devices();
  const auto port = static_cast<PortIndex>(*index);
  Device& device = *ports[port].device;
  if (number >= device.queues()) {
    return fail(Errc::unsupported,
                fmt::format("dpdk device '{}' has {} queues, fewer than there are polling threads",
                            device.argument(), device.queues()));
  }
  const bool v6 = spec.destination.address.is_v6();
  const WireAddress source{spec.pin.source(v6).value_or(Address{})};  // check_flow() wants one
  const WireAddress next_hop{spec.pin.next_hop(v6).value_or(spec.destination.address)};
  Station& station = device.station(encapsulation_of(spec).vlan, spec.pin.stacked_ctags);
  const StationIndex at = join(station, port);
  const auto& known = spec.pin.next_hop_mac;
  const NeighborId neighbor = known ? no_neighbor : station.add_neighbor(next_hop, source);
  station.add_local(source);
  upkeep_due = MonoTime{};  // both want to be told at once
  auto flow = flows.open(spec, {.station = at,
                                .port = port,
                                .source_mac = station.own_mac(),
                                .neighbor = neighbor,
                                .destination_mac = known ? known : station.mac(neighbor),
                                .mtu = shared->options().mtu});
  if (!flow) return flow;
  auto& neighbors = stations[at].neighbors;
  if (!known && std::ranges::find(neighbors, neighbor) == neighbors.end()) {
    neighbors.push_back(neighbor);
  }
  if (station.in_conflict(source)) flows.set_blocked(at, source, true);
  return flow;
}

std::string DpdkTransport::Impl::unknown_next_hops() const {
  std::string names;
  for (const Joined& joined : stations) {
    for (const WireAddress& address : joined.station->unresolved()) {
      names += fmt::format("{}{} on {}", names.empty() ? "" : ", ", address.address().to_string(),
                           ports[joined.port].device->name());
    }
  }
  return names;
}

DpdkTransport::DpdkTransport(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
DpdkTransport::~DpdkTransport() = default;

Result<std::unique_ptr<DpdkTransport>> DpdkTransport::open(const DpdkOptions& options,
                                                           OnEvent on_event) {
  if (options.threads() > 1) {
    return fail(Errc::bad_input, "dpdk: several cores need as many polling threads");
  }
  auto shared = DpdkShared::open(options, std::move(on_event));
  if (!shared) return tl::make_unexpected(shared.error());
  return join(std::move(*shared), 0);
}

std::unique_ptr<DpdkTransport> DpdkTransport::join(std::shared_ptr<DpdkShared> shared,
                                                   unsigned thread) {
  return std::unique_ptr<DpdkTransport>{
      new DpdkTransport{std::make_unique<Impl>(std::move(shared), thread)}};
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
                  fmt::format("dpdk: no answer to ARP or Neighbour Discovery within {} from {}: is "
                              "it a neighbour on that link, and if the target is farther away, is "
                              "the next hop set?",
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

// Processor time of this thread.
Nanos DpdkTransport::Impl::used_since_last_sleep() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  const Nanos cpu = std::chrono::seconds{time.tv_sec} + Nanos{time.tv_nsec};
  return cpu - std::exchange(cpu_at_last_sleep, cpu);
}

void DpdkTransport::wait(MonoTime until) {
  Impl& impl = *impl_;
  if (impl.busy || impl.more_waiting) return;
  const MonoTime now = this->now().mono;
  const MonoTime wake = impl.plan.wake_time(now, until);
  if (wake <= now) return;
  sleep_until(wake);
  impl.plan.slept(wake, this->now().mono, impl.used_since_last_sleep());
}

void DpdkTransport::tolerate(Nanos lateness) { impl_->plan.tolerate(lateness); }

void DpdkTransport::expect(MonoTime when) {
  if (!impl_->busy) impl_->plan.expect(when);
}

// What the devices and stations count is everybody's: the first thread tells it.
void DpdkTransport::Impl::count_devices(TransportCounters& counters) const {
  if (number != 0) return;
  const auto add = [&](std::string_view name, std::uint64_t value) {
    if (value == 0) return;
    counters.errors.try_emplace(std::string{name}).first->second += value;
  };
  for (const Port& port : ports) {
    for (const Station* const station : port.device->stations()) {
      add("next-hop-lost", station->losses());
      add("address-conflict-found", station->conflicts());
    }
    add("link-lost", port.device->link_losses());
    const PortCounters device = port.device->counters();
    add("device-missed", device.missed);
    add("device-receive-errors", device.receive_errors);
    add("device-transmit-errors", device.transmit_errors);
    add("device-no-buffer", device.no_buffer);
    if (port.queue) add("hardware-clock-step", port.queue->clock_steps());
  }
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
  impl.count_devices(counters);
  count(counters.errors, "transmit-stalled", impl.watch.stalls());
  count(counters.errors, "wall-clock-step", impl.clock.scale().wall_steps());
  count(counters.errors, "clock-jump", impl.clock.scale().jumps());
  for (std::size_t i = 0; i < impl.ignored.size(); ++i) {
    count(counters.ignored, to_string(static_cast<FrameKind>(i)), impl.ignored[i]);
  }
  count(counters.ignored, "no-flow", impl.no_flow_count);
  count(counters.ignored, "other-address", impl.not_ours);
  count(counters.ignored, "other-vlan", impl.other_vlan);
  count(counters.ignored, "malformed-arp", impl.malformed_arp);
  count(counters.ignored, "malformed-neighbor", impl.malformed_neighbor);
  counters.largest_poll_gap = impl.clock.scale().length(impl.largest_gap);
  impl.largest_gap = 0;
  const TscScale& scale = impl.clock.scale();
  counters.clock = CounterClock{scale.hertz(), scale.slew(), scale.error()};
  return counters;
}

}  // namespace strait::probe::dpdk
