// SPDX-License-Identifier: Apache-2.0
#include "routes/recheck.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/routes/plan_examples.hpp"
#include "tests/routes/rib_of.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

namespace {

constexpr const char* by_v4 = "192.0.2.1";
constexpr const char* by_v6 = "2001:db8::1";

Route route(const char* network, const char* neighbor) {
  Route result;
  result.prefix = prefix(network);
  result.neighbor = parse_address(neighbor).value();
  result.neighbor_asn = Asn{65001};
  result.as_path = {Asn{65001}, Asn{64496}};
  return result;
}

Route drained(const char* network, const char* neighbor) {
  Route result = route(network, neighbor);
  result.communities = {graceful_shutdown};
  return result;
}

// Both sessions of atlas carry both families.
Rib rib() {
  return rib_of(
      {route("20.1.0.0/16", by_v4), drained("20.2.0.0/16", by_v4),
       route("20.3.0.0/16", "192.0.2.2"), route("20.4.0.0/16", by_v4),
       drained("20.4.0.0/16", by_v6), drained("20.5.0.0/16", by_v4), route("20.5.0.0/16", by_v6),
       route("40.1.0.0/16", by_v4), route("50.1.0.0/16", by_v4), route("2001:db8:1::/48", by_v6)},
      Asn{64500});
}

Plan rest_of(const char* traffic_class, const char* path, const char* protocol,
             std::vector<const char*> networks) {
  Path atlas;
  atlas.name = "atlas";
  atlas.neighbor_v4 = parse_address(by_v4).value();
  atlas.neighbor_v6 = parse_address(by_v6).value();
  atlas.protocol = "u1";
  atlas.protocol_v6 = "u1v6";
  Path bare;
  bare.name = "bare";
  Path banned = atlas;
  banned.name = "banned";
  banned.forbidden = true;
  banned.forbidden_reason = "contract ended";
  Preference old;
  old.traffic_class = traffic_class;
  old.path = path;
  old.protocol = protocol;
  for (const char* const network : networks) old.prefixes.push_back(prefix(network));
  Plan plan;
  plan.preferences = {old};
  const auto regions =
      Regions::make({{"europe", {}, {}, {prefix("20.0.0.0/8"), prefix("2001:db8::/32")}, {}},
                     {"africa", {}, {}, {prefix("40.0.0.0/8")}, {}}},
                    {})
          .value();
  return recheck(plan, std::vector{atlas, bare, banned}, rib(), regions,
                 {.site_asn = Asn{64500}, .refuse = {}});
}

}  // namespace

TEST_CASE("what an upstream still offers of the class stays, by either of its sessions") {
  struct Case {
    const char* protocol;
    std::vector<const char*> networks;
  };
  const auto c = GENERATE(values<Case>({
      {"u1", {"20.1.0.0/16"}},
      {"u1v6", {"2001:db8:1::/48"}},
      // Of two routes one without an objection is enough, whichever is first.
      {"u1", {"20.4.0.0/16", "20.5.0.0/16"}},
  }));
  const Plan rest = rest_of("europe", "atlas", c.protocol, c.networks);
  CHECK(rest.notes.empty());
  REQUIRE(rest.preferences.size() == 1);
  CHECK(rest.preferences[0].protocol == c.protocol);
  CHECK(rest.preferences[0].prefixes.size() == c.networks.size());
}

TEST_CASE("what no longer stands is left out, by the name of its guard") {
  struct Case {
    const char* traffic_class;
    const char* path;
    const char* protocol;
    const char* network;
    const char* guard;
    const char* words;
  };
  const auto c = GENERATE(values<Case>({
      {"europe", "atlas", "u1", "20.9.0.0/16", "rib-from-upstream", "does not offer"},
      {"europe", "atlas", "u1", "20.3.0.0/16", "rib-from-upstream", "does not offer"},
      {"europe", "atlas", "u1", "20.2.0.0/16", "marked-route", "left out"},
      {"europe", "atlas", "u1", "40.1.0.0/16", "rib-from-upstream", "of another class by now"},
      {"europe", "atlas", "u1", "50.1.0.0/16", "rib-from-upstream", "of another class by now"},
      {"asia", "atlas", "u1", "20.1.0.0/16", "rib-from-upstream", "of another class by now"},
      {"europe", "atlas", "u2", "20.1.0.0/16", "no-session", "has the session 'u2'"},
      {"europe", "bare", "", "20.1.0.0/16", "no-session", "has the session ''"},
      {"europe", "nope", "u1", "20.1.0.0/16", "no-session", "no path 'nope'"},
      {"europe", "banned", "u1", "20.1.0.0/16", "forbidden", "contract ended"},
  }));
  CAPTURE(c.guard, c.words);
  const Plan rest = rest_of(c.traffic_class, c.path, c.protocol, {c.network});
  CHECK(rest.preferences.empty());
  REQUIRE(rest.notes.size() == 1);
  CHECK(rest.notes[0].guard == c.guard);
  CHECK_THAT(rest.notes[0].message, Catch::Contains(c.words));
  CHECK_FALSE(rest.blocked());
}

TEST_CASE("a preference of which a part stands is that part, and each reason is counted") {
  const Plan rest = rest_of("europe", "atlas", "u1",
                            {"20.1.0.0/16", "20.2.0.0/16", "20.3.0.0/16", "20.9.0.0/16"});
  REQUIRE(rest.preferences.size() == 1);
  CHECK(rest.preferences[0].prefixes == std::vector{prefix("20.1.0.0/16")});
  REQUIRE(rest.notes.size() == 2);
  const auto offered = std::ranges::find(rest.notes, "rib-from-upstream", &GuardNote::guard);
  REQUIRE(offered != rest.notes.end());
  CHECK_THAT(offered->message, Catch::Contains("2 prefixes from atlas left out"));
}
