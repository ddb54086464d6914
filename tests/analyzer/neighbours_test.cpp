// SPDX-License-Identifier: Apache-2.0
#include "analyzer/neighbours.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <optional>
#include <random>

#include "analyzer/gather.hpp"
#include "tests/analyzer/windows.hpp"

namespace strait::analyzer {
namespace {

using test::minute;
using test::ms;
using test::start;

const std::vector<Target> paris{{.name = "paris", .traffic_class = "europe"}};

// Windows of 60 probes of 10 ms and more, each like the one before by `memory`.
std::vector<Window> series(double memory, int count, double spread_ms = 10,
                           std::uint64_t seed = 7) {
  std::mt19937_64 random{seed};
  std::normal_distribution<double> normal;
  double state = normal(random);
  std::optional<Nanos> before;
  std::vector<Window> windows;
  for (int i = 0; i < count; ++i) {
    Window window = test::WindowBuilder("atlas", "paris", i);
    for (int probe = 0; probe < 60; ++probe) {
      state = memory * state + std::sqrt(1 - memory * memory) * normal(random);
      const double above = std::erfc(state / std::sqrt(2.0)) / 2;
      const Nanos rtt = 10 * ms + test::millis(-spread_ms * std::log(above));
      window.rtt.record(rtt);
      if (before) window.ipdv.record(std::chrono::abs(rtt - *before));
      before = rtt;
    }
    window.counts.sent = window.counts.received = 60;
    windows.push_back(std::move(window));
  }
  return windows;
}

double effect_of(const std::vector<Window>& windows) {
  std::vector<Lane::Entry> entries;
  Slot slot = 0;
  for (const Window& window : windows) entries.push_back({slot++, &window, paris.data()});
  return neighbour_effect(entries);
}

Evidence evidence_of(const std::vector<Window>& windows) {
  const auto newest = static_cast<int>(windows.size());
  const Network network{.targets = paris, .paths = {}, .far_ends = {}};
  EvidenceOptions options;
  options.span_windows = static_cast<unsigned>(newest);
  return gather(windows, network, options, start + newest * minute).at(0);
}

}  // namespace

TEST_CASE("the mean difference of two probes is known to a bucket's width") {
  Sketch sketch;
  CHECK(mean_difference(sketch) == 0);
  sketch.record(20 * ms);
  CHECK(mean_difference(sketch) == 0);
  sketch.record(60 * ms);
  // Less half a per cent of their mean.
  CHECK(mean_difference(sketch) == Approx(40e6 - 0.0054 * 40e6).epsilon(0.012));
  Sketch four;
  for (const int value : {10, 20, 30, 40}) four.record(value * ms);
  // (10 + 20 + 30 + 10 + 20 + 10) / 6
  CHECK(mean_difference(four) == Approx(16.667e6 - 0.0054 * 25e6).epsilon(0.012));
  Sketch zeros;
  for (const int value : {0, 0, 10, 20}) zeros.record(value * ms);
  // (0 + 10 + 20 + 10 + 20 + 10) / 6
  CHECK(mean_difference(zeros) == Approx(11.667e6 - 0.0054 * 7.5e6).epsilon(0.012));
}

TEST_CASE("probes that are like the one before are worth fewer, others are not") {
  CHECK(effect_of(series(0, 5)) < 1.3);
  CHECK(effect_of(series(0.5, 5)) > 2);
  CHECK(effect_of(series(0.5, 5)) < 5);
  CHECK(effect_of(series(0.9, 5)) > 9);
  // Up and down by turns: neighbours differ more than any two.
  Window turns = test::WindowBuilder("atlas", "paris").replies(20 * ms, 30).replies(30 * ms, 30);
  turns.ipdv.record(10 * ms, 59);
  CHECK(effect_of({turns}) == 1);
}

TEST_CASE("a window counts by its pairs") {
  Window narrow = test::WindowBuilder("atlas", "paris").replies(20 * ms, 30).replies(30 * ms, 30);
  narrow.ipdv.record(test::millis(2.5), 59);
  Window wide = test::WindowBuilder("atlas", "paris", 1).replies(20 * ms, 30).replies(120 * ms, 30);
  wide.ipdv.record(25 * ms, 3);
  // Half of what any two differ by, in both.
  CHECK(effect_of({narrow, wide}) == Approx(effect_of({narrow})).epsilon(0.1));
  CHECK(effect_of({narrow}) > 4);
}

TEST_CASE("what a sketch cannot show is not taken for likeness") {
  // Within a bucket, and on both sides of a bound.
  CHECK(effect_of(series(0.9, 5, 0.001)) == 1);
  const Nanos bound =
      Sketch::upper_bound(Sketch::key_of(20 * ms, Sketch::default_schema), Sketch::default_schema);
  Window edge =
      test::WindowBuilder("atlas", "paris").replies(bound, 30).replies(bound + Nanos{1}, 30);
  edge.ipdv.record(Nanos{1}, 59);
  CHECK(effect_of({edge}) == 1);
}

TEST_CASE("few pairs and many windows tell nothing of neighbours") {
  auto few = series(0.9, 1);
  Sketch pairs{variation_schema};
  pairs.record(Nanos{1000}, 29);
  few[0].ipdv = pairs;
  CHECK(effect_of(few) == 1);
  few[0].ipdv.record(Nanos{1000});
  CHECK(effect_of(few) > 9);
  CHECK(effect_of(series(0.9, 60)) > 9);
  CHECK(effect_of(series(0.9, 61)) == 1);
  auto none = series(0.9, 5);
  for (Window& window : none) window.ipdv = Sketch{variation_schema};
  CHECK(effect_of(none) == 1);
}

TEST_CASE("a percentile that as many independent probes would not carry is insufficient") {
  const Evidence alike = evidence_of(series(0.9, 5));
  CHECK(alike.percentile(0.5)->adequate());
  CHECK_FALSE(alike.percentile(0.95)->adequate());
  CHECK(alike.percentile(0.95)->worth < 72);
  // By their number they carry a choice all the same.
  CHECK(alike.adequacy == Adequacy::adequate);
  const Evidence apart = evidence_of(series(0, 30));
  CHECK(apart.percentile(0.95)->adequate());
  CHECK(apart.percentile(0.99)->adequate());
  // The number of windows that a percentile has is the other half of it: the widths stay.
  auto without = series(0.5, 30);
  const Evidence with = evidence_of(without);
  for (Window& window : without) window.ipdv = Sketch{variation_schema};
  const Evidence bare = evidence_of(without);
  REQUIRE(with.percentile(0.95)->adequate());
  CHECK(with.percentile(0.95)->low == bare.percentile(0.95)->low);
  CHECK(with.percentile(0.95)->worth == bare.percentile(0.95)->worth);
}

TEST_CASE("a percentile that few such probes lie beyond is worth no more than they are") {
  int held = 0;
  int left = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    auto windows = series(seed % 2 == 0 ? 0.5 : 0.6, 5, 10, seed);
    const auto fewer = static_cast<std::uint64_t>(300 / effect_of(windows));
    const Percentile with = *evidence_of(windows).percentile(0.95);
    for (Window& window : windows) window.ipdv = Sketch{variation_schema};
    const std::uint64_t bare = evidence_of(windows).percentile(0.95)->worth;
    const bool five_beyond = fewer >= 100;
    CAPTURE(seed, fewer, bare);
    CHECK(with.worth == (five_beyond ? bare : std::min(bare, fewer)));
    CHECK(with.adequate() == (with.worth >= 72));
    held += !five_beyond && fewer < bare && fewer >= 72 ? 1 : 0;
    left += five_beyond && fewer < bare ? 1 : 0;
  }
  CHECK(held > 0);
  CHECK(left > 0);
}

TEST_CASE("a minute of 60 independent probes carries its p90") {
  int carried = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    carried += evidence_of(series(0, 1, 10, seed)).percentile(0.9)->adequate() ? 1 : 0;
  }
  CHECK(carried >= 196);
}

}  // namespace strait::analyzer
