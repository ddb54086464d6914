// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/clock.hpp"
#include "core/result.hpp"

namespace strait::probe::dpdk {

// What the kernel's clocks said at one reading of the TSC, in ns.
struct ClockReading {
  std::uint64_t tsc = 0;
  std::int64_t raw = 0;        // CLOCK_MONOTONIC_RAW
  std::int64_t monotonic = 0;  // CLOCK_MONOTONIC
  std::int64_t wall = 0;       // CLOCK_REALTIME
  std::uint64_t bracket = 0;   // TSC ticks between which all of them were read
};

// Turns TSC readings into times. Pure: it is fed with readings.
//
// The rate comes from CLOCK_MONOTONIC_RAW over an ever longer baseline, not from DPDK, which rounds
// its estimate to 10 MHz. Times are CLOCK_MONOTONIC's: each reading sets a rate, within 1000 ppm of
// the raw one, that leads to where CLOCK_MONOTONIC should be at the next; so `mono` follows the
// kernel without steps, and an interval is as good as CLOCK_MONOTONIC's own. Only when the two are
// more than 1 ms apart (a suspended machine) it jumps. `wall` is `mono` plus the offset at the last
// reading.
class TscScale {
 public:
  // Two readings, some 50 ms or more apart.
  TscScale(const ClockReading& first, const ClockReading& second);

  void adjust(const ClockReading& reading);

  [[nodiscard]] Instant at(std::uint64_t tsc) const {
    const MonoTime mono{Nanos{mono_at_ + elapsed(tsc)}};
    return {mono, WallTime{Nanos{mono.time_since_epoch().count() + wall_offset_}}};
  }
  // The length of an interval of the TSC.
  [[nodiscard]] Nanos length(std::uint64_t ticks) const {
    return Nanos{static_cast<std::int64_t>(scaled(ticks))};
  }

  [[nodiscard]] double hertz() const { return hertz_; }
  // How far off `mono` may be: half the bracket of the newest reading, and what it showed the
  // prediction to be off.
  [[nodiscard]] Nanos error() const { return error_; }
  // CLOCK_MONOTONIC's rate against CLOCK_MONOTONIC_RAW's at the newest reading, less one: what NTP
  // makes of the clock.
  [[nodiscard]] double slew() const { return slew_; }
  // Changes of CLOCK_REALTIME against CLOCK_MONOTONIC by more than 1 ms.
  [[nodiscard]] std::uint64_t wall_steps() const { return wall_steps_; }
  [[nodiscard]] std::uint64_t jumps() const { return jumps_; }

 private:
  __extension__ using Wide = unsigned __int128;
  static constexpr unsigned shift = 40;

  [[nodiscard]] std::uint64_t scaled(std::uint64_t ticks) const {
    return static_cast<std::uint64_t>((Wide{ticks} * multiplier_) >> shift);
  }
  // Negative for a reading that is older than the anchor.
  [[nodiscard]] std::int64_t elapsed(std::uint64_t tsc) const {
    if (tsc >= tsc_at_) return static_cast<std::int64_t>(scaled(tsc - tsc_at_));
    return -static_cast<std::int64_t>(scaled(tsc_at_ - tsc));
  }
  void set_rate(double correction);

  ClockReading first_;
  ClockReading last_;
  std::uint64_t tsc_at_ = 0;
  std::int64_t mono_at_ = 0;
  std::int64_t wall_offset_ = 0;
  std::uint64_t multiplier_ = 0;
  double hertz_ = 0;
  double slew_ = 0;
  Nanos error_{};
  std::uint64_t wall_steps_ = 0;
  std::uint64_t jumps_ = 0;
};

// The TSC of this machine as a clock. Used by one thread.
class TscClock {
 public:
  // Takes about 100 ms. Fails where the TSC changes its rate or stops: such a CPU cannot be timed
  // with it.
  [[nodiscard]] static Result<TscClock> calibrate();

  // Inline and without DPDK's header: it is read several times per probe.
  [[nodiscard]] static std::uint64_t ticks() { return __builtin_ia32_rdtsc(); }
  [[nodiscard]] Instant now() const { return scale_.at(ticks()); }
  [[nodiscard]] const TscScale& scale() const { return scale_; }

  // Reads the kernel's clocks again when a second has passed: some 2 us then, else nothing.
  void refine(std::uint64_t tsc) {
    if (tsc >= next_) refine_now(tsc);
  }

 private:
  explicit TscClock(const TscScale& scale);
  void refine_now(std::uint64_t tsc);

  TscScale scale_;
  std::uint64_t next_ = 0;
};

// The tightest of some readings that are each taken between two looks at the TSC.
[[nodiscard]] ClockReading read_clocks(int tries);

}  // namespace strait::probe::dpdk
