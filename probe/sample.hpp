// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bitset>
#include <optional>

#include "core/duration.hpp"
#include "core/window.hpp"
#include "probe/clock_quality.hpp"
#include "probe/error_kind.hpp"
#include "probe/stamp_packet.hpp"
#include "probe/transport.hpp"

namespace strait::probe {

// What our own clock allows.
struct ClockLimits {
  ClockQuality own;
  Nanos error_limit{1'000'000};  // one-way delays need both clocks to be at least so good
  Nanos step_limit{1'000'000};   // wall against monotonic time during one round trip
};

// What one reply says about the path, and what was found wrong on the way.
struct Sample {
  std::optional<Nanos> rtt;      // (T4 - T1) - (T3 - T2); for ICMP T4 - T1
  std::optional<Nanos> forward;  // T2 - T1
  std::optional<Nanos> reverse;  // T4 - T3
  ClockState clock = ClockState::untold;
  Nanos clock_error{};  // of forward and reverse
  // Likewise with T1 and T4 on the monotonic clock, whatever lies between that and the far clock.
  std::optional<Nanos> raw_forward;
  std::optional<Nanos> raw_reverse;
  std::bitset<error_kinds> problems;
};

// T1 and T4 are ours, taken from `sent` and `received`; `reply` (null for ICMP) gives T2 and T3 and
// is never asked for T1. `wire_time` is T1 as it was written into the probe: it only serves to see
// that a reflector put it in the wrong place.
[[nodiscard]] Sample measure(const Stamp& sent, WireTime wire_time, const Stamp& received,
                             const StampReply* reply, const ClockLimits& limits);

}  // namespace strait::probe
