// SPDX-License-Identifier: Apache-2.0
#include "probe/simulated/read_scenario.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <chrono>

using namespace strait;
using namespace strait::probe::simulated;
using namespace std::chrono_literals;

namespace {

constexpr const char* good = R"(title = "t"
source = "s"
start = "2025-03-05T12:00:00Z"
length = "4h"
seed = 7
[probe]
window = "30s"
interval = "500ms"
flows = 2
protocol = "icmp"
[[path]]
name = "near"
segments = ["a", "shared"]
members = ["0ms", "2ms"]
[path.burst]
every = "1h"
length = "2s"
loss = 0.5
[[path]]
name = "far"
segments = ["shared"]
[[target]]
name = "paris"
region = "europe"
clock_offset = "-3ms"
[target.rtt]
near = "20ms"
far = "30ms"
[[region]]
name = "europe"
default_path = "far"
)";

}  // namespace

TEST_CASE("a scenario says all that the file says, and events of a segment strike its paths") {
  const auto scenario = parse_scenario(std::string{good} + R"([[event]]
kind = "cut"
segments = ["shared"]
at = "1h"
for = "10m"
[[event]]
kind = "shift"
paths = ["near"]
at = "2025-03-05T12:30:00Z"
size = "-1.5ms"
)",
                                       "x.toml");
  REQUIRE(scenario.has_value());
  CHECK(scenario->seed == 7);
  CHECK(scenario->window == 30s);
  CHECK(scenario->flows == 2);
  CHECK(scenario->protocol == Protocol::icmp);
  CHECK(scenario->paths[0].members == std::vector<Nanos>{0ms, 2ms});
  CHECK(scenario->paths[0].burst->length == 2s);
  CHECK(scenario->targets[0].clock_offset == -3ms);
  CHECK(scenario->defaults.at("europe") == "far");
  REQUIRE(scenario->events.size() == 2);  // by time
  CHECK(scenario->events[0].kind == Happening::shift);
  CHECK(scenario->events[0].size == -1500us);
  CHECK(scenario->events[0].to == scenario->end());
  CHECK(scenario->events[1].paths == std::vector<std::string>{"far", "near"});
  CHECK(scenario->events[1].to == scenario->start + 70min);
}

TEST_CASE("a mistake in a scenario is told with its line and what was wanted") {
  struct Case {
    const char* more;
    const char* told;
  };
  const auto c = GENERATE(values<Case>({
      {"[[event]]\nkind = \"cutt\"\npaths = [\"near\"]\nat = \"1h\"\n", "'cutt': want one of cut"},
      {"[[event]]\nkind = \"cut\"\npaths = [\"neer\"]\nat = \"1h\"\n", "did you mean 'near'?"},
      {"[[event]]\nkind = \"cut\"\nat = \"1h\"\n", "cut needs 'paths' or 'segments'"},
      {"[[event]]\nkind = \"outage\"\nat = \"1h\"\n", "outage needs 'targets'"},
      {"[[event]]\nkind = \"cut\"\npaths = [\"near\"]\n", "[event] has no 'at'"},
      {"[[event]]\nkind = \"cut\"\npaths = [\"near\"]\nat = \"5h\"\n", "outside of the scenario"},
      {"[[event]]\nkind = \"cut\"\npaths = [\"near\"]\nat = \"soon\"\n",
       "how long after the start"},
      {"[[event]]\nkind = \"cut\"\npaths = [\"near\"]\nat = \"2h\"\nuntil = \"1h\"\n",
       "ends before it begins"},
      {"[[event]]\nkind = \"shift\"\npaths = [\"near\"]\nat = \"1h\"\n", "[event] has no 'size'"},
      {"[[event]]\nkind = \"loss\"\npaths = [\"near\"]\nat = \"1h\"\nloss = 2\n", "want 0 to 1"},
      {"[[event]]\nkind = \"cut\"\nsegments = [\"b\"]\nat = \"1h\"\n", "unknown segment"},
      {"[[event]]\nkind = \"queueing\"\npaths = [\"near\"]\nat = \"1h\"\nsize = \"-1ms\"\n",
       "a queue only adds"},
      {"[[path]]\nname = \"near\"\n", "'near' is there twice"},
      {"[[target]]\nname = \"x\"\nregion = \"europe\"\n", "no path leads here"},
      {"[[region]]\nname = \"africa\"\ndefault_path = \"nar\"\n", "unknown path 'nar'"},
      {"bogus = 1\n", "bogus"},
  }));
  CAPTURE(c.more);
  const auto scenario = parse_scenario(std::string{good} + c.more, "x.toml");
  REQUIRE_FALSE(scenario.has_value());
  CHECK_THAT(scenario.error().message, Catch::Contains(c.told));
  CHECK_THAT(scenario.error().message, Catch::Contains("x.toml:"));
}

TEST_CASE("times beyond the calendar are mistakes, not overflows") {
  struct Case {
    const char* from;
    const char* to;
    const char* told;
  };
  const auto c = GENERATE(values<Case>({
      {"length = \"4h\"", "length = \"9000d\"", "at most five years"},
      {"2025-03-05T12:00:00Z", "2261-03-05T12:00:00Z", "want a year from 1970 to 2199"},
      {"interval = \"500ms\"", "interval = \"1us\"", "probes in a window: want 2 to 100000"},
      {"interval = \"500ms\"", "interval = \"20s\"", "1 probes in a window"},
      {"flows = 2", "flows = 65", "want 1 to 64"},
  }));
  CAPTURE(c.to);
  std::string text = good;
  text.replace(text.find(c.from), std::string_view{c.from}.size(), c.to);
  const auto scenario = parse_scenario(text, "x.toml");
  REQUIRE_FALSE(scenario.has_value());
  CHECK_THAT(scenario.error().message, Catch::Contains(c.told));
}
