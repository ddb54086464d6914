// SPDX-License-Identifier: Apache-2.0
// Probes per CPU-second through net_ring: dpdk_datapath [SECONDS [SESSIONS...]]. Inside: schedule,
// STAMP request, frame with checksums, TSC stamps, ring, a real STAMP reflector at the far end,
// parsing with all checks, match, record in the session's sketches. All in one thread; the
// reflector's share is told apart by the TSC. The sessions together ask for slightly more than the
// thread can do (the rate is found first), so it is never idle and few slots are missed. The peer
// in the same run is a bare loop that only copies a template, mends one checksum, passes the ring,
// matches in a plain array and records in one sketch per session: what the machine allows.
#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <utility>
#include <vector>

#include "bench/dpdk_prototype.hpp"
#include "probe/dpdk/frame.hpp"
#include "probe/dpdk/reflector.hpp"
#include "probe/dpdk/ring_wire.hpp"
#include "probe/dpdk/transport.hpp"
#include "probe/prober.hpp"

namespace {

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::dpdk;
using namespace std::chrono_literals;

const Ipv4 near_address{0x0a000001};
const Ipv4 far_address{0x0a000002};

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  fmt::print(stderr, "{}\n", result.error().message);
  std::exit(4);
}

DpdkOptions options() {
  DpdkOptions options;
  options.memory_mb = 128;
  options.poll = Poll::busy;
  return options;
}

SessionSpec session(const std::string& device, std::size_t number, std::size_t sessions,
                    double offered) {
  SessionSpec spec;
  spec.key = {"ring", std::to_string(number), Protocol::stamp, 0};
  spec.flow.pin.device = device;
  spec.flow.pin.source_v4 = near_address;
  spec.flow.destination = {far_address, stamp_port};
  spec.schedule.interval =
      Nanos{static_cast<std::int64_t>(static_cast<double>(sessions) / offered * 1e9)};
  spec.timeout = std::max<Nanos>(5ms, 4 * spec.schedule.interval);
  return spec;
}

struct Measured {
  double probes = 0;
  double lost = 0;
  double missed = 0;  // slots, as a share of all
  double cpu = 0;
  double reflector_share = 0;  // of the CPU time

  [[nodiscard]] double rate() const { return probes / cpu; }
  [[nodiscard]] double prober_rate() const { return probes / (cpu * (1 - reflector_share)); }
};

// One prober and one reflector on a wire of their own.
class Pair {
 public:
  Pair(std::size_t sessions, double offered)
      : wire_{must(RingWire::make(options(), next_name(), RingWire::Kind::direct))},
        transport_{must(DpdkTransport::open(options()))},
        reflector_{must(DpdkReflector::open(options(), far_end(wire_.right())))},
        prober_{*transport_, {}} {
    for (std::size_t i = 0; i < sessions; ++i) {
      must(prober_.add(session(wire_.left(), i, sessions, offered)));
    }
  }

  // Until it has used so much CPU time, however long a busy machine takes to give it.
  void loop(double length) {
    const double end = cpu_seconds() + length;
    while (cpu_seconds() < end) {
      for (int i = 0; i < 64; ++i) {
        prober_.step();
        const std::uint64_t before = TscClock::ticks();
        while (reflector_->step() == 32) {
        }
        reflecting_ += TscClock::ticks() - before;
      }
    }
  }

  Measured measure(double seconds) {
    loop(seconds / 2);  // ARP, and every table as large as it gets
    const auto [at_start, slots_start] = std::pair{transport_->counters(), slots()};
    reflecting_ = 0;
    const std::uint64_t tsc = TscClock::ticks();
    const double cpu = cpu_seconds();
    loop(seconds);
    Measured measured;
    measured.cpu = cpu_seconds() - cpu;
    measured.reflector_share =
        static_cast<double>(reflecting_) / static_cast<double>(TscClock::ticks() - tsc);
    const auto [at_end, slots_end] = std::pair{transport_->counters(), slots()};
    measured.probes = static_cast<double>(at_end.received - at_start.received);
    measured.lost = static_cast<double>(slots_end.lost - slots_start.lost);
    measured.missed = static_cast<double>(slots_end.missed - slots_start.missed) /
                      static_cast<double>(slots_end.scheduled - slots_start.scheduled);
    return measured;
  }

 private:
  static std::string next_name() {
    static int number = 0;
    return "bench" + std::to_string(number++);
  }
  static DpdkReflectorOptions far_end(const std::string& device) {
    DpdkReflectorOptions far;
    far.device = device;
    far.addresses = {far_address};
    far.policy.open = true;
    far.policy.source_rate = {0};
    return far;
  }
  [[nodiscard]] Counts slots() const {
    Counts total;
    for (const Window& window : prober_.open_windows()) {
      total.scheduled += window.counts.scheduled;
      total.missed += window.counts.missed;
      total.lost += window.counts.lost;
    }
    return total;
  }

  RingWire wire_;
  std::unique_ptr<DpdkTransport> transport_;
  std::unique_ptr<DpdkReflector> reflector_;
  Prober prober_;
  std::uint64_t reflecting_ = 0;
};

// Asks for a little more than it was able to do when it was asked for far too much.
Measured run(std::size_t sessions, double seconds) {
  const double able = Pair{sessions, 30e6}.measure(seconds / 2).rate();
  const double steady = Pair{sessions, 1.05 * able}.measure(seconds / 2).rate();
  return Pair{sessions, 1.02 * steady}.measure(seconds);
}

std::vector<std::size_t> session_counts(int argc, char** argv) {
  std::vector<std::size_t> counts;
  for (int i = 2; i < argc; ++i) counts.push_back(std::strtoul(argv[i], nullptr, 10));
  return counts.empty() ? std::vector<std::size_t>{1, 1000, 10000} : counts;
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1.0;
  if (!strait::bench::prototype_ready(options())) return 4;
  fmt::print(
      "probes per CPU-second through net_ring, 44 octets of STAMP, one thread, {} s each\n"
      "{:>9} {:>14} {:>19} {:>14} {:>7} {:>12} {:>13}\n",
      seconds, "sessions", "prober", "prober+reflector", "bare loop", "ratio", "lost",
      "missed slots");
  for (const std::size_t sessions : session_counts(argc, argv)) {
    const double bare = strait::bench::prototype(sessions, seconds);
    const Measured ours = run(sessions, seconds);
    fmt::print("{:>9} {:>12.2f} M {:>17.2f} M {:>12.2f} M {:>7.2f} {:>12.0f} {:>11.1f} %\n",
               sessions, ours.prober_rate() / 1e6, ours.rate() / 1e6, bare / 1e6,
               ours.prober_rate() / bare, ours.lost, 100 * ours.missed);
  }
  return 0;
}
