// SPDX-License-Identifier: Apache-2.0
#include "routes/model/plan_diff.hpp"

#include <catch2/catch.hpp>

#include "tests/routes/plan_examples.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

TEST_CASE("a plan differs from itself in nothing") {
  CHECK_THAT(diff_text(two_classes(), two_classes()), Catch::EndsWith("No change.\n"));
  CHECK(diff_text(empty_plan(), empty_plan()) == "No change.\n");
}

TEST_CASE("a class that moves, shrinks, comes or goes is said in one line each") {
  struct Case {
    Plan before;
    Plan after;
    const char* says;
  };
  Plan moved = two_classes();
  moved.preferences[1] = preference("europe", "loukkos", "u2", {"192.0.2.0/24"});
  Plan smaller = two_classes();
  smaller.preferences[1].prefixes.pop_back();
  const auto c = GENERATE_COPY(values<Case>({
      {empty_plan(), two_classes(), "europe at u1: plain BGP -> atlas-offshore (local-pref 200, 2"},
      {two_classes(), empty_plan(), "africa at u3: mtwa (local-pref 200, 2 prefixes) -> plain BGP"},
      {two_classes(), moved, "europe at u2: plain BGP -> loukkos"},
      {two_classes(), moved, "europe at u1: atlas-offshore (local-pref 200, 2 prefixes) -> plain"},
      {two_classes(), moved, "africa at u3: stays mtwa"},
      {two_classes(), smaller, "  - 203.0.113.0/24\n"},
      {smaller, two_classes(), "  + 203.0.113.0/24\n"},
  }));
  CHECK_THAT(diff_text(c.before, c.after), Catch::Contains(c.says));
}
