// SPDX-License-Identifier: Apache-2.0
#include "analyzer/paired.hpp"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "tests/analyzer/windows.hpp"

using namespace strait;
using namespace strait::analyzer;
using Method = Comparison::Method;
using test::minute;
using test::ms;
using test::start;
using test::WindowBuilder;

namespace {

const std::vector<Target> europe{{.name = "paris", .traffic_class = "europe"},
                                 {.name = "rome", .traffic_class = "europe"}};

Comparison atlas_minus_loukkos(const std::vector<Window>& windows, int slots) {
  const Timeline timeline{windows, europe, start + (slots * minute)};
  const Slot newest = timeline.newest().value_or(0);
  return compare(timeline, "europe", "atlas", "loukkos", newest, {});
}

// `slots` windows of both paths with a common daily swing that pairing must take out.
std::vector<Window> swinging(int slots, Nanos difference, int probes) {
  std::vector<Window> windows;
  for (int i = 0; i < slots; ++i) {
    const Nanos base = (20 + (7 * (i % 3))) * ms;
    windows.push_back(WindowBuilder("atlas", "paris", i).replies(base + difference, probes));
    windows.push_back(WindowBuilder("loukkos", "paris", i).replies(base, probes));
  }
  return windows;
}

}  // namespace

TEST_CASE("pairing takes out what both paths share") {
  const Comparison comparison = atlas_minus_loukkos(swinging(9, 4 * ms, 100), 9);
  CHECK(comparison.method == Method::across_windows);
  CHECK(comparison.pairs == 9);
  REQUIRE((comparison.low && comparison.high));
  CHECK(std::abs(static_cast<double>(comparison.difference->count()) - 4e6) < 0.003 * 35e6);
  CHECK(*comparison.high - *comparison.low < test::millis(0.2));
}

TEST_CASE("few pairs are compared inside the newest window, or not at all") {
  struct Case {
    int slots;
    int probes;
    Method method;
  };
  // Bonferroni at 97.5 %: p95 needs ln(.0125) / ln(.95) = 86 probes; six pairs carry a median.
  const auto c = GENERATE(values<Case>({
      {6, 20, Method::across_windows},
      {6, 19, Method::none},
      {5, 85, Method::none},
      {5, 86, Method::within_window},
      {1, 86, Method::within_window},
      {1, 20, Method::none},
      {0, 0, Method::none},
  }));
  CAPTURE(c.slots, c.probes);
  const Comparison comparison = atlas_minus_loukkos(swinging(c.slots, 4 * ms, c.probes), c.slots);
  CHECK(comparison.method == c.method);
  CHECK(comparison.low.has_value() == (c.method != Method::none));
  CHECK_FALSE(comparison.reason.empty());
}

TEST_CASE("a window whose replies are mostly kept apart is compared with nothing") {
  auto windows = swinging(9, 4 * ms, 100);
  windows.push_back(WindowBuilder("atlas", "paris", 9).replies(20 * ms, 100).kept_apart(ms, 101));
  windows.push_back(WindowBuilder("loukkos", "paris", 9).replies(20 * ms, 100));
  const Comparison newest = atlas_minus_loukkos(windows, 10);
  CHECK(newest.method == Method::none);
  CHECK_THAT(newest.reason, Catch::Contains("timestamps too uncertain"));
  windows.push_back(WindowBuilder("atlas", "paris", 10).replies(24 * ms, 100));
  windows.push_back(WindowBuilder("loukkos", "paris", 10).replies(20 * ms, 100));
  CHECK(atlas_minus_loukkos(windows, 11).pairs == 8);  // of 9 slots, without that one
}

TEST_CASE("only targets and slots that both paths have are compared") {
  auto windows = swinging(7, 4 * ms, 100);
  for (int i = 0; i < 7; ++i) {
    windows.push_back(WindowBuilder("atlas", "rome", i).replies(90 * ms, 100));
  }
  windows.push_back(WindowBuilder("atlas", "paris", 7).replies(500 * ms, 100));
  const Timeline timeline{windows, europe, start + (8 * minute)};
  const auto there = compare(timeline, "europe", "atlas", "loukkos", *timeline.newest() - 1, {});
  CHECK(there.pairs == 7);
  CHECK(*there.high < test::millis(4.3));
  const auto gone = compare(timeline, "europe", "atlas", "loukkos", *timeline.newest(), {});
  CHECK(gone.method == Method::none);
  CHECK_THAT(gone.reason, Catch::Contains("no common target"));
}

TEST_CASE("a path whose probes are lost is infinitely slower, not a number") {
  std::vector<Window> windows;
  for (int i = 0; i < 9; ++i) {
    windows.push_back(WindowBuilder("atlas", "paris", i).lost(100));
    windows.push_back(WindowBuilder("loukkos", "paris", i).replies(25 * ms, 100));
  }
  const Comparison comparison = atlas_minus_loukkos(windows, 9);
  CHECK(comparison.a_is_lost);
  CHECK_FALSE(comparison.difference);
  CHECK_FALSE(comparison.low);
}

TEST_CASE("the interval of the median difference covers it at least as often as it says") {
  const auto pairs = GENERATE(values<std::size_t>({6, 9, 20, 60}));
  CAPTURE(pairs);
  constexpr int trials = 4000;  // standard error 0.34 %; three of them below 95 % is 93.97 %
  std::mt19937_64 random{99};   // NOLINT(bugprone-random-generator-seed)
  std::normal_distribution<double> noise{0, 1e6};
  int covered = 0;
  for (int trial = 0; trial < trials; ++trial) {
    std::vector<double> differences(pairs);
    std::ranges::generate(differences, [&] { return 4e6 + noise(random); });
    const auto interval = median_interval(differences, 0.95);
    if (*interval->low <= 4e6 && 4e6 <= *interval->high) ++covered;
  }
  CHECK(covered >= 0.9397 * trials);
}

TEST_CASE("medians of nothing, of few and of infinite differences") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  CHECK_FALSE(median_interval({}, 0.95));
  const std::array few{3.0, 1.0, 2.0};
  CHECK(median_interval(few, 0.95)->median == 2.0);
  CHECK_FALSE(median_interval(few, 0.95)->low);
  const std::array lost{infinity, infinity, infinity, infinity, infinity, 1.0};
  CHECK(median_interval(lost, 0.95)->median == infinity);
  CHECK(*median_interval(lost, 0.95)->low == 1.0);
}
