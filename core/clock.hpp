// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "core/duration.hpp"

namespace strait {

// Never steps: for intervals, time-outs and schedules. CLOCK_MONOTONIC.
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, Nanos>;
// UTC: for window boundaries, timestamps on the wire and everything that is printed.
using WallTime = std::chrono::sys_time<Nanos>;

// The same moment on both clocks.
struct Instant {
  MonoTime mono;
  WallTime wall;
};

// The only way to learn the time. Implementations are safe to call from several threads.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = default;
  Clock& operator=(const Clock&) = default;
  Clock(Clock&&) = default;
  Clock& operator=(Clock&&) = default;
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override;
};

// Stands still until told otherwise. For tests and virtual time; not thread-safe.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(Instant start) : now_{start} {}
  [[nodiscard]] Instant now() const override { return now_; }
  void advance(Nanos by) {
    now_.mono += by;
    now_.wall += by;
  }
  void step_wall(Nanos by) { now_.wall += by; }

 private:
  Instant now_;
};

// "2026-11-23T16:45:00.123Z": UTC, with milliseconds unless they are zero.
[[nodiscard]] std::string to_string(WallTime time);
[[nodiscard]] std::optional<WallTime> parse_wall_time(std::string_view text);

}  // namespace strait
