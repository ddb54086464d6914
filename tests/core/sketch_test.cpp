// SPDX-License-Identifier: Apache-2.0
#include "core/sketch.hpp"

#include <catch2/catch.hpp>
#include <limits>

using namespace std::chrono_literals;
using strait::Nanos;
using strait::Sketch;

namespace {

Sketch sketch_of(std::initializer_list<Nanos> values, int schema = Sketch::default_schema) {
  Sketch sketch{schema};
  for (const Nanos value : values) sketch.record(value);
  return sketch;
}

constexpr Nanos longest = Nanos::max();
constexpr std::uint64_t over_32_bits = (1ULL << 32U) + 5;

}  // namespace

TEST_CASE("an empty sketch has no values to tell of and owns no counters") {
  const Sketch sketch;
  CHECK(sketch.empty());
  CHECK(sketch.sum() == 0ns);
  CHECK_FALSE(sketch.min().has_value());
  CHECK_FALSE(sketch.max().has_value());
  CHECK_FALSE(sketch.mean().has_value());
  CHECK_FALSE(sketch.quantile(0.5).has_value());
  CHECK_FALSE(sketch.at_rank(1).has_value());
  CHECK(sketch.count_at_or_below(1h) == 0);
  CHECK(sketch.buckets().empty());
  CHECK(sketch.memory_bytes() == sizeof(Sketch));
}

TEST_CASE("minimum, maximum, sum and mean are exact") {
  const Sketch sketch = sketch_of({12'345'678ns, 19'999'999ns, 1ns, 8760h});
  CHECK(sketch.count() == 4);
  CHECK(sketch.min() == 1ns);
  CHECK(sketch.max() == Nanos{8760h});
  CHECK(sketch.sum() == 12'345'678ns + 19'999'999ns + 1ns + 8760h);
  CHECK(sketch.mean() == sketch.sum() / 4);
}

TEST_CASE("a sum beyond 292 years is held there, and its mean is still exact") {
  const Nanos extreme = GENERATE(values<Nanos>({longest, -longest}));
  Sketch sketch = sketch_of({extreme, extreme});
  CHECK(sketch.sum() == extreme);
  CHECK(sketch.mean() == extreme);
  sketch.record(-extreme);
  sketch.record(-extreme);
  sketch.record(7ns);
  CHECK(sketch.sum() == 7ns);
}

TEST_CASE("values at or below zero are counted apart, with an exact minimum and sum") {
  const Sketch sketch = sketch_of({-5ms, -1ns, 0ns, 10ms});
  CHECK(sketch.count() == 4);
  CHECK(sketch.zero_count() == 3);
  CHECK(sketch.negative_count() == 2);
  CHECK(sketch.sum() == 5ms - 1ns);
  CHECK(sketch.min() == Nanos{-5ms});
  CHECK(sketch.buckets().size() == 1);
  CHECK(sketch.at_rank(1) == Nanos{-5ms});
  CHECK(sketch.at_rank(2) == 0ns);  // between the minimum and 0 nothing is told apart
  CHECK(sketch.at_rank(3) == 0ns);
  CHECK(sketch.at_rank(4) == Nanos{10ms});
  CHECK(sketch.count_at_or_below(-1ns) == 0);
  CHECK(sketch.count_at_or_below(0ns) == 3);
}

TEST_CASE("quantiles of nothing but negative values are at most the greatest of them") {
  const Sketch sketch = sketch_of({-9ms, -5ms, -2ms});
  CHECK(sketch.quantile(0) == Nanos{-9ms});
  CHECK(sketch.quantile(0.5) == Nanos{-2ms});
  CHECK(sketch.quantile(1) == Nanos{-2ms});
  CHECK(sketch.count_at_or_below(-2ms) == 3);
}

TEST_CASE("the nearest rank is ceil(q n), unharmed by binary fractions") {
  struct Case {
    double q;
    std::uint64_t n;
    std::uint64_t rank;
  };
  const auto c = GENERATE(values<Case>({
      {0, 10, 1},
      {0.1, 10, 1},
      {0.11, 10, 2},
      {0.5, 1, 1},
      {0.5, 4, 2},
      {0.5, 5, 3},
      {0.07, 100, 7},  // 0.07 * 100 is a little more than 7
      {0.95, 20, 19},
      {0.95, 60, 57},
      {0.99, 100, 99},
      {0.99, 101, 100},
      {0.999, 1000, 999},
      {1, 10, 10},
      {1, std::numeric_limits<std::uint64_t>::max(), std::numeric_limits<std::uint64_t>::max()},
      {-1, 10, 1},
      {2, 10, 10},
      {std::numeric_limits<double>::quiet_NaN(), 10, 1},
  }));
  CAPTURE(c.q, c.n);
  CHECK(strait::nearest_rank(c.q, c.n) == c.rank);
}

TEST_CASE("a quantile is the value at its rank, to within the bucket") {
  Sketch sketch;
  for (int i = 1; i <= 1000; ++i) sketch.record(i * 1ms);
  const auto percent = GENERATE(1, 5, 50, 90, 95, 99, 100);
  CAPTURE(percent);
  const double exact = static_cast<double>(Nanos{percent * 10ms}.count());
  const auto estimate = sketch.quantile(percent / 100.0);
  REQUIRE(estimate.has_value());
  CHECK(static_cast<double>(estimate->count()) == Approx(exact).epsilon(0.0028));
}

TEST_CASE("ranks outside 1 to count have no value") {
  const Sketch sketch = sketch_of({1ms, 2ms});
  CHECK_FALSE(sketch.at_rank(0).has_value());
  CHECK(sketch.at_rank(1) == Nanos{1ms});
  CHECK(sketch.at_rank(2) == Nanos{2ms});
  CHECK_FALSE(sketch.at_rank(3).has_value());
}

TEST_CASE("counts at or below bucket bounds are exact, as a classic histogram needs them") {
  const int schema = GENERATE(0, 3, 7, 8);
  const std::int32_t key = Sketch::key_of(20ms, schema);
  const Nanos bound = Sketch::upper_bound(key, schema);
  const Sketch sketch = sketch_of({0ns, 1us, bound - 1ns, bound, bound, bound + 1ns, 10s}, schema);
  CAPTURE(schema, bound.count());
  CHECK(sketch.count_at_or_below(bound) == 5);
  CHECK(sketch.count_at_or_below(0ns) == 1);
  CHECK(sketch.count_at_or_below(10s) == 7);
  CHECK(sketch.count_at_or_below(longest) == 7);
  CHECK(sketch.count_at_or_below(-1ns) == 0);

  const std::vector<Nanos> bounds{
      -1ns, 0ns, Sketch::upper_bound(key - 1, schema), bound, Sketch::upper_bound(key + 1, schema),
      1h};

  const std::vector<std::uint64_t> counts = sketch.counts_at_or_below(bounds);
  CHECK(counts == std::vector<std::uint64_t>{0, 1, 2, 5, 6, 7});
}

TEST_CASE("a bound in seconds is that of the key") {
  CHECK(Sketch::upper_bound_seconds(0, 7) == 1.0);
  CHECK(Sketch::upper_bound_seconds(-128, 7) == 0.5);
  CHECK(Sketch::upper_bound_seconds(1, 0) == 2.0);
  CHECK(Sketch::upper_bound_seconds(-3, 2) == Approx(0.594603557501).epsilon(1e-12));
}

TEST_CASE("counts above 32 bits stay exact, however they come about") {
  Sketch sketch;
  SECTION("recorded at once") { sketch.record(20ms, over_32_bits); }
  SECTION("one by one across the limit") {
    sketch.record(20ms, (1ULL << 32U) - 2);
    for (int i = 0; i < 7; ++i) sketch.record(20ms);
  }
  SECTION("merged") {
    Sketch half;
    half.record(20ms, (1ULL << 31U) + 2);
    sketch.record(20ms);
    sketch.merge(half);
    sketch.merge(half);
  }
  SECTION("folded together") {
    Sketch fine{8};
    fine.record(20ms, 1ULL << 32U);
    fine.record(20ms, 5);
    sketch = fine.folded(7);
  }
  const std::int32_t key = Sketch::key_of(20ms, 7);
  CHECK(sketch.count() == over_32_bits);
  CHECK(sketch.buckets() == std::vector<Sketch::Bucket>{{key, over_32_bits}});
  CHECK(sketch.count_at_or_below(1s) == over_32_bits);
  CHECK(sketch.sum() == Nanos{static_cast<std::int64_t>(over_32_bits) * 20'000'000});

  // The counters move when the range grows; their upper halves must move with them.
  sketch.record(1ns);
  sketch.record(1h);
  CHECK(sketch.buckets().at(1) == Sketch::Bucket{key, over_32_bits});
  CHECK(sketch.count() == over_32_bits + 2);
}

TEST_CASE("recording a value zero times leaves no trace") {
  Sketch sketch;
  sketch.record(20ms, 0);
  CHECK(sketch == Sketch{});
}

TEST_CASE("recording a value many times equals recording it often") {
  const Nanos value = GENERATE(values<Nanos>({-3ms, 0ns, 1ns, 20ms, longest}));
  Sketch at_once;
  at_once.record(value, 5);
  CHECK(at_once == sketch_of({value, value, value, value, value}));
}

TEST_CASE("a sketch merged with itself has twice its counts") {
  Sketch sketch = sketch_of({-1ms, 0ns, 1ms, 2ms, 1h});
  sketch.merge(sketch);
  CHECK(sketch == sketch_of({-1ms, 0ns, 1ms, 2ms, 1h, -1ms, 0ns, 1ms, 2ms, 1h}));
}

TEST_CASE("the coarser schema wins a merge, whichever side has it") {
  Sketch fine = sketch_of({1ms, 20ms}, 7);
  Sketch coarse = sketch_of({3ms}, 4);
  const Sketch expected = sketch_of({1ms, 20ms, 3ms}, 4);
  SECTION("the other") {
    fine.merge(coarse);
    CHECK(fine == expected);
  }
  SECTION("ours") {
    coarse.merge(fine);
    CHECK(coarse == expected);
  }
}

TEST_CASE("values that span a factor of 2^30 fit 16 kB at schema 7, and all durations 33 kB") {
  const Nanos least = GENERATE(values<Nanos>({1ns, 2ns, 137ns, 1us, 777us}));
  CHECK(sketch_of({least, least * (1 << 30)}).memory_bytes() <= 16 * 1024);
  CHECK(sketch_of({20ms}).memory_bytes() <= 400);
  CHECK(sketch_of({1ns, longest}).memory_bytes() <= 33 * 1024);
}

TEST_CASE("sketches are equal exactly when schema, counts, minimum, maximum and sum are") {
  CHECK(sketch_of({20ms, 1s}) == sketch_of({1s, 20ms}));
  CHECK_FALSE(sketch_of({20ms}) == sketch_of({20ms}, 6));
  CHECK_FALSE(sketch_of({20ms}) == sketch_of({20'000'001ns}));  // same bucket
  CHECK_FALSE(sketch_of({20ms}) == sketch_of({20ms, 0ns}));
  CHECK_FALSE(sketch_of({-1ns, -1ns}) == sketch_of({-1ns, 0ns}));
}
