// SPDX-License-Identifier: Apache-2.0
#include "analyzer/design_effect.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "tests/analyzer/windows.hpp"

using namespace strait;
using namespace strait::analyzer;
using test::minute;
using test::ms;
using test::start;
using test::WindowBuilder;

namespace {

const std::vector<Target> one_target{{.name = "paris", .traffic_class = "europe"}};

Evidence evidence_of(const std::vector<Window>& windows, unsigned span) {
  EvidenceOptions options;
  options.span_windows = span;
  return gather(windows, {one_target, {}, {}}, options, windows.back().start + minute).front();
}

// Delays of 10 ms and an exponential wait of 10 ms in the mean, each `memory` like the one before
// (a Gaussian copula).
class Waits {
 public:
  Waits(double memory, std::uint64_t seed) : memory_{memory}, random_{seed} {}
  Nanos next() {
    state_ = memory_ * state_ + std::sqrt(1 - memory_ * memory_) * normal_(random_);
    return 10 * ms + test::millis(-10 * std::log(std::erfc(state_ / std::sqrt(2.0)) / 2));
  }
  std::vector<Window> windows(int count) {
    std::vector<Window> all;
    for (int i = 0; i < count; ++i) {
      WindowBuilder window("atlas", "paris", i);
      for (int probe = 0; probe < 60; ++probe) window.replies(next());
      all.push_back(window);
    }
    return all;
  }

 private:
  double memory_;
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
  double state_ = 0;
};

}  // namespace

TEST_CASE("the interval of p50 holds the truth however alike neighbours are") {
  const double memory = GENERATE(0.0, 0.5, 0.9);
  CAPTURE(memory);
  Waits waits{memory, 5};
  const Nanos truth = 10 * ms + test::millis(10 * std::log(2.0));
  int inside = 0;
  int taken_for_independent = 0;
  constexpr int spans = 400;
  for (int i = 0; i < spans; ++i) {
    const auto windows = waits.windows(30);
    const Evidence evidence = evidence_of(windows, 30);
    const Percentile& p50 = *evidence.percentile(0.5);
    REQUIRE(p50.adequate());
    CHECK(p50.worth <= p50.probes);
    inside += *p50.low <= truth && truth <= *p50.high ? 1 : 0;
    const Timeline timeline{windows, one_target, start + 30 * minute};
    const Pool pool =
        timeline.lane("europe", "atlas").pool({*timeline.newest() - 29, *timeline.newest()});
    const auto naive = percentiles(pool, std::array{0.5}, 0.95).front();
    taken_for_independent += *naive.low <= truth && truth <= *naive.high ? 1 : 0;
  }
  CHECK(inside >= 0.92 * spans);
  if (memory == 0.9) CHECK(taken_for_independent < 0.6 * spans);
}

TEST_CASE("one burst of loss is not taken for a rate, and a steady loss is") {
  struct Case {
    const char* what;
    std::vector<int> lost;  // of 60 probes in each window
    std::uint64_t windows_with_loss;
    std::uint64_t most;
    bool surely_above_one_percent;
  };
  const auto c = GENERATE(values<Case>({
      {"nothing", {0, 0, 0, 0, 0, 0}, 0, 0, false},
      {"one burst", {0, 0, 18, 0, 0, 0}, 1, 18, false},
      {"the same loss all the time", {3, 3, 3, 3, 3, 3}, 6, 3, true},
      {"too few windows to tell a burst", {0, 0, 18}, 1, 18, true},
  }));
  CAPTURE(c.what);
  std::vector<Window> windows;
  int index = 0;
  for (const int lost : c.lost) {
    windows.push_back(WindowBuilder("atlas", "paris", index++)
                          .replies(20 * ms, static_cast<std::uint64_t>(60 - lost))
                          .lost(static_cast<std::uint64_t>(lost)));
  }
  const Evidence evidence = evidence_of(windows, 10);
  CHECK(evidence.windows_with_loss == c.windows_with_loss);
  CHECK(evidence.most_lost == c.most);
  CHECK((evidence.loss.low > 0.01) == c.surely_above_one_percent);
  CHECK(evidence.loss.low <= evidence.loss.value);
  CHECK(evidence.loss.value <= evidence.loss.high);
  CHECK(evidence.loss.worth <= evidence.loss.trials);
}

TEST_CASE("a level that shifts inside the span makes its percentile insufficient, not narrow") {
  std::vector<Window> windows;
  for (int i = 0; i < 10; ++i) {
    windows.push_back(WindowBuilder("atlas", "paris", i).replies((i < 9 ? 20 : 40) * ms, 60));
  }
  const Percentile p95 = *evidence_of(windows, 10).percentile(0.95);
  CHECK(p95.probes == 600);
  CHECK(p95.worth < 72);
  CHECK_FALSE(p95.adequate());
}
