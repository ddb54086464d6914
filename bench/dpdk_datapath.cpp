// SPDX-License-Identifier: Apache-2.0
// Probes per CPU-second through net_ring. Inside: schedule, STAMP request, frame with checksums,
// TSC stamps, ring, a real STAMP reflector at the far end, parsing with all checks, match, record
// in the session's sketches. All in one thread; the reflector's share is told apart by the TSC. The
// peer in the same run is a bare loop that only copies a template, mends one checksum, passes the
// ring, matches in a plain array and records in one sketch per session: what the machine allows.
#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <ctime>

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
  double cpu = 0;
  double reflector_share = 0;  // of the CPU time
};

Measured run(std::size_t sessions, double offered, double seconds) {
  static int number = 0;
  const auto wire =
      must(RingWire::make(options(), "bench" + std::to_string(number++), RingWire::Kind::direct));
  auto transport = must(DpdkTransport::open(options()));
  DpdkReflectorOptions far;
  far.device = wire.right();
  far.addresses = {far_address};
  far.policy.open = true;
  far.policy.source_rate = {0};
  const auto reflector = must(DpdkReflector::open(options(), far));
  Prober prober{*transport, {}};
  for (std::size_t i = 0; i < sessions; ++i) {
    must(prober.add(session(wire.left(), i, sessions, offered)));
  }
  std::uint64_t reflecting = 0;
  // Until it has used so much CPU time, however long a busy machine takes to give it.
  const auto loop = [&](double length) {
    const double end = cpu_seconds() + length;
    while (cpu_seconds() < end) {
      for (int i = 0; i < 64; ++i) {
        prober.step();
        const std::uint64_t before = TscClock::ticks();
        while (reflector->step() == 32) {
        }
        reflecting += TscClock::ticks() - before;
      }
    }
  };
  loop(seconds / 2);  // ARP, and every table as large as it gets
  const auto at_start = transport->counters();
  reflecting = 0;
  const std::uint64_t tsc = TscClock::ticks();
  const double cpu = cpu_seconds();
  loop(seconds);
  Measured measured;
  measured.cpu = cpu_seconds() - cpu;
  measured.reflector_share =
      static_cast<double>(reflecting) / static_cast<double>(TscClock::ticks() - tsc);
  const auto at_end = transport->counters();
  measured.probes = static_cast<double>(at_end.received - at_start.received);
  measured.lost = static_cast<double>(at_end.sent - at_start.sent) - measured.probes;
  return measured;
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1.0;
  if (!strait::bench::prototype_ready(options())) return 4;
  fmt::print(
      "probes per CPU-second through net_ring, 44 octets of STAMP, one thread, {} s each\n"
      "{:>9} {:>14} {:>19} {:>14} {:>7} {:>12}\n",
      seconds, "sessions", "prober", "prober+reflector", "bare loop", "ratio", "unanswered");
  for (const std::size_t sessions : {std::size_t{1}, std::size_t{1000}, std::size_t{10000}}) {
    const double bare = strait::bench::prototype(sessions, seconds);
    const Measured ours = run(sessions, 14e6, seconds);
    const double prober = ours.probes / (ours.cpu * (1 - ours.reflector_share));
    fmt::print("{:>9} {:>12.2f} M {:>17.2f} M {:>12.2f} M {:>7.2f} {:>12.0f}\n", sessions,
               prober / 1e6, ours.probes / ours.cpu / 1e6, bare / 1e6, prober / bare, ours.lost);
  }
  return 0;
}
