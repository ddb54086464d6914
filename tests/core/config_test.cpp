// SPDX-License-Identifier: Apache-2.0
#include "core/config.hpp"

#include <catch2/catch.hpp>

using namespace strait;
using namespace std::chrono_literals;

namespace {

ConfigDocument parse(std::string_view text) {
  auto document = ConfigDocument::parse(text, "t.toml");
  REQUIRE(document.has_value());
  return *document;
}

}  // namespace

TEST_CASE("a configuration hands out typed values and has no errors") {
  auto document = parse(R"(
[probe]
interval = "20ms"
count = 7
share = 0.25
live = true
rate = "100/s"
source = "192.0.2.1"
vlans = [300, 101]
engine = "dpdk"
segments = ["cas-asilah", "atlas-offshore"]
[[path]]
name = "a"
[[path]]
name = "b"
[region.europe]
countries = ["ES"]
)");
  ConfigTable root = document.root();
  ConfigTable probe = root.table("probe");
  CHECK(probe.duration("interval") == Nanos{20ms});
  CHECK(probe.integer("count", 0, 10) == 7);
  CHECK(probe.number("share", 0, 1) == 0.25);
  CHECK(probe.boolean("live") == true);
  CHECK(probe.rate("rate") == Rate{100});
  CHECK(probe.address("source")->to_string() == "192.0.2.1");
  CHECK(probe.choice("engine", {"socket", "dpdk"}) == 1);
  CHECK(probe.texts("segments") == std::vector<std::string>{"cas-asilah", "atlas-offshore"});
  CHECK(probe.integers("vlans", 1, 4094) == std::vector<std::int64_t>{300, 101});
  auto paths = root.tables("path");
  REQUIRE(paths.size() == 2);
  CHECK(paths[0].text("name") == "a");
  CHECK(paths[1].text("name") == "b");
  auto regions = root.table("region").named_tables();
  REQUIRE(regions.size() == 1);
  CHECK(regions[0].first == "europe");
  CHECK(regions[0].second.texts("countries").size() == 1);
  CHECK_FALSE(document.errors().has_value());
}

TEST_CASE("absent keys give nothing and are no errors unless required") {
  auto document = parse("[probe]\n");
  ConfigTable probe = document.root().table("probe");
  CHECK_FALSE(probe.duration("interval").has_value());
  CHECK_FALSE(document.root().table("dpdk").exists());
  CHECK_FALSE(document.root().table("dpdk").text("poll").has_value());
  CHECK_FALSE(document.errors().has_value());

  document.root().table("site").require("name");
  probe.require("engine");
  const auto errors = document.errors();
  REQUIRE(errors.has_value());
  CHECK(errors->message ==
        "t.toml: error: [site] has no 'name'\n"
        "t.toml:1:1: error: [probe] has no 'engine'\n"
        "    1 | [probe]\n"
        "      | ^\n"
        "t.toml: 2 errors");
}

TEST_CASE("all mistakes are reported in one go, in order, with the line and a caret") {
  auto document = parse(
      "[probe]\n"
      "interval = 100\n"
      "intervall = \"1s\"\n"
      "\tcount = 11\n");
  ConfigTable probe = document.root().table("probe");
  CHECK_FALSE(probe.integer("count", 0, 10).has_value());
  CHECK_FALSE(probe.duration("interval").has_value());
  CHECK(document.errors()->message ==
        "t.toml:2:12: error: interval must be text with a unit, such as \"100ms\", not an integer\n"
        "    2 | interval = 100\n"
        "      |            ^\n"
        "t.toml:3:1: error: unknown key 'intervall'; did you mean 'interval'?\n"
        "    3 | intervall = \"1s\"\n"
        "      | ^\n"
        "t.toml:4:10: error: count is 11: want 0 to 10\n"
        "    4 | \tcount = 11\n"
        "      | \t        ^\n"
        "t.toml: 3 errors");
}

TEST_CASE("a wrong value names what was read and what was wanted") {
  struct Case {
    const char* value;
    const char* message;
  };
  const auto c = GENERATE(values<Case>({
      {"\"100\"", "no unit"},
      {"\"100 parsecs\"", "unknown unit"},
      {"\"0ms\"", "want more than 0"},
      {"\"fast\"", "not a number"},
      {"\"-1s\"", "not a number"},
      {"true", "not a boolean"},
      {"[1]", "not an array"},
      {"1979-05-27", "not a date or time"},
  }));
  CAPTURE(c.value);
  auto document = parse(std::string{"key = "} + c.value + "\n");
  CHECK_FALSE(document.root().duration("key").has_value());
  REQUIRE(document.errors().has_value());
  CHECK_THAT(document.errors()->message, Catch::Contains(c.message));
}

TEST_CASE("a syntax error has file, line, column, the line and a caret") {
  const auto document = ConfigDocument::parse("[probe]\ninterval = \n", "t.toml");
  REQUIRE_FALSE(document.has_value());
  CHECK_THAT(document.error().message, Catch::StartsWith("t.toml:2:"));
  CHECK_THAT(document.error().message, Catch::Contains("    2 | interval = "));
}

TEST_CASE("text that is not UTF-8 is refused at its position") {
  const auto text =
      GENERATE(as<std::string>{}, "a = 1\nb\xf9 = 2\n", "a = 1\nb\xc0\x80 = 2\n",
               "a = 1\nb\xed\xa0\x80 = 2\n", "a = 1\nb\xf4\x90\x80\x80 = 2\n", "a = 1\nb\xe2\x82");
  const auto document = ConfigDocument::parse(text, "t.toml");
  REQUIRE_FALSE(document.has_value());
  CHECK_THAT(document.error().message, Catch::StartsWith("t.toml:2:2: error: not UTF-8"));
  CHECK(ConfigDocument::parse("a = \"Est\u00e9pona \u20ac \U0001F30D\"\n", "t.toml").has_value());
}

TEST_CASE("two readers may share a table, and a table nobody asked for is unknown") {
  auto document = parse("[[path]]\nname = \"a\"\ndevice = \"eth0\"\n[extra]\nkey = 1\n");
  CHECK(document.root().tables("path")[0].text("name") == "a");
  CHECK(document.root().tables("path")[0].text("device") == "eth0");
  const auto errors = document.errors();
  REQUIRE(errors.has_value());
  CHECK_THAT(errors->message, Catch::Contains("4:2: error: unknown key 'extra'") ||
                                  Catch::Contains("4:1: error: unknown key 'extra'"));
  CHECK_THAT(errors->message, Catch::EndsWith("1 error"));
}

TEST_CASE("a file that cannot be read says so") {
  const auto document = ConfigDocument::load("/nonexistent/strait.toml");
  REQUIRE_FALSE(document.has_value());
  CHECK(document.error().code == Errc::not_found);
  CHECK_THAT(document.error().message, Catch::Contains("/nonexistent/strait.toml"));
}
