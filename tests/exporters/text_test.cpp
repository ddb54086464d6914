// SPDX-License-Identifier: Apache-2.0
#include "exporters/text.hpp"

#include <catch2/catch.hpp>

#include "exporters/text_table.hpp"
#include "tests/exporters/samples.hpp"

using namespace strait;
using namespace strait::exporters;
using namespace std::chrono_literals;

TEST_CASE("the table of the evidence") {
  auto fast = samples::evidence("atlas-offshore", "europe");
  auto few = samples::insufficient("loukkos", "europe");
  auto dead = samples::insufficient("estepona", "africa");
  dead.samples = 0;
  dead.min = std::nullopt;
  dead.rtt[0] = {.q = 0.5,
                 .value = analyzer::infinite_delay,
                 .low = analyzer::infinite_delay,
                 .high = analyzer::infinite_delay,
                 .probes = 41};
  dead.loss = {.value = 1, .low = 0.9143, .high = 1, .hits = 41, .trials = 41};
  dead.notes = {"target 192.0.2.9 left out: below its floor"};
  const std::vector evidence{fast, few, dead};
  CHECK(to_text(evidence, {}) == R"(africa
  path      p50                p95           loss                      min  pdv  floor  stretch
  estepona  lost [lost, lost]  insufficient  100.00 % [91.43, 100.00]    -    -      -        -  insufficient (41 probes, p95 needs 72)
  note on estepona: target 192.0.2.9 left out: below its floor
europe
  path            p50                            p95                            p99           loss                      min       pdv      ipdv     floor  stretch  detour
  atlas-offshore  19.30 ms [19.25 ms, 19.35 ms]  19.57 ms [19.55 ms, 19.59 ms]  insufficient  0.17 % [0.03, 0.94]  19.00 ms  0.593 ms  0.480 ms  16.00 ms     1.19  306 km
  loukkos         31.00 ms [30.90 ms, 31.10 ms]  insufficient                   -             0.00 % [0.00, 8.57]  30.00 ms         -         -         -        -       -  insufficient (41 probes, p95 needs 72)
)");
}

TEST_CASE("verdicts, each with its reason and its ranking") {
  auto none = samples::verdict();
  none.traffic_class = "africa";
  none.ruling = analyzer::Ruling::insufficient;
  none.path = std::nullopt;
  none.previous = std::nullopt;
  none.gain = std::nullopt;
  none.gain_low = none.gain;
  none.gain_high = none.gain;
  none.hold_until = std::nullopt;
  none.reason = "no path has enough probes";
  const std::vector verdicts{samples::verdict(), none};
  CHECK(to_text(verdicts, {}) == R"(europe: prefer atlas-offshore, until now loukkos
  p95 is 3.1 ms lower [2.9, 3.3] for 3 windows
  gain 3.100 ms [2.900 ms, 3.300 ms]
  held until 2026-11-23T16:56:00Z
  1.  atlas-offshore  eligible      -3.100 ms [-3.300 ms, -2.900 ms]  p95 19.6 ms
  -   loukkos         not eligible                                    41 probes, p95 needs 72
africa: insufficient (plain BGP decides)
  no path has enough probes
  1.  atlas-offshore  eligible      -3.100 ms [-3.300 ms, -2.900 ms]  p95 19.6 ms
  -   loukkos         not eligible                                    41 probes, p95 needs 72
)");
}

TEST_CASE("a part stands beneath its class, and without a path goes by it") {
  auto joined = samples::part_verdict();
  joined.path.reset();
  joined.ruling = analyzer::Ruling::keep;
  joined.gain.reset();
  joined.hold_until.reset();
  joined.ranking.clear();
  CHECK(to_text(std::vector{samples::part_verdict(), joined}, {}) ==
        R"(  europe:FR: prefer loukkos
    p95 is 3.1 ms lower [2.9, 3.3] for 3 windows
    gain 3.100 ms [2.900 ms, 3.300 ms]
    held until 2026-11-23T16:56:00Z
    1.  atlas-offshore  eligible      -3.100 ms [-3.300 ms, -2.900 ms]  p95 19.6 ms
    -   loukkos         not eligible                                    41 probes, p95 needs 72
  europe:FR: keep (goes by europe), until now loukkos
    p95 is 3.1 ms lower [2.9, 3.3] for 3 windows
)");
}

TEST_CASE("colours come only when asked for, and do not move the columns") {
  const std::vector evidence{samples::evidence("atlas-offshore", "europe"),
                             samples::insufficient("loukkos", "europe")};
  const std::string plain = to_text(evidence, {});
  std::string colourful = to_text(evidence, {.colours = true});
  CHECK(plain.find('\x1b') == std::string::npos);
  CHECK_THAT(colourful, Catch::Contains("\x1b[33minsufficient\x1b[0m"));
  for (auto at = colourful.find('\x1b'); at != std::string::npos; at = colourful.find('\x1b')) {
    colourful.erase(at, colourful.find('m', at) - at + 1);
  }
  CHECK(colourful == plain);
}

TEST_CASE("columns are measured in characters, not octets") {
  TextTable table;
  table.add_row({{"\xc3\xa9t\xc3\xa9"}, {"x"}});
  table.add_row({{"abcd"}, {"y", Colour::none, true}});
  CHECK(table.render("", false) == "\xc3\xa9t\xc3\xa9   x\nabcd  y\n");
}

TEST_CASE(
    "kilometres and great circle stand in the table where they are known, and asymmetry below") {
  auto known = samples::evidence("atlas-offshore", "europe");
  known.detour_km = 306.3;
  known.great_circle = analyzer::GreatCircle{
      .target = "paris", .round_trip = 18'490us, .stretch = 1.028, .detour_km = 52};
  known.one_way = {
      {.target = "paris", .samples = 300, .forward = 12ms, .reverse = 7ms, .error = 100us},
      {.target = "rome", .samples = 9, .forward = 7ms, .reverse = 8ms, .error = 1ms}};
  const std::vector evidence{known, samples::insufficient("loukkos", "europe")};
  const std::string text = to_text(evidence, {});
  CHECK_THAT(text, Catch::Contains("stretch  detour            great circle"));
  CHECK_THAT(text, Catch::Contains("1.19  306 km  paris: 18.49 ms x 1.03"));
  CHECK_THAT(text, Catch::Contains("one way on atlas-offshore: to paris 12.00 ms, back 7.000 ms "
                                   "(medians of 300): the way there is longer by 5.000 ms, to "
                                   "0.200 ms\n"));
  CHECK_THAT(text, Catch::Contains("the way there is as long as the clocks can tell (to 2.000 "
                                   "ms)\n"));
}
