// SPDX-License-Identifier: Apache-2.0
#include "probe/schedule.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace strait::probe {
namespace {

constexpr double longest_gap = 10;  // times the mean

}  // namespace

std::string_view to_string(ScheduleKind kind) {
  return kind == ScheduleKind::poisson ? "poisson" : "periodic";
}

Nanos tolerable_lateness(const ScheduleSpec& spec) {
  if (spec.kind == ScheduleKind::poisson) return spec.interval / 1000;
  const double least_gap = 1 - std::clamp(spec.jitter, 0.0, 1.0);
  return Nanos{static_cast<std::int64_t>(static_cast<double>(spec.interval.count()) * least_gap)} /
         4;
}

Schedule::Schedule(const ScheduleSpec& spec, MonoTime start, std::uint64_t seed)
    : interval_{spec.interval.count()},
      random_{seed},
      jitter_{static_cast<float>(std::clamp(spec.jitter, 0.0, 1.0))},
      kind_{spec.kind} {
  assert(interval_ > 0);
  const std::int64_t begin = start.time_since_epoch().count();
  // RFC 3432 §4: the start is drawn at random, so that sessions and sites do not march in step.
  grid_ = begin + static_cast<std::int64_t>(uniform() * static_cast<double>(interval_));
  next_ = kind_ == ScheduleKind::poisson ? grid_ : grid_ + jitter();
}

std::int64_t Schedule::exponential() {
  const double gap = std::min(-std::log1p(-uniform()), longest_gap);
  return std::max<std::int64_t>(1, std::llround(gap * static_cast<double>(interval_)));
}

// Slots whose intended time has passed too. All slots but the last one under way are passed over in
// one go: their jitter does not matter any more.
std::uint64_t Schedule::skip_grid(std::int64_t too_late) {
  std::uint64_t missed = 0;
  if (const std::int64_t whole = (too_late - grid_) / interval_; whole > 0) {
    grid_ += whole * interval_;
    next_ = grid_ + jitter();
    missed = static_cast<std::uint64_t>(whole);
  }
  while (next_ <= too_late) {
    ++missed;
    step();
  }
  return missed;
}

std::uint64_t Schedule::skip_poisson(std::int64_t too_late) {
  // After a very long stall the exact number of slots is not worth drawing them one by one.
  constexpr std::int64_t draws = 100'000;
  std::uint64_t missed = 0;
  if (const std::int64_t expected = (too_late - next_) / interval_; expected > draws) {
    missed = static_cast<std::uint64_t>(expected);
    next_ = too_late;
  }
  while (next_ <= too_late) {
    ++missed;
    step();
  }
  return missed;
}

}  // namespace strait::probe
