// SPDX-License-Identifier: Apache-2.0
// What many sessions cost on the DPDK engine, through net_ring; needs no privilege.
//   dpdk_scale cost [SECONDS [ROUNDS]]     CPU per probe with 1,000, 10,000 and 100,000 sessions,
//   in
//                                          turn, medians; and the same with everything that a path
//                                          can have (bench/dpdk_pair.hpp: Dress::full)
//   dpdk_scale memory [SESSIONS]           what so many further sessions add to the resident
//   memory:
//                                          as added, and after they were probed for a while
//   dpdk_scale paced [SECONDS [TARGETS [DELAY_MS]]]
//                                          4 paths (4 wires) to each of 2,500 targets, one probe a
//                                          second each, adaptive polling in one thread; the four
//                                          reflectors, and a delay line of DELAY_MS (0: none) on
//                                          the way to them, are in another thread and not counted
// The wire, the reflector and how its share is told apart are those of bench/dpdk_datapath.cpp.
#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <string_view>
#include <thread>

#include "bench/delay_line.hpp"
#include "bench/dpdk_pair.hpp"
#include "probe/dpdk/eal.hpp"
#include "probe/wake_up.hpp"

namespace {

using namespace strait;
using namespace strait::bench;
using namespace strait::probe;
using namespace strait::probe::dpdk;
using namespace std::chrono_literals;

DpdkOptions options(Poll poll) {
  DpdkOptions options;
  options.memory_mb = 512;
  options.poll = poll;
  return options;
}

// --- cost ---

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

struct Case {
  std::size_t sessions;
  Dress dress;
  std::vector<double> nanos{};  // of CPU per probe, the prober's share
  std::vector<double> missed{};
};

int cost(double seconds, int rounds) {
  std::array cases{Case{1000, Dress::plain}, Case{10000, Dress::plain}, Case{100000, Dress::plain},
                   Case{1000, Dress::full}, Case{10000, Dress::full}};
  for (int round = 0; round < rounds; ++round) {
    for (Case& it : cases) {
      const Measured measured = saturate(options(Poll::busy), it.sessions, seconds, it.dress);
      it.nanos.push_back(1e9 / measured.prober_rate());
      it.missed.push_back(measured.missed);
    }
  }
  fmt::print("{} rounds of {} s of CPU\n{:>9} {:>6} {:>14} {:>16} {:>9} {:>13}\n", rounds, seconds,
             "sessions", "dress", "ns per probe", "M per CPU-s", "to 1,000", "missed slots");
  for (const Case& it : cases) {
    const double nanos = median(it.nanos);
    fmt::print("{:>9} {:>6} {:>14.0f} {:>16.2f} {:>9.2f} {:>11.1f} %\n", it.sessions,
               it.dress == Dress::full ? "full" : "plain", nanos, 1e3 / nanos,
               nanos / median(cases.front().nanos), 100 * median(it.missed));
  }
  return 0;
}

// --- memory ---

double resident_octets() {
  malloc_trim(0);  // what is free is nobody's
  std::size_t whole = 0;
  std::size_t resident = 0;
  std::ifstream{"/proc/self/statm"} >> whole >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

int memory(std::size_t sessions) {
  constexpr double probed = 3;  // seconds of CPU: everything is probed many times
  Pair pair{options(Poll::busy), 0, 1};
  const auto grow = [&](Nanos interval) {
    const double before = resident_octets();
    pair.add(sessions, interval, 3s);
    return (resident_octets() - before) / static_cast<double>(sessions);
  };
  // Tables double as they grow: the first lot pays for some of the second's.
  const double first = grow(1s);
  const double second = grow(1s);
  const double before = resident_octets();
  pair.loop(probed);
  const double used = (resident_octets() - before) / static_cast<double>(2 * sessions);
  const double faster = grow(100ms);
  fmt::print(
      "octets of resident memory per session, {} sessions at a time\n"
      "idle, one probe/s, 3 s of time-out   {:.0f} (the first lot), {:.0f}\n"
      "more once probed                     {:.0f}\n"
      "idle, ten probes/s                   {:.0f} (a third lot)\n",
      sessions, first, second, used, faster);
  return 0;
}

// --- paced ---

constexpr unsigned paths = 4;
constexpr Nanos paced_window = 10s;

std::string wire_name(unsigned path, const char* which) {
  return fmt::format("path{}{}", path, which);
}

// A wire, at its far end a reflector for all targets behind a gateway, in between a delay line.
class FarEnd {
 public:
  FarEnd(unsigned path, std::size_t targets, Nanos delay)
      : near_{must(RingWire::make(options(Poll::adaptive), wire_name(path, "n"),
                                  RingWire::Kind::direct))} {
    DpdkReflectorOptions far;
    far.device = near_.right();
    if (delay > 0s) {
      far_.emplace(must(
          RingWire::make(options(Poll::adaptive), wire_name(path, "f"), RingWire::Kind::direct)));
      line_.emplace(near_.right(), far_->left(), delay);
      far.device = far_->right();
    }
    far.addresses.push_back(gateway(path));
    for (std::size_t i = 0; i < targets; ++i) far.addresses.push_back(target(i));
    far.policy.open = true;
    far.policy.source_rate = {0};
    reflector_ = must(DpdkReflector::open(options(Poll::adaptive), far));
  }

  static Address gateway(unsigned path) {
    return must(parse_address(fmt::format("10.{}.0.254", path)));
  }
  static Address target(std::size_t number) {
    return must(parse_address(fmt::format("10.100.{}.{}", number / 250, number % 250 + 1)));
  }
  [[nodiscard]] const std::string& near() const { return near_.left(); }
  // Whether there was anything to do.
  bool step() {
    const bool moved = line_ && line_->step();
    return reflector_->step() > 0 || moved;
  }

 private:
  RingWire near_;
  std::optional<RingWire> far_;
  std::optional<DelayLine> line_;
  std::unique_ptr<DpdkReflector> reflector_;
};

void run_far_ends(const std::stop_token& stop, std::vector<FarEnd>& ends) {
  Eal::register_thread();
  sharpen_wake_ups();
  while (!stop.stop_requested()) {
    bool something = false;
    for (FarEnd& end : ends) something = end.step() || something;
    if (!something) std::this_thread::sleep_for(20us);
  }
}

SessionSpec paced_session(const FarEnd& end, unsigned path, std::size_t number) {
  SessionSpec spec;
  spec.key = {wire_name(path, ""), std::to_string(number), Protocol::stamp, 0};
  spec.flow.pin.device = end.near();
  spec.flow.pin.source_v4 = must(parse_address(fmt::format("10.{}.0.1", path)));
  spec.flow.pin.next_hop_v4 = FarEnd::gateway(path);
  spec.flow.destination = {FarEnd::target(number), stamp_port};
  spec.schedule.interval = 1s;
  return spec;
}

void print(const Window& whole, double share, Nanos gap) {
  const auto micros = [](const Sketch& sketch, double q) {
    const auto value = sketch.quantile(q);
    return value ? static_cast<double>(value->count()) / 1e3 : 0.0;
  };
  fmt::print(
      "share of a core        {:.1f} %\n"
      "lag                    p50 {:.1f} us, p99 {:.1f} us\n"
      "round trip             p50 {:.1f} us, p99 {:.1f} us\n"
      "kept apart             {} of {} replies, as too uncertain\n"
      "largest gap of a poll that found something  {:.1f} us\n"
      "sent {}, received {}, lost {}, missed {}\n",
      100 * share, micros(whole.lag, 0.5), micros(whole.lag, 0.99), micros(whole.rtt, 0.5),
      micros(whole.rtt, 0.99), whole.uncertain.count(), whole.counts.received,
      static_cast<double>(gap.count()) / 1e3, whole.counts.sent, whole.counts.received,
      whole.counts.lost, whole.counts.missed);
}

int paced(Nanos length, std::size_t targets, Nanos delay) {
  std::vector<FarEnd> ends;
  for (unsigned path = 0; path < paths; ++path) ends.emplace_back(path, targets, delay);
  const std::jthread far{[&](const std::stop_token& stop) { run_far_ends(stop, ends); }};
  std::this_thread::sleep_for(6s);  // thousands of addresses are announced at first
  const double before = resident_octets();
  const auto transport = must(DpdkTransport::open(options(Poll::adaptive)));
  ProberOptions prober_options;
  prober_options.window = paced_window;
  Prober prober{*transport, prober_options};
  for (std::size_t i = 0; i < targets; ++i) {
    for (unsigned path = 0; path < paths; ++path) {
      must(prober.add(paced_session(ends[path], path, i)));
    }
  }
  if (auto resolved = transport->resolve(2s); !resolved) give_up(resolved.error());
  // To add so many took a while: what was due meanwhile, in the first windows, is no lag.
  const Instant ready = transport->now();
  const Nanos since = (ready.wall + 1s).time_since_epoch() % paced_window;
  const WallTime first = ready.wall + 1s + paced_window - since;
  const auto until = [&](WallTime time) {
    run_while(prober, *transport, [&] { return transport->now().wall < time; });
  };
  until(first);
  static_cast<void>(transport->counters());  // forgets the largest gap so far
  const double cpu = thread_cpu_seconds();
  const MonoTime start = transport->now().mono;
  until(first + length);
  const double share = (thread_cpu_seconds() - cpu) /
                       std::chrono::duration<double>(transport->now().mono - start).count();
  const Nanos gap = transport->counters().largest_poll_gap;
  const double memory = (resident_octets() - before) / static_cast<double>(targets * paths);
  drain(prober, *transport, 4s);
  const auto windows = prober.finish();
  Window whole;
  for (const Window& window : windows) {
    if (window.start < first || window.start >= first + length) continue;
    if (whole.length == Nanos{}) {
      whole = window;
    } else {
      merge(whole, window);
    }
  }
  fmt::print("{} sessions ({} targets, {} paths), one probe/s each, {} s, {} ms of delay\n",
             targets * paths, targets, paths, length / 1s, delay / 1ms);
  print(whole, share, gap);
  fmt::print("resident memory per session, probed  {:.0f} octets\n", memory);
  return 0;
}

Nanos seconds(double value) { return Nanos{static_cast<std::int64_t>(value * 1e9)}; }

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  const auto number = [&](int at, double otherwise) {
    return argc > at ? std::atof(argv[at]) : otherwise;
  };
  if (mode == "cost") return cost(number(2, 1), static_cast<int>(number(3, 5)));
  if (mode == "memory") return memory(static_cast<std::size_t>(number(2, 10000)));
  if (mode == "paced") {
    return paced(seconds(number(2, 20)), static_cast<std::size_t>(number(3, 2500)),
                 seconds(number(4, 20) / 1e3));
  }
  fmt::print(stderr, "usage: see the head of bench/dpdk_scale.cpp\n");
  return 2;
}
