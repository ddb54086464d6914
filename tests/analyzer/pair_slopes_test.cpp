// SPDX-License-Identifier: Apache-2.0
#include "analyzer/pair_slopes.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <vector>

namespace strait::analyzer {
namespace {

// By the definition: every pair of the range.
double median_of_all(const std::vector<TimedValue>& series, std::size_t begin, std::size_t end) {
  std::vector<double> slopes;
  for (std::size_t i = begin; i < end; ++i) {
    for (std::size_t j = i + 1; j < end; ++j) {
      slopes.push_back((series[j].value - series[i].value) / (series[j].at - series[i].at));
    }
  }
  std::ranges::sort(slopes);
  const std::size_t middle = slopes.size() / 2;
  return slopes.size() % 2 == 1 ? slopes[middle] : (slopes[middle - 1] + slopes[middle]) / 2;
}

std::vector<TimedValue> random_series(std::mt19937& random, bool coarse) {
  // Few different values make many equal slopes.
  std::uniform_int_distribution<int> value{-3, 3};
  std::uniform_real_distribution<double> fine{-1, 1};
  std::vector<TimedValue> series;
  series.reserve(60);
  for (int i = 0; i < 60; ++i) series.push_back({60.0 * i, coarse ? value(random) : fine(random)});
  return series;
}

TEST_CASE("a range that moves on has the median slope of its own pairs, wherever it jumps to") {
  const bool coarse = GENERATE(false, true);
  for (unsigned seed = 1; seed <= 50; ++seed) {
    std::mt19937 random{seed};
    const auto series = random_series(random, coarse);
    PairSlopes slopes{series};
    std::uniform_int_distribution<std::size_t> step{0, 8};
    std::size_t begin = 0;
    std::size_t end = 0;
    while (end < series.size()) {
      begin += step(random);
      end = std::min(std::max(end, begin) + step(random), series.size());
      begin = std::min(begin, end);
      slopes.move_to(begin, end);
      if (end - begin < 2) continue;
      CAPTURE(coarse, seed, begin, end);
      REQUIRE(slopes.median() == median_of_all(series, begin, end));
    }
  }
}

}  // namespace
}  // namespace strait::analyzer
