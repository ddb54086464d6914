// SPDX-License-Identifier: Apache-2.0
#include "exporters/sketch_histogram.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <vector>

using namespace strait;
using namespace strait::exporters;

TEST_CASE("bounds are the nearest of a sketch's to the round numbers") {
  struct Case {
    std::size_t index;
    double wanted;
  };
  const auto c = GENERATE(values<Case>(
      {{0, 0.0005}, {1, 0.001}, {2, 0.002}, {3, 0.005}, {4, 0.01},   {5, 0.015}, {6, 0.02},
       {7, 0.025},  {8, 0.03},  {9, 0.04},  {10, 0.05}, {11, 0.065}, {12, 0.08}, {13, 0.1},
       {14, 0.15},  {15, 0.2},  {16, 0.3},  {17, 0.5},  {18, 1},     {19, 2}}));
  CAPTURE(c.index, c.wanted);
  REQUIRE(delay_bounds().size() == 20);
  CHECK(std::abs(std::log2(bound_seconds(delay_bounds()[c.index]) / c.wanted)) <= 0.5 / 32);
}

TEST_CASE("each bucket counts exactly the values at or below its bound") {
  const int schema = GENERATE(5, 6, 7, 8);
  CAPTURE(schema);
  std::mt19937_64 random{42};
  std::lognormal_distribution<double> seconds{-4, 1.5};
  std::vector<Nanos> values{Nanos{-5}, Nanos{0}};
  for (int i = 0; i < 20'000; ++i) values.emplace_back(std::llround(seconds(random) * 1e9));
  // The hardest: the last nanosecond inside a bound and the first beyond it.
  for (const auto key : delay_bounds()) {
    const double bound = bound_seconds(key) * 1e9;
    values.emplace_back(static_cast<std::int64_t>(std::floor(bound)));
    values.emplace_back(static_cast<std::int64_t>(std::floor(bound)) + 1);
  }
  Sketch sketch{schema};
  for (const Nanos value : values) sketch.record(value);

  const auto result = histogram(sketch, delay_bounds());
  CHECK(result.sample_count == values.size());
  CHECK(result.sample_sum == Approx(std::chrono::duration<double>(sketch.sum()).count()));
  REQUIRE(result.bucket.size() == delay_bounds().size());
  for (const auto& bucket : result.bucket) {
    CAPTURE(bucket.upper_bound);
    std::uint64_t below = 0;
    for (const Nanos value : values) {
      if (static_cast<double>(value.count()) <= bucket.upper_bound * 1e9) ++below;
    }
    CHECK(bucket.cumulative_count == below);
    CHECK(bucket.cumulative_count == sketch.count_at_or_below(Nanos{static_cast<std::int64_t>(
                                         std::floor(bucket.upper_bound * 1e9))}));
  }
}

TEST_CASE("a coarser sketch has fewer bounds, and their counts are exact as well") {
  Sketch fine;
  for (int i = 1; i < 5000; ++i) fine.record(Nanos{i * 100'000});
  const Sketch coarse = fine.folded(2);
  const auto few = histogram(coarse, delay_bounds());
  const auto all = histogram(fine, delay_bounds());
  REQUIRE_FALSE(few.bucket.empty());
  CHECK(few.bucket.size() < all.bucket.size());
  for (const auto& bucket : few.bucket) {
    CAPTURE(bucket.upper_bound);
    const auto same = std::ranges::find(all.bucket, bucket.upper_bound,
                                        &prometheus::ClientMetric::Bucket::upper_bound);
    REQUIRE(same != all.bucket.end());
    CHECK(same->cumulative_count == bucket.cumulative_count);
  }
}
