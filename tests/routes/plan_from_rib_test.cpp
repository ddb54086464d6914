// SPDX-License-Identifier: Apache-2.0
#include "routes/plan_from_rib.hpp"

#include <catch2/catch.hpp>

#include "tests/routes/plan_examples.hpp"
#include "tests/routes/rib_of.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

namespace {

Address address(const char* text) { return parse_address(text).value(); }

Route route(const char* network, const char* neighbor) {
  Route result;
  result.prefix = prefix(network);
  result.neighbor = address(neighbor);
  result.neighbor_asn = Asn{65001};
  result.as_path = {Asn{65001}, Asn{64496}};
  return result;
}

Rib rib() {
  Route drained = route("20.3.0.0/16", "192.0.2.1");
  drained.communities = {graceful_shutdown};
  Route looped = route("20.4.0.0/16", "192.0.2.1");
  looped.as_path.emplace_back(64500);
  return rib_of({route("20.2.0.0/16", "192.0.2.1"), route("20.1.0.0/16", "192.0.2.1"),
                 route("2001:db8:1::/48", "2001:db8::1"), route("20.9.0.0/16", "192.0.2.2"),
                 route("30.0.0.0/16", "192.0.2.1"), drained, looped},
                Asn{64500});
}

Regions regions() {
  return Regions::make({{"europe", {}, {}, {prefix("20.0.0.0/8"), prefix("2001:db8::/32")}, {}},
                        {"africa", {}, {}, {prefix("40.0.0.0/8")}, {}}},
                       {})
      .value();
}

std::vector<Path> paths() {
  Path atlas;
  atlas.name = "atlas";
  atlas.neighbor_v4 = address("192.0.2.1");
  atlas.neighbor_v6 = address("2001:db8::1");
  atlas.protocol = "u1";
  Path banned = atlas;
  banned.name = "banned";
  banned.forbidden = true;
  banned.forbidden_reason = "contract ended";
  Path bare;
  bare.name = "bare";
  return {atlas, banned, bare};
}

Plan plan_for(const char* traffic_class, const char* path, PlanLimits limits = {}) {
  limits.site_asn = Asn{64500};
  const std::vector<Wish> wishes{{traffic_class, path, "because"}};
  return plan_from_rib(wishes, paths(), rib(), regions(), limits);
}

}  // namespace

TEST_CASE("a plan holds exactly what that upstream offers of that class, less what is guarded") {
  const Plan plan = plan_for("europe", "atlas");
  REQUIRE(plan.preferences.size() == 1);
  const Preference& preference = plan.preferences[0];
  CHECK(preference.protocol == "u1");
  CHECK(preference.local_pref == LocalPref{200});
  CHECK(preference.prefixes ==
        std::vector{prefix("20.1.0.0/16"), prefix("20.2.0.0/16"), prefix("2001:db8:1::/48")});
  CHECK_FALSE(plan.blocked());
  REQUIRE(plan.notes.size() == 2);
  CHECK(plan.notes[0].guard == "marked-route");
  CHECK(plan.notes[1].guard == "own-as");
}

TEST_CASE("IPv6 with a session of its own gets a preference of its own") {
  std::vector<Path> two = paths();
  two[0].protocol_v6 = "u1v6";
  const std::vector<Wish> wishes{{"europe", "atlas", "because"}};
  const Plan plan = plan_from_rib(wishes, two, rib(), regions(), {});
  REQUIRE(plan.preferences.size() == 2);
  CHECK(plan.preferences[1].protocol == "u1v6");
  CHECK(plan.preferences[1].prefixes == std::vector{prefix("2001:db8:1::/48")});
}

TEST_CASE("a wish that cannot be fulfilled becomes a note and no preference") {
  struct Case {
    const char* traffic_class;
    const char* path;
    const char* guard;
    const char* message;
  };
  const auto c = GENERATE(values<Case>({
      {"africa", "atlas", "rib-from-upstream", "none of its prefixes from atlas"},
      {"europe", "banned", "forbidden", "contract ended"},
      {"europe", "bare", "no-session", "names no neighbor"},
      {"europe", "nope", "no-session", "there is no path 'nope'"},
  }));
  CAPTURE(c.path);
  const Plan plan = plan_for(c.traffic_class, c.path);
  CHECK(plan.preferences.empty());
  REQUIRE(plan.notes.size() == 1);
  CHECK(plan.notes[0].guard == c.guard);
  CHECK_THAT(plan.notes[0].message, Catch::Contains(c.message));
}

TEST_CASE("what exceeds the budget is left to plain BGP, and the plan is not blocked") {
  PlanLimits limits;
  limits.max_prefixes = 2;
  const Plan less = plan_for("europe", "atlas", limits);
  CHECK(less.preferences.empty());
  CHECK_FALSE(less.blocked());
  CHECK(less.notes.back().guard == "prefix-budget");
  limits.max_prefixes = 3;
  CHECK(plan_for("europe", "atlas", limits).preferences.size() == 1);
}

TEST_CASE("an address family that is not measured is left to plain BGP") {
  const std::vector<Wish> wishes{{"europe", "atlas", "because", true, false}};
  const Plan plan =
      plan_from_rib(wishes, paths(), rib(), regions(), {.site_asn = Asn{64500}, .refuse = {}});
  REQUIRE(plan.preferences.size() == 1);
  CHECK(plan.preferences[0].prefixes == std::vector{prefix("20.1.0.0/16"), prefix("20.2.0.0/16")});
  const auto note = std::ranges::find(plan.notes, "unmeasured-family", &GuardNote::guard);
  REQUIRE(note != plan.notes.end());
  CHECK_THAT(note->message, Catch::Contains("1 prefixes from atlas left out"));
}

TEST_CASE("a route with a problem that is to be refused is left out by the problem's name") {
  struct Case {
    const char* network;
    std::uint32_t asn;  // in the path behind the upstream
    Problem problem;
  };
  const auto c = GENERATE(values<Case>({
      {"10.0.0.0/16", 3356, Problem::bogon_prefix},
      {"0.0.0.0/0", 3356, Problem::default_route},
      {"20.1.1.0/25", 3356, Problem::too_specific},
      {"20.1.0.0/16", 64496, Problem::bogon_asn},
      {"20.1.0.0/16", 64512, Problem::private_asn},
      {"20.2.0.0/16", 3356, Problem::rpki_invalid},
  }));
  CAPTURE(c.network, c.asn);
  Route bad = route(c.network, "192.0.2.1");
  bad.neighbor_asn = Asn{174};
  bad.as_path = {Asn{174}, Asn{c.asn}};
  Route good = bad;
  good.prefix = prefix("20.3.0.0/16");
  good.as_path = {Asn{174}, Asn{3356}};
  const VrpSet vrps{
      {{.prefix = prefix("20.2.0.0/16"), .max_length = 16, .asn = Asn{7}, .expires = 0}}};
  const Regions all = Regions::make({{"europe", {}, {}, {prefix("0.0.0.0/0")}, {}}}, {}).value();
  const std::vector<Wish> wishes{{"europe", "atlas", "because"}};
  const Rib offered = rib_of({bad, good}, Asn{64500});
  PlanLimits limits;
  limits.site_asn = Asn{64500};
  limits.vrps = &vrps;
  limits.refuse.add(c.problem);
  const Plan plan = plan_from_rib(wishes, paths(), offered, all, limits);
  REQUIRE(plan.preferences.size() == 1);
  CHECK(plan.preferences[0].prefixes == std::vector{good.prefix});
  REQUIRE(plan.notes.size() == 1);
  const auto kinds = problem_kinds();
  CHECK(plan.notes[0].guard == std::ranges::find(kinds, c.problem, &ProblemKind::problem)->name);
  CHECK_THAT(plan.notes[0].message, Catch::Contains("1 prefixes from atlas left out: "));

  limits.refuse = Problems::all();
  limits.refuse.remove(c.problem);
  const Plan accepted = plan_from_rib(wishes, paths(), offered, all, limits);
  REQUIRE(accepted.preferences.size() == 1);
  CHECK(accepted.preferences[0].prefixes.size() == 2);
}

TEST_CASE("a damaged RIB blocks the plan: a hole is not an absence") {
  Plan plan = plan_for("europe", "atlas");
  RibReadReport report;
  note_damage(report, plan);
  CHECK_FALSE(plan.blocked());
  report.damaged = 1;
  note_damage(report, plan);
  CHECK(plan.blocked());
}
