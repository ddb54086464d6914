// SPDX-License-Identifier: Apache-2.0
// Probes per CPU-second through net_ring: dpdk_datapath [SECONDS [SESSIONS...]]. Inside: schedule,
// STAMP request, frame with checksums, TSC stamps, ring, a real STAMP reflector at the far end,
// parsing with all checks, match, record in the session's sketches. All in one thread; the
// reflector's share is told apart by the TSC. The sessions together ask for slightly more than the
// thread can do (the rate is found first), so it is never idle and few slots are missed. The peer
// in the same run is a bare loop that only copies a template, mends one checksum, passes the ring,
// matches in a plain array and records in one sketch per session: what the machine allows.
#include <fmt/format.h>

#include <cstdlib>
#include <vector>

#include "bench/dpdk_pair.hpp"
#include "bench/dpdk_prototype.hpp"

namespace {

using namespace strait;
using probe::dpdk::DpdkOptions;

DpdkOptions options() {
  DpdkOptions options;
  options.memory_mb = 128;
  options.poll = probe::dpdk::Poll::busy;
  return options;
}

std::vector<std::size_t> session_counts(int argc, char** argv) {
  std::vector<std::size_t> counts;
  for (int i = 2; i < argc; ++i) counts.push_back(std::strtoul(argv[i], nullptr, 10));
  return counts.empty() ? std::vector<std::size_t>{1, 1000, 10000} : counts;
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1.0;
  if (!bench::prototype_ready(options())) return 4;
  fmt::print(
      "probes per CPU-second through net_ring, 44 octets of STAMP, one thread, {} s each\n"
      "{:>9} {:>14} {:>19} {:>14} {:>7} {:>12} {:>13}\n",
      seconds, "sessions", "prober", "prober+reflector", "bare loop", "ratio", "lost",
      "missed slots");
  for (const std::size_t sessions : session_counts(argc, argv)) {
    const double bare = bench::prototype(sessions, seconds);
    const bench::Measured ours = bench::saturate(options(), sessions, seconds);
    fmt::print("{:>9} {:>12.2f} M {:>17.2f} M {:>12.2f} M {:>7.2f} {:>12.0f} {:>11.1f} %\n",
               sessions, ours.prober_rate() / 1e6, ours.rate() / 1e6, bare / 1e6,
               ours.prober_rate() / bare, ours.lost, 100 * ours.missed);
  }
  return 0;
}
