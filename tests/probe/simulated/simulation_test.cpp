// SPDX-License-Identifier: Apache-2.0
#include "probe/simulated/simulation.hpp"

#include <catch2/catch.hpp>
#include <optional>

#include "tests/probe/simulated/scenarios.hpp"

using namespace strait;
using namespace strait::probe::simulated;
using namespace strait::probe::simulated::test;

namespace {

std::vector<Window> all_windows(Simulation simulation) {
  std::vector<Window> all;
  while (!simulation.done()) {
    for (Window& window : simulation.next()) all.push_back(std::move(window));
  }
  return all;
}

// Of one path, over [from, to).
Window merged(const std::vector<Window>& windows, std::string_view path, WallTime from,
              WallTime to) {
  std::optional<Window> sum;
  for (const Window& window : windows) {
    if (window.session.path != path || window.start < from || window.start >= to) continue;
    if (sum) {
      merge(*sum, window);
    } else {
      sum = window;
    }
  }
  REQUIRE(sum.has_value());
  return *sum;
}

double mean_ms(const Window& window) {
  REQUIRE(window.rtt.mean().has_value());
  return static_cast<double>(window.rtt.mean()->count()) * 1e-6;
}

}  // namespace

TEST_CASE("the same scenario and seed give the same windows, another seed gives others") {
  const auto first = all_windows(Simulation{two_paths(), 5});
  CHECK(first.size() == 2 * 240);
  CHECK(first == all_windows(Simulation{two_paths(), 5}));
  CHECK(first != all_windows(Simulation{two_paths(), 6}));
}

TEST_CASE("one more target changes nothing of the sessions that were there") {
  Scenario more = two_paths();
  more.targets.push_back(more.targets[0]);
  more.targets[1].name = "madrid";
  auto windows = all_windows(Simulation{more, 5});
  std::erase_if(windows, [](const Window& window) { return window.session.target == "madrid"; });
  CHECK(windows == all_windows(Simulation{two_paths(), 5}));
}

TEST_CASE("what is measured agrees with the truth: mean, minimum and loss") {
  Scenario scenario = two_paths();
  scenario.length = hours{24 * 8};
  scenario.paths[0].capacity = 100;
  scenario.paths[0].load = 95;
  scenario.paths[0].loss = 0.01;
  scenario.paths[0].heavy_tail = 0.1;
  scenario.paths[0].burst = BurstModel{.every = minutes{10}, .length = seconds{20}, .loss = 0.5};
  const Simulation simulation{scenario, 11};
  const TrueDelay truth = simulation.world().true_delay("near", "paris", start);
  const Window sum = merged(all_windows(simulation), "near", start, scenario.end());
  // Waits are alike over 10 minutes, so eight days are some 580 independent values: the mean wait,
  // about 2.5 ms, is known to 1.5 % (one standard deviation); 6 % is four.
  CHECK(mean_ms(sum) - 20 ==
        Approx(static_cast<double>((truth.mean - truth.minimum).count()) * 1e-6).epsilon(0.06));
  REQUIRE(sum.rtt.min().has_value());
  CHECK(*sum.rtt.min() >= truth.minimum);
  CHECK(*sum.rtt.min() < truth.minimum + microseconds{50});
  CHECK(static_cast<double>(sum.counts.lost) / static_cast<double>(sum.counts.sent) ==
        Approx(truth.loss).epsilon(0.1));
  CHECK(sum.counts.sent == sum.counts.received + sum.counts.lost);
}

TEST_CASE("losses of bursts come in rows, those by chance do not") {
  Scenario scenario = two_paths();
  scenario.paths[0].loss = 0.02;
  scenario.paths[1].burst = BurstModel{.every = minutes{49}, .length = minutes{1}, .loss = 1};
  const auto windows = all_windows(Simulation{scenario, 3});
  const auto clean = [&](std::string_view path) {
    return std::ranges::count_if(windows, [&](const Window& window) {
      return window.session.path == path && window.counts.lost == 0;
    });
  };
  CHECK(clean("near") < 120);  // 0.98^60 of 240 are 71
  CHECK(clean("far") > 200);   // five bursts or so
}

TEST_CASE("events show in the windows: a cut, a pause, an outage, a lie, missing windows") {
  Scenario scenario = two_paths();
  const auto hour = [&](const std::vector<Window>& windows, int which) {
    return merged(windows, "near", start + hours{which}, start + hours{which + 1});
  };
  SECTION("a cut loses everything of its path") {
    scenario.events = {on_paths(Happening::cut, {"near"})};
    const auto windows = all_windows(Simulation{scenario, 1});
    CHECK(hour(windows, 1).counts.lost == 3600);
    CHECK(hour(windows, 0).counts.lost == 0);
    CHECK(hour(windows, 2).counts.lost == 0);
  }
  SECTION("an outage of a target loses everything on every path") {
    scenario.events = {on_target(Happening::outage)};
    const auto windows = all_windows(Simulation{scenario, 1});
    CHECK(hour(windows, 1).rtt.empty());
    CHECK(merged(windows, "far", start + hours{1}, start + hours{2}).rtt.empty());
  }
  SECTION("a pause has no windows") {
    scenario.events = {on_paths(Happening::pause, {})};
    CHECK(all_windows(Simulation{scenario, 1}).size() == 2 * 180);
  }
  SECTION("a lie makes round trips shorter") {
    scenario.events = {on_target(Happening::lie, milliseconds{15})};
    const auto windows = all_windows(Simulation{scenario, 1});
    CHECK(mean_ms(hour(windows, 1)) == Approx(5.1).margin(0.05));
  }
  SECTION("a share of the windows is missing") {
    scenario.missing = 0.5;
    const auto count = all_windows(Simulation{scenario, 1}).size();
    CHECK(count > 180);
    CHECK(count < 300);
  }
}

TEST_CASE("each flow takes the way of its ECMP member") {
  Scenario scenario = two_paths();
  scenario.flows = 4;
  scenario.paths[0].members = {Nanos{}, milliseconds{3}};
  scenario.length = minutes{10};
  for (const Window& window : all_windows(Simulation{scenario, 1})) {
    CAPTURE(window.session.path, window.session.flow);
    CHECK(window.counts.sent == 15);
    const bool longer = window.session.path == "near" && window.session.flow % 2 == 1;
    const double least = (window.session.path == "near" ? 20 : 30) + (longer ? 3 : 0);
    CHECK(mean_ms(window) == Approx(least + 0.1).margin(0.15));
  }
}

TEST_CASE(
    "the far clock is in both directions with opposite signs, and one-way delays only where "
    "it claims to be good") {
  Scenario scenario = two_paths();
  scenario.targets[0].clock_offset = milliseconds{40};
  scenario.paths[0].forward_share = 0.6;
  SECTION("a clock that claims nothing gives raw delays") {
    const Window window = all_windows(Simulation{scenario, 1}).front();
    CHECK(window.clocks.state == ClockState::far_unsynchronised);
    CHECK(window.forward.empty());
    REQUIRE(window.clocks.raw_forward.has_value());
    CHECK(*window.clocks.raw_forward + *window.clocks.raw_reverse == *window.rtt.min());
    CHECK(*window.clocks.raw_forward >= milliseconds{52});
  }
  SECTION("a clock that claims to be good gives them, right or wrong") {
    scenario.targets[0].clock_error = microseconds{100};
    const Window window = all_windows(Simulation{scenario, 1}).front();
    CHECK(window.clocks.state == ClockState::usable);
    CHECK(window.forward.count() == 60);
    CHECK(window.reverse.negative_count() == 60);
  }
  SECTION("ICMP tells of no clock") {
    scenario.protocol = Protocol::icmp;
    CHECK_FALSE(all_windows(Simulation{scenario, 1}).front().clocks.raw_forward.has_value());
  }
}

TEST_CASE("neighbouring probes are compared across windows, and not across losses and pauses") {
  Scenario scenario = two_paths();
  scenario.length = minutes{3};
  const auto pairs = [](const Scenario& of, std::size_t first_skipped) {
    std::vector<std::uint64_t> counts;
    Simulation simulation{of, 5};
    for (std::size_t i = 0; !simulation.done(); ++i) {
      const auto windows = simulation.next();
      if (windows.empty() || i < first_skipped) continue;
      CHECK(windows[0].ipdv.count() <= windows[0].rtt.count());
      counts.push_back(windows[0].ipdv.count());
    }
    return counts;
  };
  const auto probes = static_cast<std::uint64_t>(scenario.window / scenario.interval);
  CHECK(pairs(scenario, 0) == std::vector{probes - 1, probes, probes});
  CHECK(pairs(scenario, 2) == std::vector{probes});
  // A probe that is lost is missed by both its neighbours.
  scenario.paths[0].loss = 0.05;
  Simulation lossy{scenario, 5};
  const Window window = lossy.next().at(0);
  REQUIRE(window.counts.lost > 0);
  CHECK(window.ipdv.count() < window.counts.received - 1);
  CHECK(window.ipdv.count() >= window.counts.sent - 1 - 2 * window.counts.lost);
}
