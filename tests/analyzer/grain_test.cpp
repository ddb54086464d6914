// SPDX-License-Identifier: Apache-2.0
#include "analyzer/grain.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "analyzer/decision.hpp"
#include "tests/analyzer/windows.hpp"

using namespace strait;
using namespace strait::analyzer;
using test::millis;
using test::minute;
using test::path;
using test::start;
using test::WindowBuilder;

namespace {

Target target(std::string name, double weight = 1, std::string traffic_class = "europe") {
  return {.name = std::move(name), .traffic_class = std::move(traffic_class), .weight = weight};
}

TargetPlace place(std::string country, std::uint32_t origin, const char* prefix) {
  return {
      .country = std::move(country), .origin = Asn{origin}, .prefix = parse_prefix(prefix).value()};
}

std::vector<std::string> names_of(const std::vector<MeasuredPart>& parts) {
  std::vector<std::string> names;
  for (const MeasuredPart& each : parts) {
    names.push_back(each.part.name + " < " + each.part.whole);
  }
  return names;
}

const TargetPlaces places{{"paris", place("FR", 1, "198.51.100.0/24")},
                          {"lyon", place("FR", 2, "198.51.101.0/24")},
                          {"nice", place("FR", 2, "198.51.102.0/24")},
                          {"madrid", place("ES", 3, "203.0.113.0/24")},
                          {"rome", place("IT", 4, "192.0.2.0/24")}};

// A site with two paths, of which BGP uses the first; a minute is judged when it is over.
struct Site {
  std::vector<Target> targets{target("paris"), target("madrid"), target("rome")};
  TargetPlaces where = places;
  std::vector<routes::Path> paths{path("atlas"), path("loukkos")};
  std::map<std::string, std::string, std::less<>> by_default{{"europe", "atlas"}};
  std::optional<std::map<std::string, std::set<std::string>, std::less<>>> routed;
  Shares shares;
  DecisionOptions options;
  std::map<std::pair<std::string, std::string>, double> ms;  // by path and target, else 20
  std::map<std::pair<std::string, std::string>, int> lost;   // of 300
  std::map<std::string, int> replies;                        // of a target, else 300
  double queue_ms = 0.5;
  std::vector<Window> windows;
  DecisionMemory memory;
  Decision newest;
  std::mt19937_64 random{7};  // NOLINT(bugprone-random-generator-seed)
  int now = 0;

  Site() { options.grain = Grain::country; }

  void measure() {
    for (const routes::Path& way : paths) {
      for (const Target& each : targets) {
        const std::pair key{way.name, each.name};
        const auto delay = ms.find(key);
        const auto count = replies.find(each.name);
        const int some = count == replies.end() ? 300 : count->second;
        if (some == 0) continue;
        WindowBuilder window(way.name, each.name, now);
        window.noisy(random, millis(delay == ms.end() ? 20 : delay->second), millis(queue_ms),
                     some);
        if (const auto gone = lost.find(key); gone != lost.end()) {
          window.lost(static_cast<std::uint64_t>(gone->second));
        }
        windows.push_back(window);
      }
    }
    ++now;
  }
  Decision decide_now() {
    const auto parts = measured_parts(targets, where, options.grain, shares);
    auto defaults = by_default;
    for (const MeasuredPart& each : parts) {
      const auto of_class = by_default.find(each.part.traffic_class);
      if (of_class != by_default.end()) defaults.try_emplace(each.part.name, of_class->second);
    }
    const DecisionInputs inputs{.windows = windows,
                                .network = {targets, paths, {}},
                                .routed = routed,
                                .default_path = defaults,
                                .pins = {},
                                .rates = {},
                                .parts = parts};
    return decide(inputs, memory, options, start + now * minute);
  }
  void minutes(int count) {
    for (int i = 0; i < count; ++i) {
      measure();
      newest = decide_now();
      memory = newest.memory;
    }
  }
  const PartVerdict& part(const std::string& name) const {
    const auto found = std::ranges::find_if(
        newest.parts, [&](const PartVerdict& each) { return each.verdict.traffic_class == name; });
    REQUIRE(found != newest.parts.end());
    return *found;
  }
  std::string path_of(const std::string& name) const {
    return part(name).verdict.path.value_or("as " + part(name).verdict.whole);
  }
  std::vector<std::string> split() const {
    std::vector<std::string> names;
    for (const PartVerdict& each : newest.parts) {
      if (each.standing == PartStanding::split) names.push_back(each.verdict.traffic_class);
    }
    return names;
  }
};

// Spain is 5 ms nearer by loukkos, and the others 5 ms farther.
Site spain_differs() {
  Site site;
  for (const char* const far : {"paris", "rome"}) site.ms[{"loukkos", far}] = 25;
  site.ms[{"loukkos", "madrid"}] = 15;
  return site;
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

TEST_CASE("a country is split where its own targets contradict the class, and no other is") {
  Site site = spain_differs();
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

TEST_CASE("without a grain there are no parts, whatever contradicts") {
  Site site = spain_differs();
  site.options.grain = Grain::region;
  site.minutes(6);
  CHECK(site.newest.parts.empty());
  CHECK(site.memory.size() == 1);
}

TEST_CASE("a part joins its whole again once its own path is no better in windows running") {
  Site site = spain_differs();
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
  Site site = spain_differs();
  site.queue_ms = 0.1;
  site.minutes(5);
  REQUIRE(site.split() == Names{"europe:ES"});
  // 0.8 ms: too little to be split for it (1 ms), enough to stay (0.5 ms).
  site.ms[{"loukkos", "madrid"}] = 19.2;
  site.minutes(25);
  CHECK(site.split() == Names{"europe:ES"});
  Site other = spain_differs();
  other.queue_ms = 0.1;
  other.ms[{"loukkos", "madrid"}] = 19.2;
  other.minutes(25);
  CHECK(other.split().empty());
}

TEST_CASE("a part whose own evidence is missing or thin goes by its whole") {
  Site site = spain_differs();
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
  Site site = spain_differs();
  site.minutes(5);
  REQUIRE(site.split() == Names{"europe:ES"});
  std::erase_if(site.paths, [](const routes::Path& each) { return each.name == "atlas"; });
  site.minutes(6);
  CHECK(site.split().empty());
  CHECK_THAT(site.part("europe:ES").verdict.reason, Catch::Contains("which is no path"));
}

TEST_CASE("where nobody knows what the whole goes by, nothing contradicts it") {
  Site site = spain_differs();
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
  Site site;
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
  Site site = spain_differs();
  site.minutes(5);
  REQUIRE(site.split() == Names{"europe:ES"});
  site.lost[{"loukkos", "madrid"}] = 250;
  site.minutes(1);
  CHECK(site.split().empty());
  CHECK(site.part("europe:ES").verdict.previous == "loukkos");
  CHECK(site.part("europe:ES").verdict.ruling == Ruling::keep);
}

TEST_CASE("a part is none any more when its whole comes to its path") {
  Site site = spain_differs();
  site.minutes(5);
  REQUIRE(site.split() == Names{"europe:ES"});
  for (const char* const each : {"paris", "rome"}) site.ms[{"loukkos", each}] = 10;
  site.minutes(12);
  REQUIRE(site.newest.verdicts[0].path == "loukkos");
  CHECK(site.split().empty());
  CHECK(site.memory.at("europe:ES").against == "loukkos");
}

TEST_CASE("what a part has remembered of another path of its whole does not count") {
  Site site = spain_differs();
  site.minutes(2);
  REQUIRE(site.memory.at("europe:ES").streak == 2);
  site.by_default["europe"] = "loukkos";
  site.minutes(1);
  CHECK(site.split().empty());
  CHECK(site.memory.at("europe:ES").streak == 0);
  CHECK(site.memory.at("europe:ES").against == "loukkos");
}

TEST_CASE("no part goes where policy forbids its class to go, nor where nothing is offered") {
  Site site = spain_differs();
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
  Site site;
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

TEST_CASE("only so many parts have paths: those with most weight, then those with most to gain") {
  Site site;
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

TEST_CASE("a part within a part is held against the path of that one") {
  Site site;
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

TEST_CASE("of hundreds of parts without a difference chance makes none") {
  const auto splits = [](double rate) {
    Site site;
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
  Site site = spain_differs();
  site.minutes(5);
  REQUIRE(site.split() == Names{"europe:ES"});
  const Decision again = site.decide_now();
  CHECK(again.memory == site.memory);
  site.memory = lasting(site.memory);
  CHECK(site.memory.size() == 2);  // europe and europe:ES
  CHECK(site.memory.contains("europe:ES"));
  Site other = site;
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
