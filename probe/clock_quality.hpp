// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/duration.hpp"

struct timex;

namespace strait::probe {

// How far this machine's wall clock can be from UTC.
struct ClockQuality {
  bool synchronised = false;  // to UTC, by an external source
  Nanos max_error{};          // upper bound of the offset; meaningful when synchronised
  // A leap second is announced, under way or just over: the kernel sets the clock by a second,
  // other machines spread that over a day, and neither is in max_error.
  bool leap_second = false;

  friend bool operator==(const ClockQuality&, const ClockQuality&) = default;
};

// What adjtimex(2) says: `state` is its return value. Pure.
[[nodiscard]] ClockQuality clock_quality(const timex& clock, int state);

// Asks the kernel. A kernel that does not answer leaves the clock unsynchronised.
[[nodiscard]] ClockQuality read_clock_quality();

}  // namespace strait::probe
