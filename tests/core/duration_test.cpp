// SPDX-License-Identifier: Apache-2.0
#include "core/duration.hpp"

#include <catch2/catch.hpp>

using namespace strait;
using namespace std::chrono_literals;

TEST_CASE("parse_duration reads every unit and refuses what has none") {
  struct Case {
    const char* text;
    std::int64_t nanos;  // -1: refused
  };
  const auto c = GENERATE(values<Case>({
      {"250us", 250'000},
      {"15ms", 15'000'000},
      {"1.5s", 1'500'000'000},
      {"0.1ms", 100'000},
      {"1m", 60'000'000'000},
      {"2h", 7'200'000'000'000},
      {"7d", 604'800'000'000'000},
      {"3ns", 3},
      {"0s", 0},
      {"100", -1},
      {"ms", -1},
      {"1 ms", -1},
      {"-1ms", -1},
      {"1e3ms", -1},
      {"1.2.3s", -1},
      {"nan s", -1},
      {"1ms ", -1},
      {"999999d", -1},
      {"", -1},
  }));
  CAPTURE(c.text);
  const auto duration = parse_duration(c.text);
  REQUIRE(duration.has_value() == (c.nanos >= 0));
  if (duration) CHECK(duration->count() == c.nanos);
}

TEST_CASE("a printed duration parses back to itself") {
  const auto nanos = GENERATE(values<std::int64_t>(
      {0, 1, 999, 1000, 1500, 15'000'000, 1'500'000'000, 90'000'000'000, 86'400'000'000'000}));
  CHECK(parse_duration(to_string(Nanos{nanos}))->count() == nanos);
}

TEST_CASE("durations for people keep four significant digits") {
  CHECK(to_text(Nanos{19'284'000}) == "19.28 ms");
  CHECK(to_text(Nanos{553'400}) == "0.553 ms");
  CHECK(to_text(Nanos{8'002'000}) == "8.002 ms");
  CHECK(to_text(Nanos{144'300'000}) == "144.3 ms");
  CHECK(to_text(Nanos{1'500'000'000}) == "1.50 s");
  CHECK(to_text(Nanos{-1'200'000}) == "-1.200 ms");
}

TEST_CASE("parse_rate reads events per unit of time") {
  CHECK(parse_rate("100/s") == Rate{100});
  CHECK(parse_rate("6/m")->per_second == Approx(0.1));
  CHECK(parse_rate("1/ms")->per_second == Approx(1000));
  for (const char* text : {"100", "/s", "100/", "100/x", "-1/s"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_rate(text).has_value());
  }
}

TEST_CASE("parse_bit_rate reads decimal units with or without a space, and nothing else") {
  struct Case {
    const char* text;
    double bits;  // 0: refused
  };
  const auto c = GENERATE(values<Case>({{"10 Gbit/s", 1e10},
                                        {"500Mbit/s", 5e8},
                                        {"1.5 Tbit/s", 1.5e12},
                                        {"64 kbit/s", 64e3},
                                        {"300 bit/s", 300},
                                        {"0 Gbit/s", 0},
                                        {"10", 0},
                                        {"Gbit/s", 0},
                                        {"-1 Gbit/s", 0},
                                        {"10 gbit/s", 0},
                                        {"10 GB/s", 0},
                                        {"10  Gbit/s", 0},
                                        {"10 Gbit/s ", 0},
                                        {"", 0}}));
  CAPTURE(c.text);
  const auto rate = parse_bit_rate(c.text);
  REQUIRE(rate.has_value() == (c.bits > 0));
  if (rate) {
    CHECK(rate->per_second == Approx(c.bits));
    CHECK(parse_bit_rate(to_string(*rate)).value() == *rate);
  } else {
    CHECK_THAT(rate.error().message, Catch::Contains("want a number above 0 and a unit"));
  }
}

TEST_CASE("a bit rate is said in the largest unit that keeps it at 1 or above") {
  CHECK(to_string(BitRate{1e10}) == "10 Gbit/s");
  CHECK(to_string(BitRate{999e6}) == "999 Mbit/s");
  CHECK(to_string(BitRate{1e9}) == "1 Gbit/s");
  CHECK(to_string(BitRate{2'345'600}) == "2.346 Mbit/s");
  CHECK(to_string(BitRate{0}) == "0 bit/s");
}
