// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/tsc_clock.hpp"

#include <rte_cpuflags.h>
#include <rte_cycles.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <fstream>
#include <limits>
#include <string>
#include <thread>

namespace strait::probe::dpdk {
namespace {

constexpr double billion = 1e9;
constexpr std::int64_t step_limit = 1'000'000;  // ns
constexpr double most_slew = 1e-3;              // twice what adjtimex allows the kernel
constexpr auto baseline = std::chrono::milliseconds{100};
constexpr int calibration_tries = 100;
constexpr int refine_tries = 10;
constexpr auto refine_period = std::chrono::seconds{1};

std::int64_t nanos(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

bool tsc_is_steady() {
  if (rte_cpu_get_flag_enabled(RTE_CPUFLAG_INVTSC) == 1) return true;
  // A hypervisor may hide the flag; a kernel that keeps its own time by the TSC has checked it.
  std::string source;
  std::ifstream{"/sys/devices/system/clocksource/clocksource0/current_clocksource"} >> source;
  return source == "tsc";
}

}  // namespace

ClockReading read_clocks(int tries) {
  ClockReading best;
  std::uint64_t tightest = std::numeric_limits<std::uint64_t>::max();
  for (int i = 0; i < tries; ++i) {
    // All three clocks are read inside one bracket, so that one middle fits them all; about 25 ns
    // apart from one another, which is the error of `wall` and `mono` against each other.
    const std::uint64_t before = rte_rdtsc_precise();
    const std::int64_t wall = nanos(CLOCK_REALTIME);
    const std::int64_t monotonic = nanos(CLOCK_MONOTONIC);
    const std::int64_t raw = nanos(CLOCK_MONOTONIC_RAW);
    const std::uint64_t after = rte_rdtsc_precise();
    if (after - before >= tightest) continue;
    tightest = after - before;
    best = {before + tightest / 2, raw, monotonic, wall, tightest};
  }
  return best;
}

TscScale::TscScale(const ClockReading& first, const ClockReading& second)
    : first_{first},
      last_{second},
      tsc_at_{second.tsc},
      mono_at_{second.monotonic},
      wall_offset_{second.wall - second.monotonic} {
  hertz_ = static_cast<double>(second.tsc - first.tsc) * billion /
           static_cast<double>(second.raw - first.raw);
  slew_ = static_cast<double>(second.monotonic - first.monotonic) /
              static_cast<double>(second.raw - first.raw) -
          1;
  set_rate(slew_);
  error_ = length(second.bracket / 2);
}

void TscScale::set_rate(double correction) {
  correction = std::clamp(correction, -most_slew, most_slew);
  const double nanos_per_tick = billion / hertz_ * (1 + correction);
  multiplier_ = static_cast<std::uint64_t>(
      std::llround(nanos_per_tick * static_cast<double>(std::uint64_t{1} << shift)));
}

void TscScale::adjust(const ClockReading& reading) {
  if (reading.tsc <= tsc_at_) return;
  const double period = static_cast<double>(reading.tsc - tsc_at_) / hertz_ * billion;
  const std::int64_t here = mono_at_ + elapsed(reading.tsc);
  const std::int64_t behind = reading.monotonic - here;
  // How CLOCK_MONOTONIC ran against the raw one: what NTP makes of it.
  slew_ = static_cast<double>(reading.monotonic - last_.monotonic) /
              static_cast<double>(reading.raw - last_.raw) -
          1;
  error_ = length(reading.bracket / 2) + Nanos{std::abs(behind)};
  last_ = reading;
  hertz_ = static_cast<double>(reading.tsc - first_.tsc) * billion /
           static_cast<double>(reading.raw - first_.raw);
  tsc_at_ = reading.tsc;
  if (std::abs(behind) > step_limit) {
    mono_at_ = reading.monotonic;
    // The baseline holds a time that was not counted alike by both: start it anew.
    first_ = reading;
    first_.tsc -= static_cast<std::uint64_t>(period / billion * hertz_);
    first_.raw -= static_cast<std::int64_t>(period);
    ++jumps_;
    set_rate(0);
  } else {
    mono_at_ = here;
    set_rate(slew_ + static_cast<double>(behind) / period);
  }
  const std::int64_t offset = reading.wall - reading.monotonic;
  if (std::abs(offset - wall_offset_) > step_limit) ++wall_steps_;
  wall_offset_ = offset;
}

TscClock::TscClock(const TscScale& scale) : scale_{scale} {
  next_ = ticks() + static_cast<std::uint64_t>(scale_.hertz());
}

Result<TscClock> TscClock::calibrate() {
  if (!tsc_is_steady()) {
    return fail(Errc::unsupported,
                "dpdk: the time stamp counter of this CPU is not steady (no invariant TSC, and the "
                "kernel does not keep time by it): use the socket engine");
  }
  const ClockReading first = read_clocks(calibration_tries);
  std::this_thread::sleep_for(baseline);
  const ClockReading second = read_clocks(calibration_tries);
  return TscClock{TscScale{first, second}};
}

void TscClock::refine_now(std::uint64_t tsc) {
  scale_.adjust(read_clocks(refine_tries));
  next_ = tsc + static_cast<std::uint64_t>(std::chrono::duration<double>(refine_period).count() *
                                           scale_.hertz());
}

}  // namespace strait::probe::dpdk
