// SPDX-License-Identifier: Apache-2.0
#include "analyzer/inbound.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "tests/analyzer/windows.hpp"

using namespace strait;
using namespace strait::analyzer;
using test::millis;
using test::minute;
using test::ms;
using test::path;
using test::start;

namespace {

// Replies to "ours" come as traffic does; those to "a" and "b" by their own upstreams.
const InboundClass europe{
    .traffic_class = "europe", .ordinary = {{"ours", "paris"}}, .comes_back = {"a", "b"}};
const std::vector<Target> targets{{.name = "paris", .traffic_class = "europe"},
                                  {.name = "tunis", .traffic_class = "africa"}};
const std::vector<routes::Path> paths{path("ours"), path("a", 4), path("b", 4)};

struct Place {
  std::mt19937_64 random{7};  // NOLINT(bugprone-random-generator-seed)
  std::vector<Window> windows;
  int minutes = 0;

  Window& add(const std::string& name, Nanos reverse, int count = 200) {
    Window window = test::WindowBuilder(name, "paris", minutes)
                        .noisy(random, 3 * reverse, ms / 5, count);  // a round trip decides nothing
    std::exponential_distribution<double> wait{1.0 / 200'000};
    for (int i = 0; i < count; ++i) {
      window.reverse.record(reverse + Nanos{static_cast<Nanos::rep>(wait(random))}, 1);
    }
    window.clocks = {
        .state = ClockState::usable, .error = ms / 2, .raw_forward = {}, .raw_reverse = {}};
    windows.push_back(window);
    return windows.back();
  }
  void minute_of(double ours, double a, double b) {
    add("ours", millis(ours));
    add("a", millis(a));
    add("b", millis(b));
    ++minutes;
  }
  [[nodiscard]] WallTime now() const { return start + minutes * minute; }
  [[nodiscard]] Network network() const { return {targets, paths, {}}; }
  [[nodiscard]] InboundAnswer judge(const DecisionOptions& options = {}) const {
    return judge_inbound(reverse_windows(windows, europe).windows, network(), europe, options,
                         now());
  }
};

}  // namespace

TEST_CASE("the way in that is surely faster is preferred, whatever the round trips are") {
  Place place;
  for (int i = 0; i < 12; ++i) place.minute_of(20, 20.1, 9);
  const InboundAnswer answer = place.judge();
  CHECK(answer.verdict.ruling == Ruling::prefer);
  CHECK(answer.verdict.path == "b");
  CHECK(answer.verdict.previous == std::string{as_it_comes});
  REQUIRE(answer.verdict.gain);
  CHECK(*answer.verdict.gain > millis(10.5));
  CHECK(*answer.verdict.gain < millis(11.5));
  CHECK(answer.comes_by == "a");  // whose delay it has
}

TEST_CASE("a better way in is told as long as the traffic does not come by it") {
  const auto [repeat, of] = GENERATE(table<unsigned, unsigned>({{3, 3}, {2, 3}, {1, 5}}));
  CAPTURE(repeat, of);
  DecisionOptions options;
  options.repeat = repeat;
  options.repeat_of = of;
  Place place;
  for (int i = 0; i < 12; ++i) place.minute_of(20, 20.1, 9);
  for (int i = 0; i < 6; ++i) {
    place.minute_of(20, 20.1, 9);
    const InboundAnswer answer = place.judge(options);
    CHECK(answer.verdict.ruling == Ruling::prefer);
    CHECK(answer.verdict.path == "b");
    REQUIRE(answer.verdict.gain_low);
    CHECK(*answer.verdict.gain_low > millis(10));
    CHECK(answer.verdict.gain.value() < millis(11.5));
  }
}

TEST_CASE("traffic that comes by the best way stays as it is") {
  Place place;
  for (int i = 0; i < 12; ++i) place.minute_of(9, 20, 9);
  const InboundAnswer answer = place.judge();
  CHECK(answer.verdict.ruling == Ruling::keep);
  CHECK(answer.verdict.path == std::string{as_it_comes});
  CHECK(answer.comes_by == "b");
}

TEST_CASE("by which of two equal ways traffic comes is not guessed") {
  Place place;
  for (int i = 0; i < 12; ++i) place.minute_of(9, 9, 9);
  CHECK_FALSE(place.judge().comes_by);
}

TEST_CASE(
    "a way that is off by more than half of what would be worth a change is not the traffic's") {
  const auto [a, is_it] = GENERATE(table<double, bool>(
      {{9.3, true}, {8.7, true}, {9.7, false}, {8.3, false}}));  // min_gain is 1 ms
  CAPTURE(a);
  Place place;
  for (int i = 0; i < 12; ++i) place.minute_of(9, a, 20);
  CHECK(place.judge().comes_by.has_value() == is_it);
}

TEST_CASE("an error that both clocks make on all ways moves no decision") {
  Place place;
  for (int i = 0; i < 12; ++i) place.minute_of(20 + i, 20 + i, 9 + i);  // a minute more, 1 ms more
  const InboundAnswer answer = place.judge();
  CHECK(answer.verdict.path == "b");
  CHECK(answer.verdict.gain.value_or(Nanos{}) > millis(10.5));
}

TEST_CASE("windows whose clocks allow no one-way delay are left out and counted") {
  Place place;
  for (int i = 0; i < 12; ++i) place.minute_of(20, 20, 9);
  for (Window& window : place.windows) {
    if (window.session.path == "b") window.clocks.state = ClockState::far_unsynchronised;
  }
  const ReverseWindows seen = reverse_windows(place.windows, europe);
  CHECK(seen.no_clocks == 12);
  CHECK(seen.windows.size() == 24);
  CHECK(place.judge().verdict.ruling != Ruling::prefer);
}

TEST_CASE("only what a counting reflector answered in vain is lost on the way back") {
  Place place;
  Window& counted = place.add("a", millis(9));
  counted.counts.lost = 7;
  counted.counts.sent += 7;
  counted.counts.errors["lost-reverse"] = 3;
  counted.far.counts = true;
  place.add("b", millis(9)).counts.lost = 7;
  const ReverseWindows seen = reverse_windows(place.windows, europe);
  REQUIRE(seen.windows.size() == 2);
  CHECK(seen.windows[0].counts.lost == 3);
  CHECK(seen.windows[0].counts.sent == 203);
  CHECK(seen.windows[1].counts.lost == 0);
  CHECK(seen.loss_unseen == 1);
}

TEST_CASE("of several ordinary sessions of a target one stands for the traffic") {
  InboundClass twice = europe;
  twice.ordinary.emplace("zz", "paris");
  Place place;
  place.add("ours", millis(9));
  place.add("zz", millis(9));
  const ReverseWindows seen = reverse_windows(place.windows, twice);
  REQUIRE(seen.windows.size() == 1);
  CHECK(seen.windows[0].session.path == as_it_comes);
  CHECK(seen.windows[0].uncertainty == ms / 2);  // what the clocks may be off by
}

TEST_CASE("a delay below the segments' floor, once, is none") {
  Place place;
  for (int i = 0; i < 12; ++i) place.minute_of(20, 20, 2.5);  // the floor of b is 4 ms
  CHECK(place.judge().verdict.path != "b");
  Place above;
  for (int i = 0; i < 12; ++i) above.minute_of(20, 20, 4.5);  // twice the floor would be 8 ms
  CHECK(above.judge().verdict.path == "b");
}

TEST_CASE("a way in that a policy forbids to the class is not preferred") {
  DecisionOptions options;
  options.policies.push_back(
      {.traffic_class = "europe", .allow_transit = {}, .avoid_transit = {"DZ"}, .objective = {}});
  std::vector<routes::Path> through{paths};
  for (routes::Path& each : through) each.countries = {"MA", each.name == "b" ? "DZ" : "ES"};
  Place place;
  for (int i = 0; i < 12; ++i) place.minute_of(20, 15, 9);
  const auto seen = reverse_windows(place.windows, europe);
  const auto answer =
      judge_inbound(seen.windows, {targets, through, {}}, europe, options, place.now());
  CHECK(answer.verdict.path == "a");
}

TEST_CASE("a class without targets or windows gets a sentence and no number") {
  const Place place;
  CHECK(place.judge().verdict.ruling == Ruling::insufficient);
  const InboundClass asia{.traffic_class = "asia", .ordinary = {}, .comes_back = {"a"}};
  const auto answer = judge_inbound({}, place.network(), asia, {}, place.now());
  CHECK(answer.verdict.ruling == Ruling::insufficient);
  CHECK_FALSE(answer.verdict.reason.empty());
  CHECK_FALSE(answer.verdict.gain);
}

TEST_CASE("what a change of announcements did is told without what both ways have in common") {
  Place place;
  for (int i = 0; i < 12; ++i) place.minute_of(20, 20, 9);
  const WallTime made = place.now() + minute / 2;
  place.minute_of(15, 20, 9);  // the minute of the change is in neither side
  const auto effects = [&] {
    return inbound_effects(reverse_windows(place.windows, europe).windows, place.network(), europe,
                           {}, made, place.now());
  };
  CHECK_FALSE(effects().at(1).change);
  for (int i = 0; i < 12; ++i) place.minute_of(12, 23, 12);  // all 3 ms later, and ours by b
  const auto after = effects();
  REQUIRE(after.size() == 2);
  CHECK(after[1].path == "b");
  REQUIRE(after[1].change);
  CHECK(*after[1].change > millis(-11.5));
  CHECK(*after[1].change < millis(-10.5));
  REQUIRE((after[1].low && after[1].high));
  REQUIRE((after[1].before.low && after[1].before.high && after[1].after.low));
  REQUIRE(after[1].after.high);
  CHECK(*after[1].low < *after[1].change);
  CHECK(*after[1].high > *after[1].change);
  CHECK(*after[1].high < millis(-10));
  CHECK(after[1].low == *after[1].after.low - *after[1].before.high);
  CHECK(after[1].high == *after[1].after.high - *after[1].before.low);
  // Nine pairs at 97.5 %: from the first to the last of them.
  REQUIRE(after[1].before.differences.size() == 9);
  CHECK(after[1].before.low->count() == std::llround(after[1].before.differences.front()));
}
