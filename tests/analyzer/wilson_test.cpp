// SPDX-License-Identifier: Apache-2.0
#include "analyzer/wilson.hpp"

#include <catch2/catch.hpp>

using strait::analyzer::wilson;

TEST_CASE("Wilson intervals are the published ones") {
  struct Case {
    std::uint64_t hits;
    std::uint64_t trials;
    double low;
    double high;
  };
  // Newcombe (1998), table I, method 3: 81/263, 15/148, 0/20, 1/29.
  const auto c = GENERATE(values<Case>({
      {81, 263, 0.2553, 0.3662},
      {15, 148, 0.0624, 0.1605},
      {0, 20, 0.0, 0.1611},
      {1, 29, 0.0061, 0.1718},
  }));
  CAPTURE(c.hits, c.trials);
  const auto proportion = wilson(c.hits, c.trials);
  CHECK(proportion.low == Approx(c.low).margin(0.00006));
  CHECK(proportion.high == Approx(c.high).margin(0.00006));
}

TEST_CASE("nothing known is the whole range, and the ends are exact") {
  CHECK(wilson(0, 0).low == 0);
  CHECK(wilson(0, 0).high == 1);
  CHECK(wilson(0, 0).trials == 0);
  CHECK(wilson(0, 100).low == 0);
  CHECK(wilson(100, 100).high == 1);
  CHECK(wilson(100, 100).low == Approx(1 - wilson(0, 100).high));
  CHECK(wilson(7, 5).hits == 5);
}
