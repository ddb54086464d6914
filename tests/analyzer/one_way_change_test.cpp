// SPDX-License-Identifier: Apache-2.0
#include "analyzer/one_way_change.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <vector>

namespace strait::analyzer {
namespace {

using namespace std::chrono_literals;

constexpr WallTime start{1'795'000'000s};

// Minutes between two clocks, 9 h and a drift apart.
struct World {
  double drift = 0;   // seconds in a second
  Nanos offset = 9h;  // of the far clock
  Nanos forward = 10ms;
  Nanos reverse = 12ms;
  Nanos noise = 40us;  // of a window's least
  std::mt19937 random{1};
  std::vector<Window> windows{};

  void minutes(int count) {
    std::uniform_int_distribution<std::int64_t> queue{0, noise.count()};
    for (int i = 0; i < count; ++i) {
      Window window;
      window.session = {.path = "a", .target = "t", .protocol = Protocol::stamp};
      window.start = start + windows.size() * 60s;
      window.length = 60s;
      const double seconds = static_cast<double>(windows.size()) * 60;
      const Nanos apart = offset + Nanos{static_cast<std::int64_t>(drift * seconds * 1e9)};
      window.clocks = {.state = ClockState::far_unsynchronised,
                       .error = {},
                       .raw_forward = forward + apart + Nanos{queue(random)},
                       .raw_reverse = reverse - apart + Nanos{queue(random)}};
      windows.push_back(std::move(window));
    }
  }
};

bool near(Nanos value, Nanos wanted, Nanos error) {
  return std::chrono::abs(value - wanted) <= error;
}

TEST_CASE("a change of one direction is told from drift and noise, whatever the offset") {
  struct Case {
    Nanos forward;
    Nanos reverse;
    OneWayShift shift;
  };
  const auto c = GENERATE(values<Case>({{0ms, 0ms, OneWayShift::unchanged},
                                        {3ms, 0ms, OneWayShift::changed},
                                        {0ms, 3ms, OneWayShift::changed},
                                        {0ms, -2ms, OneWayShift::changed},
                                        {5ms, 2ms, OneWayShift::changed},
                                        {3ms, -3ms, OneWayShift::ambiguous},
                                        {4ms, -3ms, OneWayShift::ambiguous}}));
  const double drift = GENERATE(0.0, 50e-6, -200e-6);
  const int before = GENERATE(8, 60, 300);
  CAPTURE(c.forward.count(), c.reverse.count(), drift, before);
  World world{.drift = drift};
  world.minutes(before);
  world.forward += c.forward;
  world.reverse += c.reverse;
  world.minutes(1);
  const OneWayChange change = one_way_change(world.windows);
  CHECK(to_string(change.shift) == to_string(c.shift));
  CHECK(near(change.forward, c.forward, change.error));
  CHECK(near(change.reverse, c.reverse, change.error));
  CHECK(change.error < 1ms);
  CHECK(change.drift == Approx(drift).margin(1e-6));
  CHECK(change.at == start + before * 60s + 30s);
}

TEST_CASE("a far clock that is set is no change of delay, and begins a new reference") {
  const auto set = GENERATE(-40ms, 5ms, 3'600'000ms);
  CAPTURE(set.count());
  World world{.drift = 50e-6};
  world.minutes(30);
  world.offset += set;
  world.minutes(1);
  CHECK(one_way_change(world.windows).shift == OneWayShift::ambiguous);
  world.minutes(3);
  CHECK(one_way_change(world.windows).shift == OneWayShift::too_few);
  world.minutes(20);
  const OneWayChange calm = one_way_change(world.windows);
  CHECK(calm.shift == OneWayShift::unchanged);
  CHECK(calm.steps == 1);
  world.reverse += 3ms;
  world.minutes(1);
  const OneWayChange change = one_way_change(world.windows);
  CHECK(change.shift == OneWayShift::changed);
  CHECK(near(change.reverse, 3ms, change.error));
}

TEST_CASE("one window beside the others begins no new reference") {
  World world;
  world.minutes(30);
  world.offset += 5ms;
  world.minutes(1);
  world.offset -= 5ms;
  world.minutes(10);
  const OneWayChange change = one_way_change(world.windows);
  CHECK(change.shift == OneWayShift::unchanged);
  CHECK(change.steps == 0);
}

TEST_CASE("a noisy path is said to be so, and gives no false alarm") {
  int alarms = 0;
  for (unsigned seed = 1; seed <= 200; ++seed) {
    World world{.drift = 20e-6, .noise = 8ms, .random = std::mt19937{seed}};
    world.minutes(40);
    const OneWayChange change = one_way_change(world.windows);
    if (change.shift != OneWayShift::unchanged) ++alarms;
    CHECK(change.error > 2ms);
  }
  CHECK(alarms <= 2);
}

TEST_CASE("too few windows say nothing, and those of ICMP are passed over") {
  World world;
  world.minutes(static_cast<int>(least_reference));
  CHECK(one_way_change(world.windows).shift == OneWayShift::too_few);
  CHECK(one_way_change({}).shift == OneWayShift::too_few);
  world.minutes(1);
  CHECK(one_way_change(world.windows).shift == OneWayShift::unchanged);

  Window icmp;
  icmp.session = {.path = "b", .target = "t", .protocol = Protocol::icmp};
  world.windows.push_back(icmp);
  std::ranges::reverse(world.windows);
  const auto changes = one_way_changes(world.windows);
  REQUIRE(changes.size() == 1);
  CHECK(changes.front().session.path == "a");
  CHECK(changes.front().shift == OneWayShift::unchanged);
}

}  // namespace
}  // namespace strait::analyzer
