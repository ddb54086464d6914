// SPDX-License-Identifier: Apache-2.0
#include "analyzer/quantile_interval.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <vector>

using strait::analyzer::probes_needed;
using strait::analyzer::quantile_ranks;
using strait::analyzer::RankInterval;

namespace {

// P(B = k), straight from the definition: an oracle that shares no code with the product.
double point(std::uint64_t k, std::uint64_t n, double q) {
  const auto x = static_cast<double>(k);
  const auto m = static_cast<double>(n);
  return std::exp(std::lgamma(m + 1) - std::lgamma(x + 1) - std::lgamma(m - x + 1) +
                  (x * std::log(q)) + ((m - x) * std::log1p(-q)));
}

double between(std::uint64_t first, std::uint64_t last, std::uint64_t n, double q) {
  double sum = 0;
  for (std::uint64_t k = first; k <= last; ++k) sum += point(k, n, q);
  return sum;
}

}  // namespace

TEST_CASE("the smallest samples that bound a quantile on both sides are the known ones") {
  struct Case {
    double q;
    std::uint64_t needed;
  };
  const auto c = GENERATE(values<Case>({
      {0.5, 6},
      {0.9, 36},
      {0.95, 72},
      {0.99, 368},
      {0.999, 3688},
      {0.9999, 36887},
      {0.05, 72},
  }));
  CAPTURE(c.q);
  CHECK(probes_needed(c.q) == c.needed);
  const RankInterval enough = quantile_ranks(c.needed, c.q);
  CHECK((enough.low && enough.high));
  const RankInterval short_of = quantile_ranks(c.needed - 1, c.q);
  CHECK_FALSE((short_of.low && short_of.high));
}

TEST_CASE("ranks agree with published tables") {
  struct Case {
    std::uint64_t n;
    double q;
    std::uint64_t low;
    std::uint64_t high;
  };
  // n = 10, 20 and 100 for the median: (2, 9), (6, 15) and (40, 61), as in sign-test tables.
  const auto c = GENERATE(
      values<Case>({{6, 0.5, 1, 6}, {10, 0.5, 2, 9}, {20, 0.5, 6, 15}, {100, 0.5, 40, 61}}));
  CAPTURE(c.n);
  CHECK(quantile_ranks(c.n, c.q) == RankInterval{c.low, c.high});
}

TEST_CASE("both tails hold and the interval is the narrowest that holds them") {
  const auto n = GENERATE(values<std::uint64_t>({1, 2, 5, 6, 37, 72, 100, 368, 1000, 5000}));
  const auto q = GENERATE(values({0.05, 0.5, 0.9, 0.95, 0.99}));
  CAPTURE(n, q);
  const double tail = 0.025;
  const double slack = 1e-9;
  const RankInterval ranks = quantile_ranks(n, q);
  const std::uint64_t low = ranks.low.value_or(0);
  if (low > 0) CHECK(between(0, low - 1, n, q) <= tail + slack);
  if (low < n) CHECK(between(0, low, n, q) > tail - slack);
  const std::uint64_t high = ranks.high.value_or(n + 1);
  if (high <= n) CHECK(between(high, n, n, q) <= tail + slack);
  if (high > 1) CHECK(between(high - 1, n, n, q) > tail - slack);
}

TEST_CASE("no samples have no bounds") { CHECK(quantile_ranks(0, 0.95) == RankInterval{}); }

TEST_CASE("ranks of a thousand million samples agree with the normal approximation") {
  const double n = 1e9;
  const double q = 0.95;
  const RankInterval ranks = quantile_ranks(1'000'000'000, q);
  const double spread = 1.959964 * std::sqrt(n * q * (1 - q));
  REQUIRE((ranks.low && ranks.high));
  CHECK(static_cast<double>(*ranks.low) == Approx((n * q) - spread).margin(3));
  CHECK(static_cast<double>(*ranks.high) == Approx((n * q) + spread + 1).margin(3));
}

TEST_CASE("95 % intervals cover the true quantile at least so often") {
  struct Case {
    double q;
    std::size_t n;
  };
  const auto c =
      GENERATE(values<Case>({{0.5, 25}, {0.5, 400}, {0.95, 80}, {0.95, 300}, {0.99, 500}}));
  CAPTURE(c.q, c.n);
  const RankInterval ranks = quantile_ranks(c.n, c.q);
  REQUIRE((ranks.low && ranks.high));
  // An exponential delay: its q-quantile is -ln(1 - q). 4,000 trials have a standard error of
  // sqrt(.95 x .05 / 4000) = 0.34 %: three of them below 95 % is 93.97 %.
  constexpr int trials = 4000;
  const double truth = -std::log(1 - c.q);
  std::mt19937_64 random{20261123};  // NOLINT(bugprone-random-generator-seed)
  std::exponential_distribution<double> delay;
  int covered = 0;
  for (int trial = 0; trial < trials; ++trial) {
    std::vector<double> sample(c.n);
    std::ranges::generate(sample, [&] { return delay(random); });
    std::ranges::sort(sample);
    if (sample[*ranks.low - 1] <= truth && truth <= sample[*ranks.high - 1]) ++covered;
  }
  CHECK(covered >= 0.9397 * trials);
}
