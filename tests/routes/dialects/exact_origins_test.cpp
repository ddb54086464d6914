// SPDX-License-Identifier: Apache-2.0
#include "routes/dialects/exact_origins.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "routes/dialects/router_lists.hpp"
#include "routes/route_guard.hpp"
#include "tests/routes/dialects/surroundings.hpp"
#include "tests/routes/rib_of.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

namespace {

const std::vector<Address> upstream{parse_address("10.255.1.2").value()};

Route route(const Prefix& network, const char* neighbor, std::uint32_t begins_in) {
  Route result;
  result.prefix = network;
  result.neighbor = parse_address(neighbor).value();
  result.neighbor_asn = Asn{65001};
  result.as_path = {Asn{65001}, Asn{begins_in}};
  return result;
}

Prefix numbered(unsigned i) {
  return prefix(
      ("20." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ".0/24").c_str());
}

// 700 prefixes of one upstream: AS1 begins 500 of them, AS2 199, AS3 the last one.
std::uint32_t origin_of(unsigned i) { return i < 500 ? 1 : i < 699 ? 2 : 3; }

Rib seven_hundred() {
  std::vector<Route> routes;
  for (unsigned i = 0; i < 700; ++i) {
    routes.push_back(route(numbered(i), "10.255.1.2", origin_of(i)));
    routes.push_back(
        route(numbered(i), "10.255.2.2", 1));  // of another upstream, which is nobody's
  }
  return rib_of(routes, Asn{64500});
}

Plan plan_of(unsigned count) {
  Plan plan = empty_plan();
  plan.preferences = {preference("europe", "atlas-offshore", "u1", {})};
  for (unsigned i = 0; i < count; ++i) plan.preferences[0].prefixes.push_back(numbered(i));
  return plan;
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("an origin AS stands for its prefixes where the upstream offers no other one of it") {
  const Rib rib = seven_hundred();
  const auto exact = exact_origins(plan_of(700).preferences[0].prefixes, upstream, rib);
  CHECK(exact.origins == std::vector{Asn{1}, Asn{2}});
  CHECK(exact.said == 699);
  CHECK(exact.rest == std::vector{numbered(699)});  // one alone gains nothing
  const auto less = exact_origins(plan_of(698).preferences[0].prefixes, upstream, rib);
  CHECK(less.origins == std::vector{Asn{1}});
  CHECK(less.rest.size() == 198);
  CHECK(exact_origins({}, upstream, rib).origins.empty());
}

TEST_CASE("whatever is offered and wanted, AS-path and prefix lists raise what is wanted alone") {
  std::mt19937 random{17};  // NOLINT(bugprone-random-generator-seed)
  std::size_t said = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<Route> routes;
    std::vector<Prefix> wanted;
    for (unsigned i = 0; i < 40; ++i) {
      const bool offered = random() % 10 != 0;
      const std::uint32_t from = 1 + random() % 8;
      Route made = route(numbered(i), "10.255.1.2", from);
      const bool marked = random() % 8 == 0;
      if (marked) made.communities = {graceful_shutdown};
      if (offered) routes.push_back(made);
      if (!marked && random() % 10 < (from < 5 ? 10U : 5U)) wanted.push_back(numbered(i));
    }
    const Rib rib = rib_of(routes, Asn{64500});
    const auto exact = exact_origins(wanted, upstream, rib);
    said += exact.said;
    const std::set<Asn> origins(exact.origins.begin(), exact.origins.end());
    std::vector<Prefix> raised;
    for (const Route& each : routes) {
      if (!each.communities.empty()) continue;
      const bool by_origin = origins.contains(each.as_path.back());
      if (by_origin || std::ranges::binary_search(exact.rest, each.prefix)) {
        raised.push_back(each.prefix);
      }
    }
    std::vector<Prefix> offered_and_wanted;
    for (const Route& each : routes) {
      if (std::ranges::binary_search(wanted, each.prefix))
        offered_and_wanted.push_back(each.prefix);
    }
    CHECK(raised == offered_and_wanted);
    CHECK(exact.said + exact.rest.size() == wanted.size());
  }
  CHECK(said > 1000);  // else nothing was tried
}

TEST_CASE("FRR is given origin ASes where prefixes are too many, and refused where others are") {
  Site site;
  site.rib = seven_hundred();
  const auto text_of = [&](unsigned prefixes) {
    const auto rendered = render_frr(plan_of(prefixes), site.around());
    if (!rendered) FAIL(rendered.error().message);
    return rendered->text;
  };
  const std::string few = text_of(500);
  CHECK(count(few, "as-path") == 0);
  const std::string many = text_of(700);
  CHECK(count(many, "bgp as-path access-list STRAIT-u1-200-V4 seq ") == 2);
  CHECK_THAT(many, Catch::Contains("bgp as-path access-list STRAIT-u1-200-V4 seq 5 permit _1$\n"
                                   "bgp as-path access-list STRAIT-u1-200-V4 seq 10 permit _2$\n"));
  CHECK_THAT(many, Catch::Contains(" match ip address prefix-list STRAIT-ANY-V4\n match as-path "
                                   "STRAIT-u1-200-V4\n set local-preference 200\n"));
  CHECK_THAT(many, Catch::Contains("ip prefix-list STRAIT-u1-200-V4 seq 5 permit 20.2.187.0/24\n"));
  CHECK(count(many, " permit 20.") == 1);
  // Without the last prefix there is no list of prefixes: FRR's empty ones permit everything.
  const std::string exact = text_of(699);
  CHECK(count(exact, " permit 20.") == 0);
  CHECK(count(exact, "address prefix-list STRAIT-u1") == 0);

  // AS1 offers a prefix that is not wanted: of the 501 none may be left to its list.
  std::vector<Route> routes;
  for (unsigned i = 0; i < 502; ++i) routes.push_back(route(numbered(i), "10.255.1.2", 1));
  site.rib = rib_of(routes, Asn{64500});
  const auto refused = render_frr(plan_of(501), site.around());
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, Catch::Contains("the plan has 501 prefixes, want 500"));
  auto around = site.around();
  around.rib = nullptr;
  CHECK_FALSE(render_frr(plan_of(501), around));
}
