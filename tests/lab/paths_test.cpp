// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/paths.hpp"

#include <catch2/catch.hpp>

#include "tests/lab/delay_line.hpp"
#include "tests/lab/frames.hpp"

using namespace strait;
using namespace strait::lab;
using namespace strait::lab::test;
using namespace std::chrono_literals;

namespace {

constexpr WallTime start{1'000'000s};
const Frame to_europe = ipv4("100.64.1.2", "198.18.64.10");
const Frame to_upstream = ipv4("100.64.1.2", "100.64.1.1");
const Frame arp = ethernet(0x0806);

Paths one_path() {
  Paths paths{1};
  REQUIRE(paths.add("atlas").has_value());
  const auto set = parse_command("set atlas both 198.18.64.0/18 delay=9ms");
  REQUIRE(paths.change(std::get<SetProfile>(*set)).has_value());
  return paths;
}

Fate fate(Paths& paths, const Frame& frame) {
  return paths.rule(0, Direction::out, frame, start).fate;
}

}  // namespace

TEST_CASE("a packet for a region is due after the region's delay, the link's own at once") {
  Paths paths = one_path();
  CHECK(paths.rule(0, Direction::out, to_europe, start).due == start + 9ms);
  CHECK(paths.rule(0, Direction::out, to_upstream, start).due == start);
  CHECK(paths.rule(0, Direction::out, arp, start).due == start);
}

TEST_CASE("a cut spares the link to the upstream, a hard cut does not") {
  Paths paths = one_path();
  struct Case {
    const char* line;
    Fate europe;
    Fate upstream;
    Fate arp;
  };
  const auto c = GENERATE(values<Case>({
      {"repair atlas", Fate::forward, Fate::forward, Fate::forward},
      {"cut atlas", Fate::blackholed, Fate::forward, Fate::forward},
      {"cut atlas hard", Fate::blackholed, Fate::blackholed, Fate::blackholed},
  }));
  CAPTURE(c.line);
  const auto command = parse_command(c.line).value();
  const Change change = std::holds_alternative<Cut>(command) ? Change{std::get<Cut>(command)}
                                                             : Change{std::get<Repair>(command)};
  REQUIRE(paths.change(change).has_value());
  CHECK(fate(paths, to_europe) == c.europe);
  CHECK(fate(paths, to_upstream) == c.upstream);
  CHECK(fate(paths, arp) == c.arp);

  REQUIRE(paths.change(Repair{"atlas"}).has_value());
  CHECK(fate(paths, to_europe) == Fate::forward);
}

TEST_CASE("a shorter delay does not let a packet overtake the one in front of it") {
  Paths paths = one_path();
  const auto first = paths.rule(0, Direction::out, to_europe, start);
  const auto faster = parse_command("set atlas out 198.18.64.0/18 delay=1ms").value();
  REQUIRE(paths.change(std::get<SetProfile>(faster)).has_value());
  CHECK(paths.rule(0, Direction::out, to_europe, start + 1ms).due == first.due);
  CHECK(paths.rule(0, Direction::out, to_europe, start + 20ms).due == start + 21ms);
}

TEST_CASE("a change for a path that is not there is refused") {
  Paths paths = one_path();
  CHECK_FALSE(paths.change(Cut{.path = "loukkos", .hard = false}).has_value());
  CHECK_FALSE(paths.change(Repair{"loukkos"}).has_value());
  CHECK_FALSE(paths.add("atlas").has_value());
}

TEST_CASE("the truth is the median of what was really applied, of late") {
  Paths paths = one_path();
  const auto packet = paths.rule(0, Direction::out, to_europe, start).packet;
  for (int ms = 1; ms <= 100; ++ms) paths.record_sent(packet, start, start + ms * 1ms);
  AskTruth question{.path = "atlas", .direction = Direction::out, .key = {}, .last = 1h};
  question.key = parse_prefix("198.18.64.0/18").value();
  CHECK(paths.truth(question, start + 100ms).value() == "n=100 p50_ns=50000000 p95_ns=95000000\n");
  question.last = 10ms;  // those sent after 90 ms
  CHECK(paths.truth(question, start + 100ms).value() == "n=10 p50_ns=95000000 p95_ns=100000000\n");
  question.direction = Direction::back;
  CHECK(paths.truth(question, start + 100ms).value() == "n=0\n");
  question.path = "loukkos";
  CHECK_FALSE(paths.truth(question, start).has_value());
}

TEST_CASE("a packet that is held back is overtaken, and counted where it leaves") {
  Paths paths = one_path();
  const auto rule = [&](const char* line, WallTime arrived) {
    const auto set = parse_command(line).value();
    REQUIRE(paths.change(std::get<SetProfile>(set)).has_value());
    return paths.rule(0, Direction::out, to_europe, arrived);
  };
  const auto held = rule("set atlas out 198.18.64.0/18 reorder=1 hold=5ms", start);
  const auto next = rule("set atlas out 198.18.64.0/18 reorder=0 duplicate=1", start + 1ms);
  const auto last = rule("set atlas out 198.18.64.0/18 duplicate=0", start + 2ms);
  CHECK(held.due == start + 14ms);
  CHECK(next.due == start + 10ms);
  CHECK(last.due == start + 11ms);
  CHECK(next.twice);
  CHECK_FALSE(held.twice);
  auto copy = next.packet;
  copy.copy = true;
  for (const auto& packet : {next.packet, copy, last.packet, held.packet}) {
    paths.record_sent(packet, start, start + 10ms);
  }
  CHECK_THAT(paths.stats(), Catch::Contains("received=3 sent=4 lost=0 blackholed=0 duplicated=1 "
                                            "overtaken=1"));
}

TEST_CASE("the delay line gives frames in the order in which they are due") {
  DelayLine line;
  CHECK_FALSE(line.next_due().has_value());
  const auto hold = [&](std::chrono::milliseconds due, std::size_t lane) {
    line.push({.arrived = start, .due = start + due, .port = 0, .packet = {lane}, .frame = {}});
  };
  hold(3ms, 0);
  hold(1ms, 1);
  hold(2ms, 2);
  hold(1ms, 3);
  CHECK(line.next_due() == start + 1ms);
  CHECK_FALSE(line.pop(start).has_value());
  std::vector<std::size_t> order;
  while (const auto held = line.pop(start + 2ms)) order.push_back(held->packet.lane);
  CHECK(order == std::vector<std::size_t>{1, 3, 2});
  CHECK(line.size() == 1);
}
