// SPDX-License-Identifier: Apache-2.0
// What GoBGP 3.10 and OpenBGPD 7.7 print, as they printed it in the lab.
#include <catch2/catch.hpp>

#include "routes/apply/frr_router.hpp"
#include "routes/apply/gobgp_router.hpp"
#include "routes/apply/openbgpd_router.hpp"
#include "routes/apply/plan_file.hpp"
#include "tests/routes/dialects/surroundings.hpp"
#include "tests/routes/plan_examples.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

namespace {

const char* const gobgp_routes = R"({"20.1.0.0/16":[
  {"nlri":{"prefix":"20.1.0.0/16"},"age":1795803670,"best":true,"attrs":[{"type":1,"value":0},
   {"type":2,"as_paths":[{"segment_type":2,"num":3,"asns":[65001,64497,64496]}]},
   {"type":3,"nexthop":"10.255.1.2"},{"type":5,"value":200},{"type":8,"communities":[4259905537]}],
   "stale":false,"source-id":"10.255.1.2","neighbor-ip":"10.255.1.2"},
  {"nlri":{"prefix":"20.1.0.0/16"},"age":1795803669,"best":false,"attrs":[{"type":1,"value":0},
   {"type":3,"nexthop":"10.255.2.2"},{"type":8,"communities":[4259971073,4294902426]}],
   "stale":false,"source-id":"10.255.2.2","neighbor-ip":"10.255.2.2"}]})";

const char* const openbgpd_routes = R"({"rib":[
  {"prefix":"30.0.0.0/16","aspath":"65002 64496","neighbor":{"remote_addr":"10.255.2.2",
   "bgp_id":"10.255.2.2"},"valid":true,"best":true,"localpref":100,
   "communities":["GRACEFUL_SHUTDOWN"]},
  {"prefix":"30.0.0.0/16","neighbor":{"remote_addr":"fd00:255:2::2"},"valid":true,"localpref":210,
   "communities":["65001:3"]},
  {"prefix":"30.0.0.0/8","neighbor":{"remote_addr":"10.255.1.2"},"best":true,"localpref":300}]})";

}  // namespace

TEST_CASE("GoBGP's JSON tells session, best route, local-pref and marks") {
  const auto paths = Site{}.paths;
  const auto routes = read_gobgp_routes(gobgp_routes, prefix("20.1.0.0/16"), paths);
  REQUIRE(routes);
  REQUIRE(routes->size() == 2);
  CHECK((*routes)[0].session == "u1");
  CHECK((*routes)[0].best);
  CHECK((*routes)[0].local_pref == LocalPref{200});
  CHECK_FALSE((*routes)[0].marked);
  CHECK((*routes)[1].session == "u2");
  CHECK_FALSE((*routes)[1].best);
  CHECK_FALSE((*routes)[1].local_pref);
  CHECK((*routes)[1].marked);  // 65535:666
  // Not one of a prefix beside it.
  CHECK(read_gobgp_routes(gobgp_routes, prefix("20.0.0.0/8"), paths).value().empty());
  CHECK(read_gobgp_routes("{}\n", prefix("20.1.0.0/16"), paths).value().empty());
  CHECK_FALSE(read_gobgp_routes("rpc error: code = Unavailable", prefix("20.1.0.0/16"), paths));
}

TEST_CASE("OpenBGPD's JSON tells session, best route, local-pref and marks") {
  const auto paths = Site{}.paths;
  const auto routes = read_openbgpd_routes(openbgpd_routes, prefix("30.0.0.0/16"), paths);
  REQUIRE(routes);
  REQUIRE(routes->size() == 2);  // not the prefix that covers it
  CHECK((*routes)[0].session == "u2");
  CHECK((*routes)[0].best);
  CHECK((*routes)[0].local_pref == LocalPref{100});
  CHECK((*routes)[0].marked);
  CHECK((*routes)[1].session == "u2v6");
  CHECK_FALSE((*routes)[1].best);
  CHECK((*routes)[1].local_pref == LocalPref{210});
  CHECK_FALSE((*routes)[1].marked);
  CHECK(read_openbgpd_routes("{\n\n}\n", prefix("30.0.0.0/16"), paths).value().empty());
  CHECK_FALSE(read_openbgpd_routes("bgpctl: connect", prefix("30.0.0.0/16"), paths));
}

TEST_CASE("GoBGP's sets are compared by member, in its file and in what it runs") {
  RouterTarget target;
  target.kind = RouterKind::gobgp;
  target.paths = Site{}.paths;
  target.site_asn = Asn{64500};
  Plan plan = empty_plan();
  plan.preferences = {
      preference("europe", "atlas-offshore", "u1", {"20.1.0.0/16", "2001:db8:10::/48"})};
  // The operator's own sets are none of ours.
  const std::string file =
      "[[defined-sets.prefix-sets]]\n  prefix-set-name = \"mine\"\n"
      "  [[defined-sets.prefix-sets.prefix-list]]\n    ip-prefix = \"192.0.2.0/24\"\n" +
      plan_file_text(plan, target).value();
  const std::set<std::string, std::less<>> wanted{"strait-u1-200-v4 20.1.0.0/16",
                                                  "strait-u1-200-v6 2001:db8:10::/48"};
  CHECK(members_in_file(file) == wanted);
  CHECK(members_in_json(R"([{"name":"mine","prefixes":[{"ip_prefix":"192.0.2.0/24"}]},
    {"name":"strait-u1-200-v4","prefixes":[{"ip_prefix":"20.1.0.0/16","mask_length_min":16,
     "mask_length_max":16}]},
    {"name":"strait-u1-200-v6","prefixes":[{"ip_prefix":"2001:db8:10::/48"}]}])")
            .value() == wanted);
  CHECK(members_in_json("[]").value().empty());
  CHECK_FALSE(members_in_json("Error"));
}

TEST_CASE("the file of each router reads back as its plan, and says when it was edited") {
  const auto kind = GENERATE(RouterKind::bird, RouterKind::frr, RouterKind::gobgp,
                             RouterKind::openbgpd, RouterKind::exabgp, RouterKind::gobgp_injector);
  CAPTURE(to_string(kind));
  const Site site;
  const Rib* const rib = injects(kind) ? &site.rib : nullptr;
  RouterTarget target;
  target.kind = kind;
  target.paths = site.paths;
  target.injector = site.injector;
  target.site_asn = Asn{64500};
  for (Plan plan : {empty_plan(), two_classes()}) {
    for (Preference& each : plan.preferences) each.reason = "p95\n\\ ? \"\xc3\xa9 */";
    const std::string text = plan_file_text(plan, target, rib).value();
    CHECK(begins_as_ours(text));
    const Plan read = read_plan_file(text).value();
    CHECK(read.preferences.size() == plan.preferences.size());
    CHECK(read.made == plan.made);
    CHECK(plan_file_text(read, target, rib).value() == text);
    std::string edited = text;
    edited.insert(text.size() / 2, "#");
    CHECK_FALSE(read_plan_file(edited));
    CHECK_FALSE(read_plan_file(text + "\n"));
  }
  CHECK_FALSE(begins_as_ours("# my own\n"));
}

TEST_CASE("what FRR has from a neighbour is read from its table of that neighbour") {
  CHECK(read_frr_heard(R"({"vrfId":0,"routes":{"20.1.0.0/16":[{"valid":true}],
    "2001:db8:10::/48":[{}]},"totalRoutes":2})")
            .value() == std::vector{prefix("20.1.0.0/16"), prefix("2001:db8:10::/48")});
  CHECK(read_frr_heard("{}").value().empty());
  CHECK_FALSE(read_frr_heard("% No such neighbor"));
  CHECK_FALSE(read_frr_heard(R"({"routes":{"20.1.0.0":[]}})"));
}
