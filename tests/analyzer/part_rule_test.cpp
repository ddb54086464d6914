// SPDX-License-Identifier: Apache-2.0
#include "analyzer/part_rule.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "tests/analyzer/part_site.hpp"

using namespace strait;
using namespace strait::analyzer;
using test::millis;
using test::PartSite;
using test::path;
using test::spain_differs;
using test::start;
using test::target;

namespace {

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a country is split where its own targets contradict the class, and no other is") {
  PartSite site = spain_differs();
  site.minutes(2);
  CHECK(site.split().empty());
  CHECK_THAT(site.part("europe:ES").verdict.reason, Catch::Contains("better for 2 of 3 windows"));
  site.minutes(1);
  CHECK(site.split() == Names{"europe:ES"});
  const Verdict& verdict = site.part("europe:ES").verdict;
  CHECK(verdict.ruling == Ruling::prefer);
  CHECK(verdict.path == "loukkos");
  CHECK(verdict.whole == "europe");
  CHECK(verdict.gain.value() > millis(4));
  CHECK(verdict.gain_low.value() > millis(3));
  REQUIRE(site.newest.verdicts.size() == 1);
  CHECK(site.newest.verdicts[0].traffic_class == "europe");
  CHECK_FALSE(site.newest.verdicts[0].path);
  CHECK(site.part("europe:FR").standing == PartStanding::as_whole);
  // While it stays apart the gain shown is that of staying.
  site.minutes(1);
  CHECK(site.part("europe:ES").verdict.ruling == Ruling::keep);
  CHECK(site.part("europe:ES").verdict.rival == "loukkos");
  CHECK(site.part("europe:ES").verdict.gain_low.value() > millis(3));
}

TEST_CASE("a part joins its whole again once its own path is no better in windows running") {
  PartSite site = spain_differs();
  site.minutes(5);
  REQUIRE(site.path_of("europe:ES") == "loukkos");
  site.ms[{"loukkos", "madrid"}] = 20;
  int waited = 0;
  while (site.path_of("europe:ES") == "loukkos" && waited < 20) {
    site.minutes(1);
    ++waited;
  }
  CHECK(waited >= 3);  // repeat
  CHECK(waited < 12);
  const Verdict& verdict = site.part("europe:ES").verdict;
  CHECK(verdict.previous == "loukkos");
  CHECK(verdict.ruling == Ruling::keep);
  CHECK_THAT(verdict.reason, Catch::StartsWith("joined again: loukkos is no longer clearly better "
                                               "than atlas, by which europe goes for 3 windows"));
  CHECK(site.part("europe:ES").standing == PartStanding::as_whole);
  CHECK(site.memory.at("europe:ES").penalty > 1.5);  // both changes count
}

TEST_CASE("a part stays apart while its gain exceeds half of the thresholds") {
  PartSite site = spain_differs();
  site.queue_ms = 0.1;
  site.minutes(5);
  REQUIRE(site.split() == Names{"europe:ES"});
  // 0.8 ms: too little to be split for it (1 ms), enough to stay (0.5 ms).
  site.ms[{"loukkos", "madrid"}] = 19.2;
  site.minutes(25);
  CHECK(site.split() == Names{"europe:ES"});
  PartSite other = spain_differs();
  other.queue_ms = 0.1;
  other.ms[{"loukkos", "madrid"}] = 19.2;
  other.minutes(25);
  CHECK(other.split().empty());
}

TEST_CASE("a part whose own evidence is missing or thin goes by its whole") {
  PartSite site = spain_differs();
  SECTION("from the start") {
    site.replies["madrid"] = 2;
    site.minutes(6);
    CHECK(site.split().empty());
    CHECK(site.part("europe:ES").standing == PartStanding::unmeasured);
  }
  SECTION("later on") {
    site.minutes(5);
    REQUIRE(site.split() == Names{"europe:ES"});
    site.replies["madrid"] = 0;
    site.minutes(5);  // the newest of its windows is then older than three
    CHECK(site.split().empty());
    CHECK_FALSE(site.memory.at("europe:ES").path);
  }
}

TEST_CASE("of one path alone a part hears nothing, and it joins again") {
  PartSite site = spain_differs();
  site.minutes(5);
  REQUIRE(site.split() == Names{"europe:ES"});
  std::erase_if(site.paths, [](const routes::Path& each) { return each.name == "atlas"; });
  site.minutes(6);
  CHECK(site.split().empty());
  CHECK_THAT(site.part("europe:ES").verdict.reason, Catch::Contains("which is no path"));
}

TEST_CASE("where nobody knows what the whole goes by, nothing contradicts it") {
  PartSite site = spain_differs();
  for (const char* const each : {"paris", "rome"}) site.ms[{"loukkos", each}] = 20;
  site.by_default.clear();
  site.minutes(6);
  REQUIRE_FALSE(site.newest.verdicts[0].path);
  CHECK(site.split().empty());
  CHECK(site.part("europe:ES").standing == PartStanding::unmeasured);
  CHECK(site.part("europe:ES").verdict.reason == "what europe goes by there is not known");
}

TEST_CASE(
    "a part that is dead by its whole's path leaves it at once, and returns when it is well") {
  PartSite site;
  site.minutes(5);
  site.lost[{"atlas", "rome"}] = 200;
  site.minutes(1);
  CHECK(site.split() == Names{"europe:IT"});
  CHECK_THAT(site.part("europe:IT").verdict.reason, Catch::Contains("is left at once"));
  site.lost.clear();
  site.minutes(30);
  CHECK(site.split().empty());
}

TEST_CASE("a part that has lost its own path goes by its whole at once") {
  PartSite site = spain_differs();
  site.minutes(5);
  REQUIRE(site.split() == Names{"europe:ES"});
  site.lost[{"loukkos", "madrid"}] = 250;
  site.minutes(1);
  CHECK(site.split().empty());
  CHECK(site.part("europe:ES").verdict.previous == "loukkos");
  CHECK(site.part("europe:ES").verdict.ruling == Ruling::keep);
}

TEST_CASE("a part is none any more when its whole comes to its path") {
  PartSite site = spain_differs();
  site.minutes(5);
  REQUIRE(site.split() == Names{"europe:ES"});
  for (const char* const each : {"paris", "rome"}) site.ms[{"loukkos", each}] = 10;
  site.minutes(12);
  REQUIRE(site.newest.verdicts[0].path == "loukkos");
  CHECK(site.split().empty());
  CHECK(site.memory.at("europe:ES").against == "loukkos");
}

TEST_CASE("what a part has remembered of another path of its whole does not count") {
  PartSite site = spain_differs();
  site.minutes(2);
  REQUIRE(site.memory.at("europe:ES").streak == 2);
  site.by_default["europe"] = "loukkos";
  site.minutes(1);
  CHECK(site.split().empty());
  CHECK(site.memory.at("europe:ES").streak == 0);
  CHECK(site.memory.at("europe:ES").against == "loukkos");
}

TEST_CASE("no part goes where policy forbids its class to go, nor where nothing is offered") {
  PartSite site = spain_differs();
  SECTION("policy") {
    site.paths[1].countries = {"MA", "ES"};
    site.paths[0].countries = {"MA"};
    site.options.policies = {{.traffic_class = "europe",
                              .allow_transit = std::nullopt,
                              .avoid_transit = {"ES"},
                              .keep_domestic = false}};
    site.minutes(6);
    CHECK(site.part("europe:ES").verdict.ruling == Ruling::forbidden);
  }
  SECTION("offers") {
    site.routed.emplace();
    for (const char* const name : {"europe", "europe:FR", "europe:IT"}) {
      (*site.routed)[name] = {"atlas", "loukkos"};
    }
    (*site.routed)["europe:ES"] = {"atlas"};
    site.minutes(6);
  }
  CHECK(site.split().empty());
}

TEST_CASE("a whole's path that offers nothing of a part leaves it to plain BGP") {
  PartSite site;
  for (const char* const each : {"paris", "madrid", "rome"}) site.ms[{"loukkos", each}] = 10;
  site.routed.emplace();
  for (const char* const name : {"europe", "europe:FR", "europe:IT"}) {
    (*site.routed)[name] = {"atlas", "loukkos"};
  }
  (*site.routed)["europe:ES"] = {"atlas"};
  site.minutes(6);
  REQUIRE(site.newest.verdicts[0].path == "loukkos");
  CHECK(site.split().empty());
  CHECK(site.memory.at("europe:ES").against == "atlas");
}

TEST_CASE("a part within a part is held against the path of that one") {
  PartSite site;
  site.options.grain = Grain::origin;
  site.targets = {target("paris"), target("lyon"), target("nice"), target("madrid", 10)};
  site.ms[{"loukkos", "madrid"}] = 30;
  for (const char* const each : {"lyon", "nice"}) site.ms[{"loukkos", each}] = 10;
  site.ms[{"loukkos", "paris"}] = 28;  // AS1 of France goes by atlas, as the class does
  site.options.evidence.objective = 0.5;
  site.minutes(12);
  CHECK(site.path_of("europe:FR") == "loukkos");
  CHECK(site.path_of("europe:FR:AS2") == "as europe:FR");  // agrees with its country
  CHECK(site.path_of("europe:FR:AS1") == "atlas");
  SECTION("and not in the class's way when that one is left out") {
    site.options.max_parts = 0;
    site.minutes(1);
    CHECK(site.part("europe:FR").standing == PartStanding::left_out);
    CHECK(site.part("europe:FR:AS1").standing == PartStanding::as_whole);
  }
}
