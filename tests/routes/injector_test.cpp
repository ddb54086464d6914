// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/injector_router.hpp"

#include <catch2/catch.hpp>

#include "routes/apply/injected_lines.hpp"
#include "routes/apply/plan_file.hpp"
#include "tests/routes/dialects/surroundings.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

namespace {

RouterTarget target_of(RouterKind kind) {
  const Site site;
  RouterTarget target;
  target.kind = kind;
  target.paths = site.paths;
  target.site_asn = Asn{64500};
  target.injector = site.injector;
  return target;
}

const Address injector = parse_address("fd00:255:9::2").value();

SeenRoute seen(const char* session, const char* from, const char* hop, std::uint32_t local_pref,
               bool best) {
  SeenRoute route;
  route.session = session;
  route.best = best;
  route.local_pref = LocalPref{local_pref};
  route.from = parse_address(from).value();
  route.next_hop = parse_address(hop).value();
  return route;
}

}  // namespace

TEST_CASE("the prefixes of a speaker's file are those that it injects, and no others") {
  const Site site;
  const std::string exabgp =
      plan_file_text(all_kinds(), target_of(RouterKind::exabgp), &site.rib).value();
  CHECK(injected_prefixes(exabgp) == std::vector{prefix("192.0.2.0/24"), prefix("198.51.100.0/24"),
                                                 prefix("203.0.113.0/24"), prefix("2001:db8::/32"),
                                                 prefix("2001:db8:a::/48")});
  // GoBGP cannot give OTC on.
  const std::string gobgp =
      plan_file_text(all_kinds(), target_of(RouterKind::gobgp_injector), &site.rib).value();
  CHECK(injected_prefixes(gobgp) == std::vector{prefix("198.51.100.0/24"), prefix("203.0.113.0/24"),
                                                prefix("2001:db8::/32"),
                                                prefix("2001:db8:a::/48")});
  for (const RouterKind kind : {RouterKind::exabgp, RouterKind::gobgp_injector}) {
    CHECK(injected_prefixes(plan_file_text(Plan{}, target_of(kind)).value()).empty());
  }
}

TEST_CASE("a plan that prefers anything is not injected without the RIB of its routes") {
  for (const RouterKind kind : {RouterKind::exabgp, RouterKind::gobgp_injector}) {
    const auto text = plan_file_text(two_classes(), target_of(kind));
    REQUIRE_FALSE(text);
    CHECK_THAT(text.error().message, Catch::Contains("want the RIB whose routes are injected"));
  }
}

TEST_CASE("what GoBGP has is compared with the script, word by word") {
  const char* const told =
      "gobgp global rib del all -a ipv4\n"
      "gobgp global rib add -a ipv4 20.1.0.0/16 origin egp aspath 65001,64497 nexthop 10.255.1.2 "
      "med 5 local-pref 200 community 65535:65281,64500:911 large-community 65001:1:2,65001:3:4\n"
      "# gobgp global rib add -a ipv4 20.9.0.0/16 nexthop 10.255.1.2\n"
      "gobgp global rib add -a ipv4 20.2.0.0/16 origin igp nexthop 10.255.1.2 local-pref 200 "
      "community 65535:65281,64500:911\n";
  const char* const has = R"({"20.1.0.0/16":[{"nlri":{"prefix":"20.1.0.0/16"},"best":true,"attrs":[
    {"type":1,"value":1},
    {"type":2,"as_paths":[{"segment_type":2,"num":1,"asns":[65001]},{"segment_type":2,"asns":[64497]}]},
    {"type":4,"metric":5},{"type":5,"value":200},{"type":8,"communities":[4294967041,4227072911]},
    {"type":32,"value":[{"ASN":65001,"LocalData1":1,"LocalData2":2},
                        {"ASN":65001,"LocalData1":3,"LocalData2":4}]},
    {"type":3,"nexthop":"10.255.1.2"}]}],
   "20.2.0.0/16":[{"attrs":[{"type":1,"value":0},{"type":5,"value":200},
    {"type":8,"communities":[4294967041,4227072911]},{"type":3,"nexthop":"10.255.1.2"}]}]})";
  const InjectedLines lines = injected_lines(told);
  CHECK(lines.size() == 2);
  CHECK(injected_in_json(has, "ipv4").value() == lines);
  CHECK(injected_in_json("{}", "ipv4").value().empty());
  CHECK_FALSE(injected_in_json("connection refused", "ipv4"));

  const auto spoilt = [&](const char* from, const char* to) {
    std::string text = has;
    text.replace(text.find(from), std::string_view{from}.size(), to);
    return injected_in_json(text, "ipv4").value() == lines;
  };
  CHECK_FALSE(spoilt(R"({"type":4,"metric":5},)", R"({"type":35,"value":"AAD96Q=="},)"));
  CHECK_FALSE(spoilt(R"("segment_type":2)", R"("segment_type":1)"));
  CHECK_FALSE(spoilt("4294967041", "4294967042"));
  CHECK_FALSE(spoilt("10.255.1.2", "10.255.1.3"));
  CHECK_FALSE(spoilt(R"("20.2.0.0/16":[)", R"("20.2.0.0/16":[{"attrs":[]},)"));
}

TEST_CASE("an injected route counts as its upstream's, whose next hop it has") {
  const auto routes = as_raised(
      {
          seen("injector", "fd00:255:9::2", "10.255.1.2", 200, true),
          seen("u1", "10.255.1.2", "10.255.1.2", 100, false),
          seen("u2", "10.255.2.2", "10.255.2.2", 100, false),
      },
      injector);
  REQUIRE(routes.size() == 2);
  CHECK(routes[0].session == "u1");
  CHECK(routes[0].best);
  CHECK(routes[0].local_pref == LocalPref{200});
  CHECK(routes[1].session == "u2");
  CHECK_FALSE(routes[1].best);
  CHECK(routes[1].local_pref == LocalPref{100});

  // The upstream has taken its own back: the injected one is nobody's.
  const auto gone = as_raised({seen("injector", "fd00:255:9::2", "10.255.1.2", 200, true),
                               seen("u2", "10.255.2.2", "10.255.2.2", 100, false)},
                              injector);
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].session == "u2");
  CHECK_FALSE(gone[0].best);
}
