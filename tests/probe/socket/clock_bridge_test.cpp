// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/clock_bridge.hpp"

#include <catch2/catch.hpp>

using namespace strait;
using std::chrono::milliseconds;
using std::chrono::seconds;
using strait::probe::kernel::ClockBridge;

namespace {

const Instant start{MonoTime{seconds{100}}, WallTime{seconds{1'800'000'000}}};

timespec realtime(WallTime wall) {
  const auto whole = std::chrono::floor<seconds>(wall.time_since_epoch());
  return {.tv_sec = whole.count(), .tv_nsec = (wall.time_since_epoch() - whole).count()};
}

}  // namespace

TEST_CASE("a kernel stamp is put on both clocks by the difference of the two") {
  FakeClock clock{start};
  ClockBridge bridge{clock};
  bridge.sample();
  const auto stamp = bridge.convert(realtime(start.wall - milliseconds{3}), StampSource::kernel);
  REQUIRE(stamp.has_value());
  CHECK(stamp->mono == start.mono - milliseconds{3});
  CHECK(stamp->wall == start.wall - milliseconds{3});
  CHECK(stamp->source == StampSource::kernel);
}

TEST_CASE("a stamp from the future or from long ago is not believed") {
  const auto age = GENERATE(values<Nanos>({seconds{61}, -milliseconds{1}}));
  FakeClock clock{start};
  ClockBridge bridge{clock};
  bridge.sample();
  CHECK_FALSE(bridge.convert(realtime(start.wall - age), StampSource::kernel).has_value());
}

TEST_CASE("after a step of the wall clock no stamp is converted for a second") {
  FakeClock clock{start};
  ClockBridge bridge{clock};
  bridge.sample();
  clock.step_wall(milliseconds{-50});
  bridge.sample();
  CHECK(bridge.steps() == 1);
  CHECK_FALSE(bridge.convert(realtime(clock.now().wall), StampSource::kernel).has_value());
  clock.advance(milliseconds{1001});
  bridge.sample();
  CHECK(bridge.steps() == 1);
  CHECK(bridge.convert(realtime(clock.now().wall), StampSource::kernel).has_value());
}

TEST_CASE("a slew of the wall clock is not a step") {
  FakeClock clock{start};
  ClockBridge bridge{clock};
  for (int i = 0; i < 100; ++i) {
    bridge.sample();
    clock.advance(seconds{1});
    clock.step_wall(std::chrono::microseconds{500});
  }
  CHECK(bridge.steps() == 0);
}
