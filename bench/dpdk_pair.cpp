// SPDX-License-Identifier: Apache-2.0
#include "bench/dpdk_pair.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "probe/dpdk/port_queue.hpp"
#include "probe/dpdk/tsc_clock.hpp"

namespace strait::bench {
namespace {

using namespace std::chrono_literals;
using namespace probe;
using namespace probe::dpdk;

constexpr std::size_t most_far_addresses = 4;  // 49,152 source ports to each
constexpr std::size_t flows_per_target = 4;    // of Dress::full
const std::vector<std::uint16_t> tags{100, 200};
const std::vector<std::uint32_t> labels{16001, 16002};

std::string next_name() {
  static int number = 0;
  return "bench" + std::to_string(number++);
}

Address numbered(Dress dress, unsigned side, std::size_t number) {
  return must(parse_address(dress == Dress::full ? fmt::format("fd00::{}:{}", side, number + 1)
                                                 : fmt::format("10.0.{}.{}", side, number + 1)));
}

}  // namespace

void give_up(const Error& error) {
  fmt::print(stderr, "{}\n", error.message);
  std::exit(4);
}

double thread_cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

Pair::Pair(const DpdkOptions& options, std::size_t sessions, double offered, Dress dress)
    : dress_{dress},
      wire_{must(RingWire::make(options, next_name(), RingWire::Kind::direct))},
      transport_{must(DpdkTransport::open(options))},
      pins_{std::make_unique<PinChecker>(*transport_)} {
  near_.push_back(numbered(dress, 1, 0));
  for (std::size_t i = 0; i < most_far_addresses; ++i) far_.push_back(numbered(dress, 2, i));
  DpdkReflectorOptions far;
  far.device = wire_.right();
  far.addresses = far_;
  far.policy.open = true;
  far.policy.source_rate = {0};
  if (dress == Dress::full) far.vlans = tags;
  reflector_ = must(DpdkReflector::open(options, far));
  Transport& edge = dress == Dress::full ? static_cast<Transport&>(*pins_) : *transport_;
  prober_ = std::make_unique<Prober>(edge, ProberOptions{});
  if (dress == Dress::full) {
    FlowSpec flow = session(0, 1s, 1s).flow;
    flow.hop_limit = 1;
    pins_->check({PinCheck{"ring", flow, {far_.front()}}}, 1min);
  }
  if (sessions == 0) return;
  const Nanos interval{static_cast<std::int64_t>(static_cast<double>(sessions) / offered * 1e9)};
  add(sessions, interval, std::max<Nanos>(5ms, 4 * interval));
}

void Pair::add(std::size_t sessions, Nanos interval, Nanos timeout) {
  for (std::size_t i = 0; i < sessions; ++i) {
    must(prober_->add(session(count_++, interval, timeout)));
  }
}

SessionSpec Pair::session(std::size_t number, Nanos interval, Nanos timeout) const {
  SessionSpec spec;
  const std::size_t flows = dress_ == Dress::full ? flows_per_target : 1;
  spec.key = {"ring", std::to_string(number / flows), Protocol::stamp, 0,
              static_cast<std::uint16_t>(number % flows)};
  PathPin& pin = spec.flow.pin;
  pin.device = wire_.left();
  (dress_ == Dress::full ? pin.source_v6 : pin.source_v4) = near_.front();
  if (dress_ == Dress::full) {
    pin.vlans = tags;
    pin.labels = labels;
  }
  spec.flow.destination = {far_[number / flows % far_.size()], stamp_port};
  spec.schedule.interval = interval;
  spec.timeout = timeout;
  return spec;
}

void Pair::loop(double cpu_seconds) {
  const double end = thread_cpu_seconds() + cpu_seconds;
  while (thread_cpu_seconds() < end) {
    for (int i = 0; i < 64; ++i) {
      prober_->step();
      const std::uint64_t before = TscClock::ticks();
      while (reflector_->step() == burst_limit) {
      }
      reflecting_ += TscClock::ticks() - before;
    }
    // The checks of the pins go on in wait(), as in the service; a busy transport returns at once.
    if (dress_ == Dress::full) pins_->wait(prober_->next_wakeup());
  }
}

Measured Pair::measure(double cpu_seconds) {
  loop(cpu_seconds / 2);
  const auto [at_start, slots_start] = std::pair{transport_->counters(), slots()};
  reflecting_ = 0;
  const std::uint64_t tsc = TscClock::ticks();
  const double cpu = thread_cpu_seconds();
  loop(cpu_seconds);
  Measured measured;
  measured.cpu = thread_cpu_seconds() - cpu;
  measured.reflector_share =
      static_cast<double>(reflecting_) / static_cast<double>(TscClock::ticks() - tsc);
  const auto [at_end, slots_end] = std::pair{transport_->counters(), slots()};
  measured.probes = static_cast<double>(at_end.received - at_start.received);
  measured.lost = static_cast<double>(slots_end.lost - slots_start.lost);
  measured.missed = static_cast<double>(slots_end.missed - slots_start.missed) /
                    static_cast<double>(slots_end.scheduled - slots_start.scheduled);
  return measured;
}

Counts Pair::slots() const {
  Counts total;
  for (const Window& window : prober_->open_windows()) {
    total.scheduled += window.counts.scheduled;
    total.missed += window.counts.missed;
    total.lost += window.counts.lost;
  }
  return total;
}

Measured saturate(const DpdkOptions& options, std::size_t sessions, double seconds, Dress dress) {
  const double able = Pair{options, sessions, 30e6, dress}.measure(seconds / 2).rate();
  const double steady = Pair{options, sessions, 1.05 * able, dress}.measure(seconds / 2).rate();
  return Pair{options, sessions, 1.02 * steady, dress}.measure(seconds);
}

}  // namespace strait::bench
