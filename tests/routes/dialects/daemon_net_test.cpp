// SPDX-License-Identifier: Apache-2.0
// What dialects say, heard by real daemons with two upstreams and a customer, in network
// namespaces: see daemon_lab.sh. Needs root.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/file.hpp"
#include "tests/routes/dialects/surroundings.hpp"
#include "tests/temporary_folder.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;
using namespace std::chrono_literals;

namespace {

bool lacks(const std::string& programs) {
  const std::string command = "PATH=$PATH:/usr/sbin:/usr/lib/frr; for p in ip bird jq " + programs +
                              "; do command -v $p >/dev/null || exit 1; done";
  const bool can = ::geteuid() == 0 && std::system(command.c_str()) == 0;
  if (!can) WARN("SKIPPED: needs root, iproute2, bird2, jq and " << programs);
  return !can;
}

// The lab for as long as this object lives; the script ends when its standard input does.
class DaemonLab {
 public:
  explicit DaemonLab(const std::string& daemon) {
    script_ =
        ::popen((std::string{STRAIT_DAEMON_LAB} + " " + folder_ + " " + daemon).c_str(), "we");
    for (int i = 0; i < 600 && !there("ready") && !there("ended"); ++i) {
      std::this_thread::sleep_for(100ms);
    }
    INFO("the lab did not come up");
    REQUIRE(there("ready"));
  }
  DaemonLab(const DaemonLab&) = delete;
  DaemonLab& operator=(const DaemonLab&) = delete;
  DaemonLab(DaemonLab&&) = delete;
  DaemonLab& operator=(DaemonLab&&) = delete;
  ~DaemonLab() { ::pclose(script_); }

  // One line to the script, one line back.
  std::string ask(const std::string& order) {
    std::fputs((order + "\n").c_str(), script_);
    std::fflush(script_);
    const std::string answer = "answer." + std::to_string(++asked_);
    for (int i = 0; i < 600 && !there(answer); ++i) std::this_thread::sleep_for(50ms);
    std::string text = read_file(folder_ + "/" + answer).value_or("no answer");
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }
  std::string best(const std::string& to) { return ask("best " + to); }
  // Whether `best(to)` becomes that neighbour within fifteen seconds.
  bool becomes(const std::string& to, const std::string& neighbor) {
    for (int i = 0; i < 150; ++i) {
      if (best(to) == neighbor) return true;
      std::this_thread::sleep_for(100ms);
    }
    return false;
  }
  std::string hand_over(const std::string& order, const std::string& text) {
    const std::string file = folder_ + "/strait." + std::to_string(asked_);
    std::ofstream{file} << text;
    return ask(order + " " + file);
  }

 private:
  [[nodiscard]] bool there(const std::string& name) const {
    return std::filesystem::exists(folder_ + "/" + name);
  }
  testing::TemporaryFolder temporary_;
  std::string folder_ = temporary_.path();
  std::FILE* script_ = nullptr;
  int asked_ = 0;
};

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

TEST_CASE("GoBGP moves exactly a plan's prefixes, and an empty plan brings plain BGP back") {
  if (lacks("gobgp gobgpd")) return;
  moves_its_prefixes_and_back("gobgp");
}

TEST_CASE("OpenBGPD moves exactly a plan's prefixes, and an empty plan brings plain BGP back") {
  if (lacks("bgpctl")) return;
  moves_its_prefixes_and_back("openbgpd");
}

TEST_CASE("what ExaBGP injects moves the routes, is never given on, and dies with it") {
  if (lacks("vtysh zebra exabgp")) return;
  DaemonLab lab{"frr"};
  Site site;
  site.rib = rib_of_upstream_a();
  const auto text = [&](const Plan& plan) {
    const auto rendered = find_dialect("exabgp")->render(plan, site.around());
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
}
