// SPDX-License-Identifier: Apache-2.0
#include "analyzer/commit.hpp"

#include <catch2/catch.hpp>
#include <utility>

#include "analyzer/decision.hpp"
#include "tests/analyzer/windows.hpp"

namespace strait::analyzer {
namespace {

using test::minute;
using test::start;
using test::WindowBuilder;
using Basis = PathCost::Basis;
using Use = std::pair<const char*, std::optional<std::string>>;  // class, path

constexpr BitRate gbit(double rate) { return {rate * 1e9}; }

routes::Path path_of(const char* name, double cost, std::optional<BitRate> commit) {
  routes::Path path = test::path(name);
  path.cost = cost;
  path.commit = commit;
  return path;
}

}  // namespace

TEST_CASE("of a cost only the part counts that is beyond the commit") {
  struct Case {
    const char* what;
    std::optional<double> commit;  // of atlas, Gbit/s
    std::vector<Use> uses;
    double counts;  // of 20, for europe, which has 4 Gbit/s
    Basis basis;
    double others;
  };
  const auto c = GENERATE(values<Case>({
      {"no commit", {}, {{"africa", "atlas"}}, 20, Basis::whole, 0},
      {"nobody is there", 10, {{"europe", "loukkos"}}, 0, Basis::commit, 0},
      {"it fits to the last bit",
       10,
       {{"africa", "atlas"}, {"europe", "loukkos"}},
       0,
       Basis::commit,
       6},
      {"a quarter is beyond", 9, {{"africa", "atlas"}, {"europe", "loukkos"}}, 5, Basis::commit, 6},
      {"all is beyond, to the last bit",
       6,
       {{"africa", "atlas"}, {"europe", "loukkos"}},
       20,
       Basis::commit,
       6},
      {"and no more than all",
       1,
       {{"africa", "atlas"}, {"europe", "loukkos"}},
       20,
       Basis::commit,
       6},
      {"its own is not among the others",
       9,
       {{"africa", "atlas"}, {"europe", "atlas"}},
       5,
       Basis::commit,
       6},
      {"alone and beyond", 3, {{"europe", "atlas"}}, 5, Basis::commit, 0},
      {"elsewhere is elsewhere",
       4,
       {{"africa", "loukkos"}, {"europe", "atlas"}},
       0,
       Basis::commit,
       0},
      {"on a path that is none", 4, {{"africa", "gone"}, {"europe", "atlas"}}, 0, Basis::commit, 0},
      {"a rate is not known there",
       10,
       {{"asia", "atlas"}, {"europe", "loukkos"}},
       20,
       Basis::load_unknown,
       0},
      {"nor elsewhere, where it does not matter",
       10,
       {{"asia", "loukkos"}, {"europe", "atlas"}},
       0,
       Basis::commit,
       0},
      {"a class may be there",
       10,
       {{"africa", std::nullopt}, {"europe", "loukkos"}},
       20,
       Basis::place_unknown,
       0},
      {"its own place may be unknown",
       10,
       {{"africa", "atlas"}, {"europe", std::nullopt}},
       0,
       Basis::commit,
       6},
  }));
  CAPTURE(c.what);
  const std::vector paths{
      path_of("atlas", 20, c.commit ? std::optional{gbit(*c.commit)} : std::nullopt),
      path_of("loukkos", 7, {})};
  const ClassRates rates{{"africa", gbit(6)}, {"europe", gbit(4)}};
  CommitLoads loads{paths, rates};
  for (const auto& [name, path] : c.uses) loads.place(name, path);
  const auto costs = loads.costs("europe");
  REQUIRE(costs.size() == 2);
  CHECK(costs[0].basis == c.basis);
  CHECK(costs[0].counts == Approx(c.counts));
  CHECK(costs[0].others.per_second == Approx(c.others * 1e9));
  CHECK(costs[1].basis == Basis::whole);
  CHECK(costs[1].counts == 7);
}

TEST_CASE("a class without a rate has all of the cost, and so has one without traffic") {
  const std::vector paths{path_of("atlas", 20, gbit(10))};
  const ClassRates rates{{"none", BitRate{0}}};
  CommitLoads loads{paths, rates};
  for (const char* const name : {"asia", "none"}) {
    const auto costs = loads.costs(name);
    CHECK(costs.at(0).basis == Basis::rate_unknown);
    CHECK(costs.at(0).counts == 20);
    CHECK_THAT(costs.at(0).words(paths[0]),
               Catch::Contains("all of its cost of 20 counts: the rate "
                               "of the class is not known"));
  }
}

TEST_CASE("a class that moves counts on both paths for who comes, and has left for who is there") {
  const std::vector paths{path_of("atlas", 20, gbit(10)), path_of("loukkos", 20, gbit(10))};
  const ClassRates rates{{"africa", gbit(8)}, {"asia", gbit(8)}, {"europe", gbit(8)}};
  CommitLoads loads{paths, rates};
  loads.place("africa", "atlas");
  loads.place("europe", "atlas");
  loads.place("asia", "loukkos");
  CHECK(loads.costs("europe").at(0).others == gbit(8));
  loads.move("africa", "loukkos");
  // On atlas, africa has left for europe, and not for asia, which would come.
  CHECK(loads.costs("europe").at(0).others == gbit(0));
  CHECK(loads.costs("asia").at(0).others == gbit(16));
  // On loukkos it has come for both.
  CHECK(loads.costs("europe").at(1).others == gbit(16));
  CHECK(loads.costs("asia").at(1).others == gbit(8));
  loads.move("asia", "loukkos");  // where it is: nothing changes
  CHECK(loads.costs("europe").at(1).others == gbit(16));
}

TEST_CASE("a class of unknown rate that moves is unknown on both paths for who comes") {
  const std::vector paths{path_of("atlas", 20, gbit(10)), path_of("loukkos", 20, gbit(10))};
  const ClassRates rates{{"europe", gbit(8)}, {"africa", gbit(1)}};
  CommitLoads loads{paths, rates};
  loads.place("asia", "atlas");
  loads.place("europe", "atlas");
  loads.place("africa", std::optional<std::string>{"loukkos"});
  CHECK(loads.costs("europe").at(0).basis == Basis::load_unknown);
  loads.move("asia", "loukkos");
  CHECK(loads.costs("europe").at(0).basis == Basis::commit);
  CHECK(loads.costs("africa").at(0).basis == Basis::load_unknown);
  CHECK(loads.costs("europe").at(1).basis == Basis::load_unknown);
}

TEST_CASE("what of a cost counts is said with its numbers") {
  const std::vector paths{path_of("atlas", 20, gbit(10)), path_of("loukkos", 7.5, {})};
  const ClassRates rates{{"africa", gbit(7)}, {"europe", gbit(4)}};
  CommitLoads loads{paths, rates};
  loads.place("africa", "atlas");
  const auto costs = loads.costs("europe");
  CHECK(costs[0].words(paths[0]) ==
        "costs 5 of 20: 1 Gbit/s of the class's 4 Gbit/s are beyond the commit of 10 Gbit/s, of "
        "which others use 7 Gbit/s");
  CHECK(costs[1].words(paths[1]) == "costs 7.5");
}

namespace {

struct World {
  std::vector<routes::Path> paths;
  double atlas_ms = 25;
  double loukkos_ms = 20;
  ClassRates rates;
  std::map<std::string, std::string, std::less<>> default_path{{"africa", "atlas"},
                                                               {"europe", "atlas"}};
};

// 14 minutes of two classes with the same target, both at 2 a millisecond.
Decision decided(const World& world) {
  const std::vector<Target> targets{{.name = "paris", .traffic_class = "europe"},
                                    {.name = "paris", .traffic_class = "africa"}};
  DecisionOptions options;
  for (const char* const name : {"africa", "europe"}) {
    Policy policy;
    policy.traffic_class = name;
    policy.price_per_ms = 2;
    options.policies.push_back(policy);
  }
  DecisionMemory memory;
  std::vector<Window> windows;
  Decision decision;
  for (int i = 0; i < 14; ++i) {
    for (const auto& [name, delay] :
         {std::pair{"atlas", world.atlas_ms}, std::pair{"loukkos", world.loukkos_ms}}) {
      WindowBuilder window(name, "paris", i);
      for (int probe = 0; probe < 200; ++probe) {
        window.replies(test::millis(delay + 0.001 * (probe % 7)));
      }
      windows.push_back(window);
    }
    const DecisionInputs inputs{windows,    {targets, world.paths, {}}, {}, world.default_path, {},
                                world.rates};
    decision = decide(inputs, memory, options, start + (i + 1) * minute);
    memory = decision.memory;
  }
  return decision;
}

std::string movers(const Decision& decision, const std::string& to) {
  std::string names;
  for (const auto& [name, memory] : decision.memory) {
    if (memory.path == to) names += name + " ";
  }
  return names;
}

}  // namespace

TEST_CASE("classes that want the same commit get it in order of name") {
  struct Case {
    const char* what;
    std::optional<double> commit;
    std::optional<double> africa;
    std::optional<double> europe;
    const char* movers;  // to the path that is 5 ms faster and costs 10 ms
  };
  const auto c = GENERATE(values<Case>({
      {"cost counts without a commit", {}, 5, 5, ""},
      {"both fit", 10, 5, 5, "africa europe "},
      {"only one does", 10, 8, 8, "africa "},
      {"the first does not, the second does", 10, 30, 5, "europe "},
      {"none does", 1, 8, 8, ""},
      {"no rate is known", 10, {}, {}, ""},
      {"the second rate is not known", 10, 5, {}, "africa "},
      {"the first rate is not known", 10, {}, 5, "europe "},
  }));
  CAPTURE(c.what);
  World world;
  world.paths = {path_of("atlas", 0, {}),
                 path_of("loukkos", 20, c.commit ? std::optional{gbit(*c.commit)} : std::nullopt)};
  if (c.africa) world.rates["africa"] = gbit(*c.africa);
  if (c.europe) world.rates["europe"] = gbit(*c.europe);
  CHECK(movers(decided(world), "loukkos") == c.movers);
}

TEST_CASE("where a path is beyond its commit no more leave than must") {
  World world;
  world.paths = {path_of("atlas", 20, gbit(10)), path_of("loukkos", 0, {})};
  world.atlas_ms = 20;
  world.loukkos_ms = 24;
  world.rates = {{"africa", gbit(8)}, {"europe", gbit(8)}};
  CHECK(movers(decided(world), "loukkos") == "africa ");
  world.rates = {{"africa", gbit(5)}, {"europe", gbit(5)}};
  CHECK(movers(decided(world), "loukkos").empty());
}

TEST_CASE("traffic of a class without targets takes its part of a commit") {
  World world;
  world.paths = {path_of("atlas", 0, {}), path_of("loukkos", 20, gbit(10))};
  world.rates = {{"africa", gbit(4)}, {"europe", gbit(4)}, {"asia", gbit(6)}};
  world.default_path["asia"] = "loukkos";
  CHECK(movers(decided(world), "loukkos") == "africa ");
  world.default_path["asia"] = "atlas";
  CHECK(movers(decided(world), "loukkos") == "africa europe ");
}

TEST_CASE("the ranking says what of a cost counts") {
  World world;
  world.paths = {path_of("atlas", 0, {}), path_of("loukkos", 20, gbit(10))};
  world.rates = {{"africa", gbit(8)}, {"europe", gbit(8)}};
  const Decision decision = decided(world);
  const Verdict& europe = decision.verdicts.at(1);
  REQUIRE(europe.traffic_class == "europe");
  const auto loukkos = std::ranges::find(europe.ranking, "loukkos", &Ranked::path);
  REQUIRE(loukkos != europe.ranking.end());
  CHECK_THAT(loukkos->reason, Catch::Contains("costs 15 of 20: 6 Gbit/s of the class's 8 Gbit/s"));
  const auto atlas = std::ranges::find(europe.ranking, "atlas", &Ranked::path);
  CHECK_THAT(atlas->reason, !Catch::Contains("cost"));
  // The same delays, ranked by each class's own price.
  CHECK(europe.ranking.at(0).path == "atlas");
  CHECK(decision.verdicts.at(0).ranking.at(0).path == "loukkos");
}

TEST_CASE("a policy's rate counts before the captured one") {
  auto document = ConfigDocument::parse("[[policy]]\nclass = \"europe\"\nrate = \"2.5 Gbit/s\"\n",
                                        "strait.toml");
  REQUIRE(document);
  const auto policies = read_policies(document->root());
  CHECK_FALSE(document->errors());
  REQUIRE(policies.size() == 1);
  CHECK(policies[0].rate == gbit(2.5));

  auto bad = ConfigDocument::parse("[[policy]]\nclass = \"europe\"\nrate = \"2.5G\"\n", "s");
  REQUIRE(bad);
  static_cast<void>(read_policies(bad->root()));
  const auto error = bad->errors();
  REQUIRE(error);
  CHECK_THAT(error->message, Catch::Contains("bit rate '2.5G': want a number above 0 and a unit"));
}

}  // namespace strait::analyzer
