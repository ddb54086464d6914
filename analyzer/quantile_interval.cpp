// SPDX-License-Identifier: Apache-2.0
#include "analyzer/quantile_interval.hpp"

#include <algorithm>
#include <boost/math/special_functions/beta.hpp>
#include <cassert>
#include <cmath>
#include <vector>

#include "analyzer/quiet_math.hpp"

namespace strait::analyzer {
namespace {

// P(B <= k) for B ~ Binomial(n, q), k < n. The regularised incomplete beta function has it to
// within rounding for any n, so there is no normal approximation to switch to.
double at_most(std::uint64_t k, std::uint64_t n, double q) {
  const auto hits = static_cast<double>(k);
  return boost::math::ibetac(hits + 1.0, static_cast<double>(n) - hits, q, Quiet{});
}

// Where the answer lies for a tail that is not extreme: the mean less some deviations. Only a guess
// that saves steps: the caller checks both ends.
std::uint64_t guess(std::uint64_t n, double q, double deviations) {
  const auto trials = static_cast<double>(n);
  const double at = (trials * q) + (deviations * std::sqrt(trials * q * (1 - q)));
  return static_cast<std::uint64_t>(std::clamp(at, 0.0, trials - 1));
}

// The largest l with P(X(l) > quantile) = P(B <= l - 1) <= tail; 0 if there is none.
std::uint64_t low_rank(std::uint64_t n, double q, double tail) {
  if (n == 0 || at_most(0, n, q) > tail) return 0;
  std::uint64_t good = guess(n, q, -6);
  std::uint64_t bad = guess(n, q, 1);  // P(B <= mean + 1 sd) > 1/2 >= tail
  if (at_most(good, n, q) > tail) good = 0;
  if (at_most(bad, n, q) <= tail) bad = n;
  while (bad - good > 1) {
    const std::uint64_t middle = good + ((bad - good) / 2);
    (at_most(middle, n, q) <= tail ? good : bad) = middle;
  }
  return good + 1;
}

RankInterval find_ranks(std::uint64_t n, double q, double confidence) {
  const double tail = (1 - confidence) / 2;
  RankInterval interval;
  if (const auto low = low_rank(n, q, tail); low > 0) interval.low = low;
  // Counted from the top, the upper bound is the lower bound of the (1 - q)-quantile.
  if (const auto low = low_rank(n, 1 - q, tail); low > 0) interval.high = n + 1 - low;
  return interval;
}

}  // namespace

// Remembers some: of a thousand spans most are of as many probes as others, and the incomplete beta
// function costs more than all the rest of an interval.
RankInterval quantile_ranks(std::uint64_t n, double q, double confidence) {
  assert(q > 0 && q < 1 && confidence > 0 && confidence < 1);
  struct Known {
    std::uint64_t n = 0;
    double q = 0;
    double confidence = 0;
    RankInterval ranks;
  };
  constexpr std::size_t most = 4096;
  thread_local std::vector<Known> all(most);
  const auto mixed = n * 7 + static_cast<std::uint64_t>(q * 1e4);
  Known& known = all[mixed % most];
  if (known.n != n || known.q != q || known.confidence != confidence) {
    known = {.n = n, .q = q, .confidence = confidence, .ranks = find_ranks(n, q, confidence)};
  }
  return known.ranks;
}

double binomial_at_least(std::uint64_t k, std::uint64_t n, double p) {
  if (k == 0) return 1;
  return k > n ? 0 : 1 - at_most(k - 1, n, p);
}

std::uint64_t probes_needed(double q, double confidence) {
  assert(q > 0 && q < 1 && confidence > 0 && confidence < 1);
  const double tail = (1 - confidence) / 2;
  // The extreme samples bound the quantile once q^n <= tail and (1 - q)^n <= tail.
  const double n = std::log(tail) / std::log(std::max(q, 1 - q));
  return static_cast<std::uint64_t>(std::ceil(n - 1e-9));
}

}  // namespace strait::analyzer
