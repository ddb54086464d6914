// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/transport.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <ctime>
#include <map>
#include <mutex>
#include <stop_token>

#include "probe/dpdk/eal.hpp"
#include "probe/dpdk/endpoint.hpp"
#include "probe/dpdk/flow_table.hpp"
#include "probe/dpdk/poll_plan.hpp"

namespace strait::probe::dpdk {
namespace {

using std::chrono::milliseconds;

constexpr auto stall_limit = milliseconds{500};
constexpr auto watch_period = milliseconds{100};
constexpr std::size_t frame_kinds = static_cast<std::size_t>(FrameKind::bad_checksum) + 1;

std::uint64_t ticks_of(const TscScale& scale, Nanos time) {
  return static_cast<std::uint64_t>(std::chrono::duration<double>(time).count() * scale.hertz());
}

void sleep_until(MonoTime time) {
  const auto nanos = time.time_since_epoch().count();
  const timespec when{nanos / 1'000'000'000, nanos % 1'000'000'000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr) == EINTR) {
  }
}

Address from_host_order(std::uint32_t address) { return Ipv4{address}; }

}  // namespace

struct DpdkTransport::Impl {
  enum Problem : std::uint8_t {
    unresolved,
    queue_full,
    no_buffer,
    too_long,
    closed_flow,
    moved,
    problem_count
  };
  static constexpr std::array<std::string_view, problem_count> problem_names{
      "next-hop-unresolved", "device-queue-full", "no-packet-buffer",
      "payload-too-long",    "closed-flow",       "next-hop-moved"};

  Impl(const DpdkOptions& chosen, Eal& started, const TscClock& calibrated, OnEvent events)
      : options{chosen},
        eal{started},
        clock{calibrated},
        on_event{std::move(events)},
        watch{ticks_of(calibrated.scale(), stall_limit)},
        watchdog{[this](const std::stop_token& stop) { watch_transmissions(stop); }} {}
  ~Impl() { free_held(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  Impl(Impl&&) = delete;
  Impl& operator=(Impl&&) = delete;

  DpdkOptions options;
  Eal& eal;
  TscClock clock;
  OnEvent on_event;
  FlowTable flows;
  std::vector<std::unique_ptr<PortEndpoint>> ports;
  PollPlan plan;
  std::thread::id thread;  // the one that polls, once it has begun

  std::array<rte_mbuf*, burst_limit> held{};  // their payloads are with the caller
  std::size_t held_count = 0;
  std::array<rte_mbuf*, burst_limit> staged{};     // of the burst that is being sent
  std::array<rte_mbuf*, burst_limit> collected{};  // by the poll under way
  std::size_t next_port = 0;
  std::uint64_t polled_at = 0;  // TSC of the last poll
  bool more_waiting = false;
  bool device_full = false;

  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::array<std::uint64_t, problem_count> problems{};
  std::array<std::uint64_t, frame_kinds> ignored{};
  std::uint64_t no_flow_count = 0;
  std::uint64_t not_ours = 0;
  std::uint64_t largest_gap = 0;

  std::mutex mutex;
  std::condition_variable_any wake;
  TransmitWatch watch;
  std::jthread watchdog;  // last: it uses what is above

  void say(const std::string& event) const {
    if (on_event) on_event(event);
  }
  void watch_transmissions(const std::stop_token& stop);
  void adopt_thread();

  Result<PortIndex> port_for(const std::string& wanted);
  Result<FlowId> open_flow(const FlowSpec& spec);

  struct Run {
    std::size_t examined = 0;  // departures, refused ones too
    std::size_t frames = 0;
    PortIndex port = 0;
  };
  [[nodiscard]] bool refuse(const Departure& departure);
  Run stage(std::span<Departure> burst, std::span<rte_mbuf*> frames);
  std::size_t send_run(std::span<Departure> burst);

  void free_held();
  void housekeep(MonoTime now);
  void hear(const NeighborTable::Learned& learned, PortIndex port);
  bool accept(PortIndex port, rte_mbuf* frame, const Stamp& stamp, Arrival& arrival);
  bool accept_packet(PortIndex port, const ParsedFrame& parsed, Arrival& arrival);
  std::size_t poll_port(PortIndex port, std::span<Arrival> burst);
};

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
  prctl(PR_SET_TIMERSLACK, 1000);
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
  const Ipv4 source = spec.pin.source_v4->to_v4();
  const Ipv4 next_hop = spec.pin.next_hop.value_or(spec.destination.address).to_v4();
  const NeighborId neighbor = port.neighbors().add(next_hop, source);
  port.add_local(source);
  return flows.open(*index, spec, port.mac(), {neighbor, port.neighbors().mac(neighbor)});
}

bool DpdkTransport::Impl::refuse(const Departure& departure) {
  if (!flows.is_open(departure.flow)) {
    ++problems[closed_flow];
    return true;
  }
  const auto& flow = flows.flow(departure.flow);
  if (departure.payload.size() > flow.max_payload) {
    ++problems[too_long];
    return true;
  }
  if (!flow.ready) ++problems[unresolved];
  return !flow.ready;
}

// Writes the frames of the first departures that leave by the same port.
DpdkTransport::Impl::Run DpdkTransport::Impl::stage(std::span<Departure> burst,
                                                    std::span<rte_mbuf*> frames) {
  Run run;
  for (Departure& departure : burst) {
    departure.refused = refuse(departure);
    if (departure.refused) {
      ++run.examined;
      continue;
    }
    const PortIndex port = flows.flow(departure.flow).port;
    if (run.frames == 0) {
      run.port = port;
      if (!ports[port]->allocate(frames.first(std::min(frames.size(), burst.size())))) {
        ++problems[no_buffer];
        device_full = true;
        return run;
      }
    } else if (port != run.port || run.frames == frames.size()) {
      break;
    }
    rte_mbuf* frame = frames[run.frames++];
    set_length(frame, flows.frame(departure.flow)
                          .write(octets_of(frame).data(), departure.payload,
                                 static_cast<std::uint16_t>(departure.tag)));
    ++run.examined;
  }
  return run;
}

// Returns how many departures of the burst are done with.
std::size_t DpdkTransport::Impl::send_run(std::span<Departure> burst) {
  const std::span<rte_mbuf*> frames{staged};
  const Run run = stage(burst, frames);
  if (run.frames == 0) return run.examined;
  const std::size_t allocated = std::min(frames.size(), burst.size());
  if (allocated > run.frames) {
    free_frames(frames.subspan(run.frames, allocated - run.frames));
  }
  const auto [took, before, after] = ports[run.port]->transmit(frames.first(run.frames), watch);
  const Instant instant = clock.scale().at(before);
  // Of several frames the last one left up to that much later than the first.
  const Nanos spread = run.frames > 1 ? clock.scale().length(after - before) : Nanos{0};
  const Stamp stamp{instant.mono, instant.wall, StampSource::tsc, spread};
  sent += took;
  if (took > 0) plan.sent(instant.mono);
  device_full = took < run.frames;
  if (device_full) ++problems[queue_full];

  std::size_t left = took;
  for (std::size_t i = 0; i < run.examined; ++i) {
    if (burst[i].refused) continue;
    if (left == 0) {
      for (Departure& untouched : burst.subspan(i)) untouched.refused = false;
      return i;
    }
    burst[i].sent = stamp;
    --left;
  }
  return run.examined;
}

void DpdkTransport::Impl::free_held() {
  if (held_count > 0) free_frames(std::span{held}.first(held_count));
  held_count = 0;
}

void DpdkTransport::Impl::housekeep(MonoTime now) {
  for (const auto& port : ports) {
    if (now >= port->neighbors().next_due()) {
      problems[no_buffer] += port->ask_neighbors(now, watch);
    }
  }
}

void DpdkTransport::Impl::hear(const NeighborTable::Learned& learned, PortIndex port) {
  if (learned.change == NeighborTable::Change::none) return;
  NeighborTable& neighbors = ports[port]->neighbors();
  const MacAddress mac = neighbors.mac(learned.neighbor).value_or(MacAddress{});
  flows.set_neighbor(port, learned.neighbor, mac);
  if (learned.change != NeighborTable::Change::moved) return;
  ++problems[moved];
  say(fmt::format("dpdk: {}: next hop {} is now at {}", ports[port]->name(),
                  neighbors.address(learned.neighbor).to_string(), to_string(mac)));
}

bool DpdkTransport::Impl::accept_packet(PortIndex port, const ParsedFrame& parsed,
                                        Arrival& arrival) {
  const bool error = parsed.kind == FrameKind::icmp_error;
  if (!error && parsed.kind != FrameKind::udp && parsed.kind != FrameKind::icmp_echo_reply) {
    ++ignored[static_cast<std::size_t>(parsed.kind)];
    return false;
  }
  arrival.flow =
      error ? flows.find_request(port, parsed.tuple) : flows.find_reply(port, parsed.tuple);
  if (arrival.flow == no_flow) {
    const auto local = ports[port]->local();
    const bool ours = std::ranges::find(local, Ipv4{parsed.receiver}) != local.end();
    ++(ours ? no_flow_count : not_ours);
    return false;
  }
  arrival.kind = error ? Arrival::Kind::icmp_error : Arrival::Kind::datagram;
  arrival.tag = parsed.sequence;
  arrival.payload = parsed.payload;
  arrival.source = {from_host_order(parsed.sender),
                    parsed.kind == FrameKind::udp ? parsed.tuple.source_port : std::uint16_t{0}};
  arrival.hop_limit = parsed.hop_limit;
  arrival.dscp_ecn = parsed.dscp_ecn;
  arrival.icmp_type = parsed.icmp_type;
  arrival.icmp_code = parsed.icmp_code;
  return true;
}

bool DpdkTransport::Impl::accept(PortIndex port, rte_mbuf* frame, const Stamp& stamp,
                                 Arrival& arrival) {
  const auto octets = octets_of(frame);
  const ParsedFrame parsed = parse_frame(octets);
  if (parsed.kind == FrameKind::arp) {
    if (const auto learned = ports[port]->hear_arp(octets, stamp.mono, watch)) {
      hear(*learned, port);
    }
    return false;
  }
  arrival.received = stamp;
  return accept_packet(port, parsed, arrival);
}

std::size_t DpdkTransport::Impl::poll_port(PortIndex port, std::span<Arrival> burst) {
  const std::size_t room = std::min(burst.size(), burst_limit - held_count);
  const auto polled = ports[port]->poll(std::span{collected}.first(room));
  polled_at = polled.tsc;
  if (polled.count == 0) return 0;
  const auto frames = std::span{collected}.first(polled.count);
  for (const rte_mbuf* frame : frames) prefetch_octets(frame);
  const Instant instant = clock.scale().at(polled.tsc);
  const Stamp stamp{instant.mono, instant.wall, StampSource::tsc, clock.scale().length(polled.gap)};
  std::size_t arrivals = 0;
  for (rte_mbuf* frame : frames) {
    if (accept(port, frame, stamp, burst[arrivals])) {
      held[held_count++] = frame;
      ++arrivals;
    } else {
      free_frames({&frame, 1});
    }
  }
  more_waiting = more_waiting || polled.count == room;
  received += arrivals;
  if (arrivals > 0) largest_gap = std::max(largest_gap, polled.gap);
  return arrivals;
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
    std::string missing;
    for (const auto& port : impl_->ports) {
      NeighborTable& neighbors = port->neighbors();
      for (NeighborId id = 0; id < neighbors.size(); ++id) {
        if (neighbors.mac(id)) continue;
        missing += fmt::format("{}{} on {}", missing.empty() ? "" : ", ",
                               neighbors.address(id).to_string(), port->name());
      }
    }
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
  if (arrivals > 0) impl.plan.arrived(arrivals);
  impl.clock.refine(impl.polled_at);
  impl.housekeep(impl.clock.scale().at(impl.polled_at).mono);
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
