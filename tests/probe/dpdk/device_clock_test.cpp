// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/device_clock.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>

using strait::probe::dpdk::DeviceClock;

namespace {

constexpr std::uint64_t hertz = 2'445'434'085;  // of the TSC
constexpr std::uint64_t step = hertz / 1000;

// A counter of nanoseconds that runs 30 ppm fast.
std::uint64_t counter_at(std::uint64_t tsc) {
  return 1'700'000'000'000'000'000 +
         static_cast<std::uint64_t>(static_cast<double>(tsc) * 1e9 / hertz * 1.00003);
}

DeviceClock::Reading reading(std::uint64_t tsc) { return {tsc, counter_at(tsc), 1000}; }

}  // namespace

TEST_CASE("a counter of another rate is told in ticks of the TSC, to its reading error") {
  DeviceClock clock{reading(5 * hertz)};
  CHECK_FALSE(clock.to_tsc(counter_at(5 * hertz)));
  for (std::uint64_t second = 6; second < 100; ++second)
    clock.adjust(reading(second * hertz), step);
  const std::uint64_t tsc = 99 * hertz + hertz / 3;
  const auto told = clock.to_tsc(counter_at(tsc));
  REQUIRE(told);
  CHECK(std::llabs(static_cast<long long>(*told - tsc)) < 1000);
  CHECK(clock.error() >= 500);
  CHECK(clock.error() < 2000);
  // Also from before the newest reading: a packet waits in the ring.
  const std::uint64_t earlier = 98 * hertz + hertz / 2;
  CHECK(std::llabs(static_cast<long long>(*clock.to_tsc(counter_at(earlier)) - earlier)) < 1000);
}

TEST_CASE("a counter that is set is a step, and gives nothing until its rate is known again") {
  DeviceClock clock{reading(5 * hertz)};
  clock.adjust(reading(6 * hertz), step);
  REQUIRE(clock.to_tsc(counter_at(6 * hertz)));
  auto moved = reading(7 * hertz);
  moved.counter += 2'000'000;
  clock.adjust(moved, step);
  CHECK(clock.steps() == 1);
  CHECK_FALSE(clock.to_tsc(moved.counter));
  auto next = reading(8 * hertz);
  next.counter += 2'000'000;
  clock.adjust(next, step);
  CHECK(clock.steps() == 1);
  CHECK(clock.to_tsc(next.counter) == 8 * hertz);
}

TEST_CASE("drift between readings is in the error") {
  DeviceClock clock{reading(5 * hertz)};
  clock.adjust(reading(6 * hertz), step);
  auto drifted = reading(7 * hertz);
  drifted.counter += 40'000;  // 40 us
  clock.adjust(drifted, step);
  CHECK(clock.steps() == 0);
  CHECK(clock.error() > 90'000);
}
