// SPDX-License-Identifier: Apache-2.0
#include "analyzer/sliding.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

using strait::analyzer::Sliding;

namespace {

double ranked(std::vector<double> values, double q) {
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

}  // namespace

TEST_CASE("a sliding series has the quantiles and the deviation of its newest values") {
  std::mt19937_64 random{7};  // NOLINT(bugprone-random-generator-seed)
  const std::size_t most = GENERATE(1U, 2U, 7U, 120U);
  const int kinds = GENERATE(3, 1000);  // of values: many are equal, or few
  std::uniform_int_distribution<int> any{0, kinds};
  Sliding sliding{most};
  std::vector<double> all;
  for (int i = 0; i < 300; ++i) {
    all.push_back(any(random));
    sliding.push(all.back());
    const std::vector<double> newest(
        all.end() - static_cast<std::ptrdiff_t>(std::min(most, all.size())), all.end());
    REQUIRE(sliding.size() == newest.size());
    for (const double q : {0.0, 0.1, 0.25, 0.5, 0.95, 1.0}) {
      REQUIRE(sliding.quantile(q) == ranked(newest, q));
    }
    std::vector<double> distances;
    for (const double value : newest) distances.push_back(std::abs(value - ranked(newest, 0.5)));
    REQUIRE(sliding.deviation() == Approx(1.4826 * ranked(distances, 0.5)));
  }
  sliding.assign(std::vector<double>{5});
  CHECK(sliding.size() == 1);
  CHECK(sliding.quantile(0.5) == 5);
  CHECK(sliding.deviation() == 0);
}
