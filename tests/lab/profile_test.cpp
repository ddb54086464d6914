// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/profile.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

using namespace strait;
using namespace strait::lab;
using namespace std::chrono_literals;

namespace {

std::vector<double> draws_ms(const Profile& profile, int count) {
  std::mt19937_64 random{1};
  std::vector<double> delays;
  for (int i = 0; i < count; ++i) {
    if (const auto delay = draw(profile, random)) {
      delays.push_back(static_cast<double>(delay->count()) / 1e6);
    }
  }
  return delays;
}

}  // namespace

TEST_CASE("the longest prefix that holds the far end decides") {
  ProfileTable table;
  for (const char* prefix : {"198.18.0.0/15", "198.18.64.0/18", "198.18.64.10/32", "0.0.0.0/0",
                             "2001:db8::/32", "2001:db8:200::/40"}) {
    table.at(parse_prefix(prefix).value());
  }
  struct Case {
    const char* far;
    const char* key;
  };
  const auto c = GENERATE(values<Case>({
      {"198.18.64.10", "198.18.64.10/32"},
      {"198.18.64.11", "198.18.64.0/18"},
      {"198.18.127.255", "198.18.64.0/18"},
      {"198.18.128.0", "198.18.0.0/15"},
      {"100.64.1.1", "0.0.0.0/0"},
      {"2001:db8:200::1", "2001:db8:200::/40"},
      {"2001:db8:300::1", "2001:db8::/32"},
      {"fd00::1", "-"},
  }));
  CAPTURE(c.far);
  CHECK(to_string(table.match(parse_address(c.far).value())) == c.key);
}

TEST_CASE("a drawn delay follows the profile") {
  SECTION("without jitter it is the delay itself") {
    const auto delays = draws_ms({.delay = 9ms}, 100);
    CHECK(std::ranges::all_of(delays, [](double ms) { return ms == 9.0; }));
  }
  SECTION("uniform jitter stays inside its half width, and uses all of it") {
    const auto delays = draws_ms({.delay = 9ms, .jitter = 1ms}, 10'000);
    CHECK(std::ranges::min(delays) == Approx(8.0).margin(0.01));
    CHECK(std::ranges::max(delays) == Approx(10.0).margin(0.01));
  }
  SECTION("normal jitter has the set standard deviation") {
    const auto delays =
        draws_ms({.delay = 9ms, .jitter = 1ms, .shape = JitterShape::normal}, 10'000);
    double squares = 0;
    for (const double ms : delays) squares += (ms - 9) * (ms - 9);
    CHECK(std::sqrt(squares / 10'000) == Approx(1.0).margin(0.03));
  }
  SECTION("it is never negative") {
    const auto delays = draws_ms({.delay = 1ms, .jitter = 5ms}, 10'000);
    CHECK(std::ranges::min(delays) == 0.0);
  }
}

TEST_CASE("loss takes its share, and a blackhole everything") {
  CHECK(draws_ms({.loss = 0.25}, 10'000).size() == Approx(7'500).margin(200));
  CHECK(draws_ms({.loss = 1}, 100).empty());
  CHECK(draws_ms({.blackhole = true}, 100).empty());
  CHECK(draws_ms({}, 100).size() == 100);
}
