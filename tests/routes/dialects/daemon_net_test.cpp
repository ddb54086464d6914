// SPDX-License-Identifier: Apache-2.0
// What dialects say, heard by real daemons with two upstreams and a customer, in network
// namespaces: see daemon_lab.sh. Needs root.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/file.hpp"
#include "tests/routes/dialects/daemon_lab.hpp"
#include "tests/routes/dialects/surroundings.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;
using namespace std::chrono_literals;

namespace {

Plan plan_via_u1() {
  Plan plan = empty_plan();
  plan.evidence_hash = std::string(64, 'b');
  plan.preferences = {
      preference("europe", "atlas-offshore", "u1",
                 {"20.1.0.0/16", "20.2.0.0/16", "30.0.0.0/16", "31.0.0.0/16", "2001:db8:10::/48"}),
      preference("africa", "atlas-offshore", "u1", {"20.4.0.0/16"})};
  plan.preferences[0].reason = "p95\n}; no route-map\\";
  return plan;
}

const char* const a4 = "10.255.1.2";
const char* const b4 = "10.255.2.2";
const char* const a6 = "fd00:255:1::2";
const char* const b6 = "fd00:255:2::2";

std::string text_in(const char* dialect, const Plan& plan) {
  const Site site;
  const auto rendered = find_dialect(dialect)->render(plan, site.around());
  if (!rendered) FAIL(rendered.error().message);
  return rendered->text;
}

// Of upstream a what the lab's script makes it announce, as a RIB that routes are injected from.
Rib rib_of_upstream_a() {
  OctetRib rib{Asn{64500}};
  const Octets way = as_path(sequence({65001, 64497, 64496}));
  const Octets marked = attribute(0xc0, 8, Octets{}.u32(0xffff0000));
  const Octets four = Octets{}.add(origin()).add(way).add(next_hop(a4));
  const Octets six = Octets{}.add(origin()).add(way).add(reach(a6));
  for (const char* const to : {"20.1.0.0/16", "20.2.0.0/16", "20.4.0.0/16", "31.0.0.0/16"}) {
    rib.put(to, a4, four);
  }
  rib.put("30.0.0.0/16", a4, Octets{four}.add(marked));
  rib.put("2001:db8:10::/48", a6, six);
  return rib.finish();
}

void moves_its_prefixes_and_back(const char* dialect) {
  DaemonLab lab{dialect};
  REQUIRE(lab.best("20.1.0.0/16") == b4);
  REQUIRE(lab.best("2001:db8:10::/48") == b6);

  REQUIRE(lab.hand_over("load", text_in(dialect, plan_via_u1())) == "loaded");
  CHECK(lab.becomes("20.1.0.0/16", a4));
  CHECK(lab.becomes("20.4.0.0/16", a4));
  CHECK(lab.becomes("2001:db8:10::/48", a6));
  CHECK(lab.best("20.2.0.0/16") == a4);
  CHECK(lab.best("20.1.128.0/17") == b4);          // a more specific one of the upstreams'
  CHECK(lab.best("2001:db8:10:8000::/49") == b6);  // likewise
  CHECK(lab.best("20.3.0.0/16") == b4);
  CHECK(lab.best("2001:db8:11::/48") == b6);
  CHECK(lab.best("30.0.0.0/16") == b4);  // GRACEFUL_SHUTDOWN
  CHECK(lab.best("31.0.0.0/16") == b4);  // BLACKHOLE
  // All of the 24, but for 65535:666, which FRR keeps inside (RFC 7999 section 3.2).
  CHECK_THAT(lab.ask("customer"), Catch::Equals("23") || Catch::Equals("24"));
  CHECK(lab.ask("leaks") == "0");

  Plan fewer = plan_via_u1();
  fewer.preferences.pop_back();
  REQUIRE(lab.hand_over("load", text_in(dialect, fewer)) == "loaded");
  CHECK(lab.becomes("20.4.0.0/16", b4));
  CHECK(lab.becomes("20.1.0.0/16", a4));  // FRR may be seen between the old lists and the new

  REQUIRE(lab.hand_over("load", text_in(dialect, empty_plan())) == "loaded");
  CHECK(lab.becomes("20.1.0.0/16", b4));
  CHECK(lab.becomes("2001:db8:10::/48", b6));
}

}  // namespace

TEST_CASE("FRR moves exactly a plan's prefixes, and an empty plan brings plain BGP back") {
  if (lacks("vtysh zebra")) return;
  moves_its_prefixes_and_back("frr");
}

TEST_CASE(
    "FRR raises by origin AS what is wanted of it, of one family and nothing that is marked") {
  if (lacks("vtysh zebra")) return;
  const Octets way = as_path(sequence({65001, 64497, 64496}));
  const Octets four = Octets{}.add(origin()).add(way).add(next_hop(a4));
  OctetRib rib{Asn{64500}};
  Plan plan = empty_plan();
  plan.preferences = {preference("europe", "atlas-offshore", "u1", {"20.1.128.0/17"})};
  auto& wanted = plan.preferences[0].prefixes;
  for (int n = 0; n < 10; ++n) wanted.push_back(prefix(fmt::format("20.{}.0.0/16", n).c_str()));
  for (const Prefix& each : wanted) rib.put(to_string(each).c_str(), a4, four);
  rib.put("30.0.0.0/16", a4, Octets{four}.add(attribute(0xc0, 8, Octets{}.u32(0xffff0000))));
  rib.put("31.0.0.0/16", a4, Octets{four}.add(attribute(0xc0, 8, Octets{}.u32(0xffff029a))));
  rib.put("2001:db8:10::/48", a6, Octets{}.add(origin()).add(way).add(reach(a6)));
  // What nobody offers makes them too many for prefix lists.
  for (int n = 0; n < 490; ++n) {
    wanted.push_back(prefix(fmt::format("21.{}.{}.0/24", n / 256, n % 256).c_str()));
  }
  std::ranges::sort(wanted);
  Site site;
  site.rib = rib.finish();
  const auto rendered = find_dialect("frr")->render(plan, site.around());
  if (!rendered) FAIL(rendered.error().message);
  REQUIRE_THAT(rendered->text,
               Catch::Contains("seq 5 permit _64496$") && !Catch::Contains("permit 20."));

  DaemonLab lab{"frr"};
  REQUIRE(lab.best("20.1.0.0/16") == b4);
  REQUIRE(lab.hand_over("load", rendered->text) == "loaded");
  CHECK(lab.becomes("20.1.0.0/16", a4));
  CHECK(lab.becomes("20.1.128.0/17", a4));
  CHECK(lab.becomes("20.9.0.0/16", a4));
  CHECK(lab.best("30.0.0.0/16") == b4);  // GRACEFUL_SHUTDOWN
  CHECK(lab.best("31.0.0.0/16") == b4);  // BLACKHOLE
  CHECK(lab.best("2001:db8:10::/48") == b6);
  REQUIRE(lab.hand_over("load", rendered->text) == "loaded");  // over itself
  CHECK(lab.becomes("20.1.0.0/16", a4));
  REQUIRE(lab.hand_over("load", text_in("frr", empty_plan())) == "loaded");
  CHECK(lab.becomes("20.1.0.0/16", b4));
}

TEST_CASE("GoBGP moves exactly a plan's prefixes, and an empty plan brings plain BGP back") {
  if (lacks("gobgp gobgpd")) return;
  moves_its_prefixes_and_back("gobgp");
}

TEST_CASE("OpenBGPD moves exactly a plan's prefixes, and an empty plan brings plain BGP back") {
  if (lacks("bgpctl")) return;
  moves_its_prefixes_and_back("openbgpd");
}

TEST_CASE("what is injected moves the routes, is never given on, and dies with its speaker") {
  const std::string speaker = GENERATE("exabgp", "gobgp-injector");
  CAPTURE(speaker);
  if (lacks(speaker == "exabgp" ? "vtysh zebra exabgp" : "vtysh zebra gobgp gobgpd")) return;
  DaemonLab lab{"frr"};
  Site site;
  site.rib = rib_of_upstream_a();
  const auto text = [&](const Plan& plan) {
    const auto rendered = find_dialect(speaker)->render(plan, site.around());
    if (!rendered) FAIL(rendered.error().message);
    return rendered->text;
  };
  const char* const injector = "fd00:255:9::2";
  REQUIRE(lab.best("20.1.0.0/16") == b4);

  REQUIRE(lab.hand_over("inject", text(plan_via_u1())) == "injecting");
  CHECK(lab.becomes("20.1.0.0/16", injector));
  CHECK(lab.becomes("2001:db8:10::/48", injector));
  CHECK(lab.best("20.3.0.0/16") == b4);
  CHECK(lab.best("20.1.128.0/17") == b4);
  CHECK(lab.best("30.0.0.0/16") == b4);  // GRACEFUL_SHUTDOWN
  CHECK(lab.ask("leaks") == "0");

  REQUIRE(lab.hand_over("inject", text(plan_via_u1())) == "injecting");  // killed, started anew
  CHECK(lab.becomes("20.1.0.0/16", injector));
  CHECK(lab.ask("leaks") == "0");

  REQUIRE(lab.ask("inject -") == "injecting");
  CHECK(lab.becomes("20.1.0.0/16", b4));
  CHECK(lab.becomes("2001:db8:10::/48", b6));
  CHECK(lab.ask("leaks") == "0");

  // What GoBGP was told it has forgotten; ExaBGP has its file.
  REQUIRE(lab.ask("speak again") == "speaking");
  if (speaker == "exabgp") {
    CHECK(lab.becomes("20.1.0.0/16", injector));
  } else {
    CHECK(lab.ask("heard") == "0");
    CHECK(lab.best("20.1.0.0/16") == b4);
  }
  CHECK(lab.ask("leaks") == "0");
}
