// SPDX-License-Identifier: Apache-2.0
#include "analyzer/grain.hpp"

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
using test::place;
using test::places;
using test::spain_differs;
using test::target;

namespace {

std::vector<std::string> names_of(const std::vector<MeasuredPart>& parts) {
  std::vector<std::string> names;
  for (const MeasuredPart& each : parts) {
    names.push_back(each.part.name + " < " + each.part.whole);
  }
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("parts are what targets are in, and none that holds all targets of its whole") {
  const std::vector<Target> targets{target("paris"), target("lyon"), target("nice"),
                                    target("madrid"), target("nowhere")};
  CHECK(measured_parts(targets, places, Grain::region, {}).empty());
  CHECK(names_of(measured_parts(targets, places, Grain::country, {})) ==
        Names{"europe:ES < europe", "europe:FR < europe"});
  CHECK(names_of(measured_parts(targets, places, Grain::origin, {})) ==
        Names{"europe:ES < europe", "europe:FR < europe", "europe:FR:AS1 < europe:FR",
              "europe:FR:AS2 < europe:FR"});
  const auto fine = measured_parts(targets, places, Grain::prefix, {});
  CHECK(names_of(fine) == Names{"europe:ES < europe", "europe:FR < europe",
                                "europe:FR:AS1 < europe:FR", "europe:FR:AS2 < europe:FR",
                                "europe:FR:AS2:198.51.101.0/24 < europe:FR:AS2",
                                "europe:FR:AS2:198.51.102.0/24 < europe:FR:AS2"});
  CHECK(fine[1].targets.size() == 3);
  CHECK(fine[1].targets[0].traffic_class == "europe:FR");
  CHECK(fine[5].part.prefix == parse_prefix("198.51.102.0/24").value());
  CHECK(fine[5].part.origin == Asn{2});

  // With France alone the country says what the class does, and its origins hang on the class.
  const std::vector<Target> french{target("paris"), target("lyon"), target("nice")};
  CHECK(names_of(measured_parts(french, places, Grain::origin, {})) ==
        Names{"europe:FR:AS1 < europe", "europe:FR:AS2 < europe"});
}

TEST_CASE("a part weighs its share of all traffic, or as its targets do where that is unknown") {
  const std::vector<Target> targets{target("paris", 3), target("madrid", 1),
                                    target("rome", 5, "south"), target("nice", 5, "south")};
  const auto weights = [&](const Shares& shares) {
    std::map<std::string, double> found;
    for (const auto& each : measured_parts(targets, places, Grain::country, shares)) {
      found[each.part.name] = each.weight;
    }
    return found;
  };
  CHECK(weights({}) == std::map<std::string, double>{
                           {"europe:ES", 1}, {"europe:FR", 3}, {"south:FR", 5}, {"south:IT", 5}});
  const auto shared = weights({{"europe", 0.8}});
  CHECK(shared.at("europe:FR") == Approx(0.6));
  CHECK(shared.at("europe:ES") == Approx(0.2));
  CHECK(shared.at("south:IT") == 0);
}

TEST_CASE("without a grain there are no parts, whatever contradicts") {
  PartSite site = spain_differs();
  site.options.grain = Grain::region;
  site.minutes(6);
  CHECK(site.newest.parts.empty());
  CHECK(site.memory.size() == 1);
}

TEST_CASE("only so many parts have paths: those with most weight, then those with most to gain") {
  PartSite site;
  site.targets.push_back(target("lyon"));
  site.where["lyon"] = place("CH", 9, "192.0.3.0/24");
  site.targets.push_back(target("oslo", 20));  // keeps the class where it is
  site.where["oslo"] = place("NO", 8, "192.0.4.0/24");
  site.ms[{"loukkos", "oslo"}] = 40;
  site.ms[{"loukkos", "paris"}] = 10;
  site.ms[{"loukkos", "lyon"}] = 14;
  site.ms[{"loukkos", "madrid"}] = 12;
  site.targets[2].weight = 2;  // rome
  site.ms[{"loukkos", "rome"}] = 16;
  site.options.max_parts = 2;
  site.minutes(6);
  CHECK(site.split() == Names{"europe:FR", "europe:IT"});
  CHECK(site.part("europe:ES").standing == PartStanding::left_out);
  CHECK(site.part("europe:CH").standing == PartStanding::left_out);
  CHECK_THAT(site.part("europe:ES").verdict.reason,
             Catch::StartsWith("left to europe: at most 2 parts have paths of their own"));
  SECTION("who has one is not pushed out by somebody of equal weight") {
    site.ms[{"loukkos", "madrid"}] = 2;
    site.minutes(6);
    CHECK(site.split() == Names{"europe:FR", "europe:IT"});
  }
  SECTION("who weighs more pushes out") {
    site.targets[1].weight = 5;  // madrid
    site.minutes(3);
    CHECK(site.split() == Names{"europe:ES", "europe:IT"});
  }
  SECTION("with room for one more the next has its path at once") {
    site.options.max_parts = 3;
    site.minutes(1);
    CHECK(site.split() == Names{"europe:ES", "europe:FR", "europe:IT"});
  }
  SECTION("none") {
    site.options.max_parts = 0;
    site.minutes(1);
    CHECK(site.split().empty());
    CHECK_FALSE(site.memory.at("europe:FR").path);
  }
}

TEST_CASE("parts that are alike in all are ordered by their names, whatever order they come in") {
  std::vector<PartVerdict> parts;
  for (const char* const name : {"e:C", "e:A", "e:B"}) {
    PartVerdict part;
    part.verdict.traffic_class = name;
    part.verdict.gain = millis(3);
    part.standing = PartStanding::split;
    part.weight = 1;
    parts.push_back(part);
  }
  CHECK(beyond(parts, 3).empty());
  CHECK(beyond(parts, 1) == std::vector<std::size_t>{2, 0});
}

TEST_CASE("of hundreds of parts without a difference chance makes none") {
  const auto splits = [](double rate) {
    PartSite site;
    site.targets.clear();
    site.options.false_discovery = rate;
    site.options.evidence.objective = 0.5;
    site.options.pair_windows = 6;
    site.options.repeat = site.options.repeat_of = 1;
    site.queue_ms = 5;
    site.options.min_gain = Nanos{1};
    site.options.min_gain_ratio = 0;
    site.options.flap_half_life = Nanos{0};
    for (int i = 0; i < 120; ++i) {
      const std::string name = "t" + std::to_string(i);
      site.targets.push_back(target(name));
      const std::string country{static_cast<char>('A' + i / 26), static_cast<char>('A' + i % 26)};
      site.where[name] = place(country, 1, "192.0.2.0/24");
      site.replies[name] = 60;
    }
    std::size_t most = 0;
    for (int i = 0; i < 16; ++i) {
      site.minutes(1);
      most = std::max(most, site.split().size());
    }
    return most;
  };
  CHECK(splits(1) >= 3);
  CHECK(splits(0.05) == 0);
}

TEST_CASE("a second call, and one that remembers only what lasts, change nothing") {
  PartSite site = spain_differs();
  site.minutes(5);
  REQUIRE(site.split() == Names{"europe:ES"});
  const Decision again = site.decide_now();
  CHECK(again.memory == site.memory);
  site.memory = lasting(site.memory);
  CHECK(site.memory.size() == 2);  // europe and europe:ES
  CHECK(site.memory.contains("europe:ES"));
  PartSite other = site;
  other.memory = again.memory;
  for (int i = 0; i < 16; ++i) {
    site.ms[{"loukkos", "rome"}] = other.ms[{"loukkos", "rome"}] = i < 2 ? 25 : 10;
    site.minutes(1);
    other.minutes(1);
    site.memory = lasting(site.memory);
    CHECK(site.split() == other.split());
    for (const char* const name : {"europe:ES", "europe:FR", "europe:IT"}) {
      CHECK(site.part(name).verdict.path == other.part(name).verdict.path);
      CHECK(site.part(name).verdict.streak == other.part(name).verdict.streak);
    }
  }
  CHECK(site.split() == Names{"europe:ES", "europe:IT"});
}

TEST_CASE("the words for grains are read as they are written") {
  for (const Grain grain : {Grain::region, Grain::country, Grain::origin, Grain::prefix}) {
    CHECK(parse_grain(to_string(grain)) == grain);
  }
  CHECK_FALSE(parse_grain("town"));
  CHECK(class_of("europe:FR:AS1:2001:db8::/32") == "europe");
  CHECK(class_of("europe") == "europe");
}
