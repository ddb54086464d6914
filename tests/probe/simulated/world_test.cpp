// SPDX-License-Identifier: Apache-2.0
#include "probe/simulated/world.hpp"

#include <catch2/catch.hpp>

#include "tests/probe/simulated/scenarios.hpp"

using namespace strait;
using namespace strait::probe::simulated;
using namespace strait::probe::simulated::test;

TEST_CASE("a cut path does not answer until it is repaired") {
  Scenario scenario = two_paths();
  scenario.events = {on_paths(Happening::cut, {"near"})};
  const World world{scenario};
  CHECK(world.true_delay("near", "paris", start).answers);
  CHECK_FALSE(world.true_delay("near", "paris", start + hours{1}).answers);
  CHECK(world.true_delay("far", "paris", start + hours{1}).answers);
  CHECK(world.true_delay("near", "paris", start + hours{2}).answers);
}

TEST_CASE("the load of a cut path queues on those that are left, in proportion to their capacity") {
  Scenario scenario = two_paths();
  scenario.paths.push_back(path("wide"));
  scenario.paths[0].capacity = scenario.paths[1].capacity = 100;
  scenario.paths[2].capacity = 300;
  scenario.paths[0].load = 80;
  scenario.paths[1].load = 70;
  scenario.paths[2].load = 30;
  scenario.events = {on_paths(Happening::cut, {"near"})};
  const World world{scenario};
  const auto before = world.weather(start);
  const auto after = world.weather(start + hours{1});
  CHECK(after[0].load == 0);
  CHECK(after[1].load == Approx(70 + 80 * 0.25));
  CHECK(after[2].load == Approx(30 + 80 * 0.75));
  CHECK(after[1].queue_ns > 3 * before[1].queue_ns);
}

TEST_CASE("more than the capacity fills the buffer and loses what does not fit") {
  Scenario scenario = two_paths();
  scenario.paths[0].capacity = 100;
  scenario.paths[0].load = 125;
  const Weather weather = World{scenario}.weather(start)[0];
  CHECK(weather.full);
  CHECK(weather.loss == Approx(0.2));
  CHECK(weather.queue_ns == Approx(50e6));
}

TEST_CASE("demand peaks at the peak's hour and is less at the weekend") {
  Scenario scenario = two_paths();
  scenario.paths[0].capacity = 100;
  scenario.paths[0].load = 50;
  scenario.demand = {.swing = 0.4, .peak_hour = 21, .weekend = 0.5};
  const World world{scenario};
  const WallTime peak = start + hours{9};
  CHECK(world.weather(peak)[0].load == Approx(70));
  CHECK(world.weather(peak + hours{12})[0].load == Approx(30));
  CHECK(world.weather(peak + hours{72})[0].load == Approx(35));  // a Saturday
}

TEST_CASE("each kind of event changes what it is about, for whom it is about, and nothing else") {
  struct Case {
    EventModel event;
    Nanos near_longer;
    Nanos far_longer;
    double near_loss;
    Nanos offset;
  };
  EventModel shift = on_paths(Happening::shift, {"near"});
  shift.size = milliseconds{-2};
  EventModel elsewhere = shift;
  elsewhere.targets = {"lagos"};
  EventModel loss = on_paths(Happening::loss, {"near"});
  loss.loss = 0.25;
  EventModel member = on_paths(Happening::one_member, {"far"});
  member.size = milliseconds{1};
  EventModel other_member = member;
  other_member.member = 1;
  const auto c = GENERATE_COPY(values<Case>({
      {shift, milliseconds{-2}, {}, 0, {}},
      {elsewhere, {}, {}, 0, {}},
      {loss, {}, {}, 0.25, {}},
      {member, {}, milliseconds{1}, 0, {}},
      {other_member, {}, {}, 0, {}},
      {on_target(Happening::clock_step, milliseconds{5}), {}, {}, 0, milliseconds{5}},
      {on_target(Happening::clock_drift, microseconds{10}), {}, {}, 0, microseconds{18'000}},
  }));
  CAPTURE(to_string(c.event.kind));
  Scenario scenario = two_paths();
  scenario.events = {c.event};
  const World world{scenario};
  const WallTime during = start + minutes{90};
  const auto near = world.true_delay("near", "paris", during);
  CHECK(near.minimum == milliseconds{20} + c.near_longer);
  CHECK(near.loss == Approx(c.near_loss));
  CHECK(world.true_delay("far", "paris", during).minimum == milliseconds{30} + c.far_longer);
  CHECK(world.clock_offset(0, during) == c.offset);
}

TEST_CASE("a lie is in what is claimed and not in the truth") {
  Scenario scenario = two_paths();
  scenario.events = {on_target(Happening::lie, milliseconds{15})};
  const World world{scenario};
  const WallTime during = start + minutes{90};
  CHECK(world.true_delay("near", "paris", during).minimum == milliseconds{20});
  CHECK(world.seen(0, 0, 0, world.weather(during)[0], during).lie == milliseconds{15});
  CHECK(world.seen(1, 0, 0, world.weather(during)[1], during).lie == milliseconds{15});
  scenario.events.front().paths = {scenario.paths[1].name};
  const World over_one{scenario};
  CHECK(over_one.seen(0, 0, 0, over_one.weather(during)[0], during).lie == Nanos{});
  CHECK(over_one.seen(1, 0, 0, over_one.weather(during)[1], during).lie == milliseconds{15});
}

TEST_CASE("events happen in order of time, whatever order they are written in") {
  Scenario scenario = two_paths();
  EventModel later = on_paths(Happening::shift, {"near"});
  later.from += hours{3};
  later.to += hours{3};
  later.size = milliseconds{2};
  scenario.events = {later, on_target(Happening::lie, milliseconds{15})};
  const World world{scenario};
  const WallTime during = start + minutes{90};
  CHECK(world.seen(0, 0, 0, world.weather(during)[0], during).lie == milliseconds{15});
  CHECK(world.scenario().events.back().kind == Happening::shift);
}

TEST_CASE("the truth has every event, cut off at the end, and the congestion that nobody wrote") {
  Scenario scenario = two_paths();
  scenario.paths[0].capacity = scenario.paths[1].capacity = 100;
  scenario.paths[0].load = 60;
  scenario.paths[1].load = 55;
  EventModel cut = on_paths(Happening::cut, {"near"});
  cut.to = start + hours{9};
  scenario.events = {cut};
  const auto truths = World{scenario}.truths();
  REQUIRE(truths.size() == 2);
  CHECK(truths[0].kind == Happening::cut);
  CHECK(truths[0].to == scenario.end());
  CHECK(truths[1].kind == Happening::congestion);
  CHECK(truths[1].paths == std::vector<std::string>{"far"});
  CHECK(truths[1].from == start + hours{1});
  CHECK(truths[1].loss == Approx(1 - 1 / 1.15));
}
