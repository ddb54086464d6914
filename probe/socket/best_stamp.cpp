// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/best_stamp.hpp"

#include <chrono>

#include "probe/socket/tallies.hpp"

namespace strait::probe::kernel {
namespace {

// A card's clock further than this from the kernel's own stamp does not keep UTC.
constexpr Nanos card_clock_slack = std::chrono::microseconds{100};

Nanos distance(MonoTime a, MonoTime b) { return a > b ? a - b : b - a; }

}  // namespace

Stamp best_stamp(const IncomingControl& control, const ClockBridge& clock,
                 TransportCounters& counters) {
  const auto software =
      control.software ? clock.convert(*control.software, StampSource::kernel) : std::nullopt;
  const Stamp fallback = software.value_or(clock.user_stamp());
  if (control.software && !software) count(counters.errors, "stamp-off-clock");
  if (!control.hardware) return fallback;

  const auto hardware = clock.convert(*control.hardware, StampSource::hardware);
  if (hardware && distance(hardware->mono, fallback.mono) <= card_clock_slack) return *hardware;
  count(counters.errors, "hardware-clock-not-utc");
  return fallback;
}

}  // namespace strait::probe::kernel
