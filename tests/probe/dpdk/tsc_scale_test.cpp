// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cmath>

#include "probe/dpdk/tsc_clock.hpp"

using namespace strait;
using namespace strait::probe::dpdk;
using namespace std::chrono_literals;

namespace {

// A machine whose TSC runs at `hertz`, with a kernel that lets CLOCK_MONOTONIC run `slew` faster.
struct Machine {
  double hertz = 2'445'434'084.8;
  double slew = 0;
  std::int64_t wall_offset = 1'700'000'000'000'000'000;
  std::int64_t mono_extra = 0;

  [[nodiscard]] ClockReading at(double seconds) const {
    const auto raw = static_cast<std::int64_t>(seconds * 1e9);
    const auto mono = static_cast<std::int64_t>(seconds * (1 + slew) * 1e9) + mono_extra;
    return {1'000'000 + static_cast<std::uint64_t>(std::llround(seconds * hertz)), raw, mono,
            mono + wall_offset};
  }
};

std::int64_t error_at(const TscScale& scale, const Machine& machine, double seconds) {
  const auto reading = machine.at(seconds);
  return scale.at(reading.tsc).mono.time_since_epoch().count() - reading.monotonic;
}

}  // namespace

TEST_CASE("the rate is the machine's, not a round one") {
  const Machine machine;
  const TscScale scale{machine.at(10), machine.at(10.1)};
  CHECK(scale.hertz() == Approx(machine.hertz).epsilon(1e-7));
  // 17 ms of ticks are 17.000 ms: a rate rounded to 10 MHz would make 16.968 ms of them.
  const auto ticks = static_cast<std::uint64_t>(0.017 * machine.hertz);
  CHECK(std::abs((scale.length(ticks) - 17ms).count()) < 10);
}

TEST_CASE("the clock follows CLOCK_MONOTONIC without a step, also while NTP slews it") {
  Machine machine;
  machine.slew = GENERATE(0.0, 40e-6, -500e-6);
  CAPTURE(machine.slew);
  TscScale scale{machine.at(10), machine.at(10.1)};
  for (double time = 11; time < 40; time += 1) {
    const auto reading = machine.at(time);
    const auto before = scale.at(reading.tsc);
    scale.adjust(reading);
    const auto after = scale.at(reading.tsc);
    CHECK(std::abs((after.mono - before.mono).count()) <= 1);
    CHECK(std::abs(error_at(scale, machine, time + 0.5)) < 1000);
  }
  CHECK(std::abs(error_at(scale, machine, 40)) < 100);
  CHECK(scale.jumps() == 0);
  CHECK(scale.hertz() == Approx(machine.hertz).epsilon(1e-9));
}

TEST_CASE("a step of the wall clock is taken over and counted, the monotonic clock stays") {
  Machine machine;
  TscScale scale{machine.at(10), machine.at(10.1)};
  scale.adjust(machine.at(11));
  CHECK(scale.wall_steps() == 0);
  machine.wall_offset += 5'000'000;
  scale.adjust(machine.at(12));
  CHECK(scale.wall_steps() == 1);
  CHECK(scale.jumps() == 0);
  const auto reading = machine.at(12.5);
  CHECK(std::abs((scale.at(reading.tsc).wall.time_since_epoch() - Nanos{reading.wall}).count()) <
        1000);
}

TEST_CASE("a machine that was suspended makes the clock jump once") {
  Machine machine;
  TscScale scale{machine.at(10), machine.at(10.1)};
  scale.adjust(machine.at(11));
  machine.mono_extra = 3'000'000'000;
  scale.adjust(machine.at(12));
  CHECK(scale.jumps() == 1);
  scale.adjust(machine.at(13));
  CHECK(scale.jumps() == 1);
  CHECK(std::abs(error_at(scale, machine, 13.5)) < 1000);
}

TEST_CASE("times before the last reading are before it") {
  const Machine machine;
  const TscScale scale{machine.at(10), machine.at(10.1)};
  CHECK(std::abs(error_at(scale, machine, 10.05)) < 100);
}
