// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/clock_bridge.hpp"

#include <chrono>

namespace strait::probe::kernel {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// REALTIME is slewed by 500 ppm at most: what moves faster than this between bursts is a step.
constexpr Nanos step_threshold = milliseconds{1};
constexpr Nanos distrust = seconds{1};
// A kernel stamp is read soon after it was taken: one that looks older, or from the future, is off.
constexpr Nanos oldest = seconds{60};
constexpr Nanos future_slack = microseconds{200};
// Two readings of the clock this close together were not torn apart by the scheduler.
constexpr Nanos close_together = microseconds{2};
constexpr int attempts = 8;

Nanos offset_of(const Instant& instant) {
  return instant.wall.time_since_epoch() - instant.mono.time_since_epoch();
}

}  // namespace

Instant ClockBridge::sample() {
  // The offset goes into every difference of two stamps, so it must not hold a preemption between
  // the reading of one clock and of the other: a second reading close behind shows there was none.
  Instant first = clock_->now();
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const Instant second = clock_->now();
    last_ = second;
    if (second.mono - first.mono <= close_together) {
      accept(offset_of(first));
      return last_;
    }
    first = second;
  }
  if (!sampled_) accept(offset_of(first));
  return last_;  // with the offset of an earlier, better sample
}

void ClockBridge::accept(Nanos offset) {
  const Nanos change = offset > offset_ ? offset - offset_ : offset_ - offset;
  if (sampled_ && change > step_threshold) {
    ++steps_;
    distrust_until_ = last_.mono + distrust;
  }
  offset_ = offset;
  sampled_ = true;
}

std::optional<Stamp> ClockBridge::convert(timespec realtime, StampSource source) const {
  if (last_.mono < distrust_until_) return std::nullopt;
  const WallTime wall{seconds{realtime.tv_sec} + Nanos{realtime.tv_nsec}};
  const Nanos age = last_.wall - wall;
  if (age > oldest || age < -future_slack) return std::nullopt;
  return Stamp{.mono = MonoTime{wall.time_since_epoch() - offset_}, .wall = wall, .source = source};
}

Stamp ClockBridge::user_stamp() const {
  return {.mono = last_.mono, .wall = last_.wall, .source = StampSource::user};
}

}  // namespace strait::probe::kernel
