// SPDX-License-Identifier: Apache-2.0
#include "core/clock.hpp"

#include <catch2/catch.hpp>

using namespace strait;
using namespace std::chrono_literals;

TEST_CASE("wall times print as RFC 3339 in UTC and parse back") {
  const auto text =
      GENERATE(as<std::string>{}, "2026-11-23T16:45:00Z", "2026-11-23T16:45:00.123Z",
               "1970-01-01T00:00:00Z", "2036-02-07T06:28:16Z", "2024-02-29T23:59:59.001Z");
  CAPTURE(text);
  const auto time = parse_wall_time(text);
  REQUIRE(time.has_value());
  CHECK(to_string(*time) == text);
}

TEST_CASE("what is no wall time is refused") {
  const auto text =
      GENERATE(as<std::string>{}, "", "2026-11-23", "2026-11-23T16:45:00", "2026-13-23T16:45:00Z",
               "2026-02-30T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T16:45:00+01:00",
               "2026-11-23T16:45:00.Z", "2026-11-23T16:45:00.1234567890Z", "2O26-11-23T16:45:00Z",
               "3026-11-23T16:45:00Z");
  CAPTURE(text);
  CHECK_FALSE(parse_wall_time(text).has_value());
}

TEST_CASE("the system clock's monotonic reading never runs backwards") {
  const SystemClock clock;
  const auto first = clock.now();
  const auto second = clock.now();
  CHECK(second.mono >= first.mono);
  CHECK(first.wall > *parse_wall_time("2020-01-01T00:00:00Z"));
}

TEST_CASE("a fake clock moves only when told, and its wall clock can step alone") {
  FakeClock clock{{MonoTime{1s}, WallTime{100s}}};
  clock.advance(5ms);
  clock.step_wall(-1s);
  CHECK(clock.now().mono == MonoTime{1s + 5ms});
  CHECK(clock.now().wall == WallTime{99s + 5ms});
}
