// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "probe/random.hpp"

namespace strait::probe {

enum class ScheduleKind : std::uint8_t {
  periodic,  // a grid with a random phase (RFC 3432 §4) and uniform jitter
  poisson,   // exponential gaps (RFC 2330 §11.1.1), cut at 10 times the mean
};
[[nodiscard]] std::string_view to_string(ScheduleKind kind);

struct ScheduleSpec {
  ScheduleKind kind = ScheduleKind::periodic;
  Nanos interval{100'000'000};  // of the grid, or mean gap
  double jitter = 0.1;  // periodic: each probe moves by up to this share of the slot, 0 to 1
};

// How late a slot may be sent without the next one being missed: a quarter of what is at least
// between the two. Gaps of a Poisson process have no least length: one in a thousand is shorter.
[[nodiscard]] Nanos tolerable_lateness(const ScheduleSpec& spec);

// Open loop: the intended times depend on the seed alone, never on replies or on delays in sending.
// Deterministic under a seed.
class Schedule {
 public:
  Schedule() = default;
  // The first slot lies within one interval after `start`. `spec.interval` must be above 0.
  Schedule(const ScheduleSpec& spec, MonoTime start, std::uint64_t seed);

  // The intended time of the next slot.
  [[nodiscard]] MonoTime next() const { return MonoTime{Nanos{next_}}; }

  // A slot that is late by no more than this is still sent, if need be in a burst with others:
  // intervals below it ask for nothing else. What is later was missed and is never made up for.
  static constexpr Nanos catch_up{20'000};

  // Ends the slot at next(), sent at `now` or not, and goes to the first one that is not later than
  // catch_up. Returns how many slots were passed over: they are missed.
  std::uint64_t advance(MonoTime now) {
    step();
    const std::int64_t too_late = (now - catch_up).time_since_epoch().count();
    if (next_ > too_late) [[likely]]
      return 0;
    return kind_ == ScheduleKind::poisson ? skip_poisson(too_late) : skip_grid(too_late);
  }

 private:
  void step() {
    if (kind_ == ScheduleKind::poisson) {
      next_ += exponential();
      return;
    }
    grid_ += interval_;
    next_ = grid_ + jitter();
  }
  [[nodiscard]] std::int64_t jitter() {
    if (jitter_ == 0) return 0;
    return static_cast<std::int64_t>(uniform() * static_cast<double>(jitter_) *
                                     static_cast<double>(interval_));
  }
  [[nodiscard]] std::int64_t exponential();
  [[nodiscard]] double uniform() {
    return static_cast<double>(next_random(random_) >> 11) * 0x1p-53;  // [0, 1)
  }
  std::uint64_t skip_grid(std::int64_t too_late);
  std::uint64_t skip_poisson(std::int64_t too_late);

  std::int64_t next_ = 0;
  std::int64_t grid_ = 0;  // the slot's start, before jitter
  std::int64_t interval_ = 1;
  std::uint64_t random_ = 0;
  float jitter_ = 0;
  ScheduleKind kind_ = ScheduleKind::periodic;
};

}  // namespace strait::probe
