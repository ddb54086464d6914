// SPDX-License-Identifier: Apache-2.0
#include "analyzer/pool.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "analyzer/quantile_interval.hpp"
#include "tests/analyzer/windows.hpp"

using namespace strait;
using namespace strait::analyzer;
using test::ms;

namespace {

const Target paris{.name = "paris", .traffic_class = "europe"};
const Target rome{.name = "rome", .traffic_class = "europe"};

Stream stream(const Target& target, double weight = 1) {
  Stream made;
  made.target = &target;
  made.weight = weight;
  return made;
}

Percentile p(const Pool& pool, double q) {
  const std::array quantiles{q};
  return percentiles(pool, quantiles, 0.95).front();
}

}  // namespace

TEST_CASE("a pool without probes has no percentiles") {
  const std::array quantiles{0.5};
  CHECK(percentiles(Pool{}, quantiles, 0.95).empty());
  CHECK(percentiles(Pool{stream(paris)}, quantiles, 0.95).empty());
  CHECK_FALSE(Curve(Pool{}, Curve::Edge::middle).at(0.5));
  CHECK_FALSE(delay_variation(Pool{}));
}

TEST_CASE("one probe has a value and no bounds") {
  Pool pool{stream(paris)};
  pool[0].rtt.record(19 * ms);
  const Percentile median = p(pool, 0.5);
  CHECK(median.value == 19 * ms);
  CHECK_FALSE(median.low);
  CHECK_FALSE(median.high);
  CHECK(median.probes == 1);
}

TEST_CASE("a percentile among lost probes is infinite, and so is the bound that reaches them") {
  struct Case {
    std::uint64_t lost;
    bool infinite;
    bool high_infinite;
  };
  // Of 100 probes, p95's upper bound is rank 100: one lost probe reaches it.
  const auto c = GENERATE(values<Case>({
      {0, false, false},
      {1, false, true},
      {2, false, true},
      {5, false, true},
      {6, true, true},
      {100, true, true},
  }));
  CAPTURE(c.lost);
  Pool pool{stream(paris)};
  if (c.lost < 100) pool[0].rtt.record(20 * ms, 100 - c.lost);
  pool[0].lost = c.lost;
  const Percentile p95 = p(pool, 0.95);
  CHECK(p95.infinite() == c.infinite);
  REQUIRE(p95.high);
  CHECK((*p95.high == infinite_delay) == c.high_infinite);
}

TEST_CASE("replies that are kept apart are neither lost nor samples") {
  // 101 samples stand for 401 replies; 4 of 405 probes are lost, which p99 is just below.
  Pool pool{stream(paris)};
  pool[0].rtt.record(20 * ms, 101);
  pool[0].kept_apart = 300;
  pool[0].lost = 4;
  CHECK(p(pool, 0.95).value == 20 * ms);
  CHECK_FALSE(p(pool, 0.99).infinite());
  CHECK(p(pool, 0.991).infinite());
  CHECK(effective_probes(pool) == 102);  // they tell no more than there are samples
  CHECK(p(pool, 0.5).probes == 102);
  CHECK(too_uncertain(pool));
  pool[0].kept_apart = 101;
  CHECK_FALSE(too_uncertain(pool));

  // Nothing but uncertain replies: not lost, and no percentile either.
  Pool uncertain{stream(paris)};
  uncertain[0].kept_apart = 100;
  uncertain[0].lost = 100;
  const std::array quantiles{0.5};
  CHECK(percentiles(uncertain, quantiles, 0.95).empty());
  CHECK(uncertain[0].decided() == 200);
}

TEST_CASE("a percentile is infinite by the share of the lost, however many are kept apart") {
  CHECK(rc::check([] {
    Pool pool{stream(paris)};
    pool[0].rtt.record(20 * ms, *rc::gen::inRange<std::uint64_t>(1, 1000));
    pool[0].kept_apart = *rc::gen::inRange<std::uint64_t>(0, 1000);
    pool[0].lost = *rc::gen::inRange<std::uint64_t>(0, 200);
    const double answered = static_cast<double>(pool[0].answered());
    const double share = answered / static_cast<double>(pool[0].decided());
    for (const double q : {0.5, 0.9, 0.95, 0.99}) {
      if (std::abs(q - share) > 1e-6) RC_ASSERT(p(pool, q).infinite() == (q > share));
    }
    RC_ASSERT(effective_probes(pool) <= pool[0].rtt.count() + pool[0].lost);
  }));
}

TEST_CASE("bounds enclose the order statistics of the exact delays") {
  CHECK(rc::check([] {
    const auto count = *rc::gen::inRange(1, 400);
    std::mt19937_64 random{*rc::gen::arbitrary<std::uint64_t>()};
    std::lognormal_distribution<double> delay{16.0, 1.0};
    Pool pool{stream(paris), stream(rome)};
    std::vector<Nanos> exact;
    for (int i = 0; i < 2 * count; ++i) {  // equal counts: weights change nothing
      const Nanos each{static_cast<Nanos::rep>(delay(random))};
      exact.push_back(each);
      pool[static_cast<std::size_t>(i % 2)].rtt.record(each);
    }
    std::ranges::sort(exact);
    RC_ASSERT(effective_probes(pool) == exact.size());
    for (const double q : {0.5, 0.9, 0.95, 0.99}) {
      const Percentile found = p(pool, q);
      const RankInterval ranks = quantile_ranks(exact.size(), q);
      RC_ASSERT(found.low.has_value() == ranks.low.has_value());
      RC_ASSERT(found.high.has_value() == ranks.high.has_value());
      if (ranks.low) RC_ASSERT(*found.low <= exact[*ranks.low - 1]);
      if (ranks.high) RC_ASSERT(*found.high >= exact[*ranks.high - 1]);
      const auto rank =
          static_cast<std::size_t>(std::ceil((q * static_cast<double>(exact.size())) - 1e-6));
      const double truth = static_cast<double>(exact[rank - 1].count());
      RC_ASSERT(std::abs(static_cast<double>(found.value.count()) - truth) <= (0.003 * truth) + 1);
    }
  }));
}

TEST_CASE("a target with many probes does not outvote the others") {
  Pool pool{stream(paris), stream(rome)};
  pool[0].rtt.record(10 * ms, 9000);
  pool[1].rtt.record(30 * ms, 1000);
  CHECK(p(pool, 0.45).value == 10 * ms);
  CHECK(p(pool, 0.55).value == 30 * ms);
  // 4 / (1/9000 + 1/1000): the smaller sample limits what is known.
  CHECK(effective_probes(pool) == 3600);
}

TEST_CASE("a weight moves the percentile") {
  Pool pool{stream(paris, 8), stream(rome, 2)};
  pool[0].rtt.record(10 * ms, 500);
  pool[1].rtt.record(30 * ms, 500);
  CHECK(p(pool, 0.75).value == 10 * ms);
  CHECK(p(pool, 0.85).value == 30 * ms);
  CHECK(effective_probes(pool) == 735);  // 100 / (68 / 500)
}

TEST_CASE("delay variation holds each target against its own minimum") {
  Pool pool{stream(paris), stream(rome)};
  for (Stream& each : pool) {
    const Nanos base = each.target == &paris ? 20 * ms : 80 * ms;
    each.rtt.record(base, 97);
    each.rtt.record(base + 10 * ms, 3);
    each.lost = 50;  // RFC 5481: lost packets have no delay variation
  }
  const auto pdv = delay_variation(pool);
  REQUIRE(pdv);
  CHECK(pdv->count() == Approx((10 * ms).count()).epsilon(0.03));
  Pool few{stream(paris)};
  few[0].rtt.record(20 * ms, 99);
  CHECK_FALSE(delay_variation(few));
}
