// SPDX-License-Identifier: Apache-2.0
// FRR, GoBGP and OpenBGPD told plans, and read back, as strait does it: real daemons with two
// upstreams in network namespaces, see daemon_lab.sh. BIRD's is bird_net_test.cpp. Needs root.
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/file.hpp"
#include "routes/apply/journal.hpp"
#include "routes/apply/plan_file.hpp"
#include "routes/apply/router_control.hpp"
#include "routes/apply/steps.hpp"
#include "tests/routes/dialects/daemon_lab.hpp"
#include "tests/routes/dialects/surroundings.hpp"
#include "tests/routes/kill_at.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

namespace {

const FakeClock now{{MonoTime{}, parse_wall_time("2026-11-23T16:46:00Z").value()}};

const char* const a4 = "10.255.1.2";
const char* const b4 = "10.255.2.2";
const char* const a6 = "fd00:255:1::2";
const char* const b6 = "fd00:255:2::2";

struct Daemon {
  const char* name;  // of the lab, and the dialect
  RouterKind kind;
  const char* programs;
};

const Daemon daemons[] = {
    // NOLINT(modernize-avoid-c-arrays): for GENERATE
    {"frr", RouterKind::frr, "vtysh zebra"},
    {"gobgp", RouterKind::gobgp, "gobgp gobgpd"},
    {"openbgpd", RouterKind::openbgpd, "bgpctl"},
};

// The lab of a daemon, and strait's files in it.
struct Router : DaemonLab {
  explicit Router(const Daemon& daemon) : DaemonLab{daemon.name} {
    const std::string run = folder() + "/run";
    target.kind = daemon.kind;
    target.paths = Site{}.paths;
    target.site_asn = Asn{64500};
    target.journal_file = folder() + "/journal";
    target.include_file = run + "/strait.conf";
    target.load_within = 30s;
    if (daemon.kind == RouterKind::frr) target.control_socket = run;
    if (daemon.kind == RouterKind::gobgp) {
      target.control_socket = "unix://" + run + "/gobgp.sock";
      target.operators_file = run + "/base.toml";
      target.configuration = run + "/gobgpd.toml";
      target.reload = {"sh", "-c", "kill -HUP $(cat " + run + "/gobgpd.pid)"};
    }
    if (daemon.kind == RouterKind::openbgpd) {
      target.control_socket = run + "/bgpd.sock";
      target.configuration = run + "/bgpd.conf";
    }
  }
  ApplyReport apply(const Plan& plan, const ApplyRequest& request = {}) const {
    const auto done = routes::apply(plan, target, now, request);
    if (!done) FAIL(done.error().message);
    return *done;
  }
  [[nodiscard]] bool unfinished() const {
    return std::filesystem::exists(target.include_file + ".previous");
  }
  [[nodiscard]] std::string content() const { return read_file(target.include_file).value_or(""); }
  [[nodiscard]] std::string text_of(const Plan& plan) const {
    return plan_file_text(plan, target).value();
  }

  RouterTarget target;
};

// Both families, and two routes that carry GRACEFUL_SHUTDOWN and BLACKHOLE.
Plan europe_by_u1() {
  Plan plan = empty_plan();
  plan.evidence_hash = std::string(64, 'b');
  plan.preferences = {
      preference("europe", "atlas-offshore", "u1",
                 {"20.1.0.0/16", "20.2.0.0/16", "30.0.0.0/16", "31.0.0.0/16", "2001:db8:10::/48"}),
      preference("africa", "atlas-offshore", "u1", {"20.4.0.0/16"})};
  plan.preferences[0].reason = "p95\n}; no route-map\\ ? \xc3\xa9";
  return plan;
}

Plan africa_by_u1() {
  Plan plan = empty_plan();
  plan.preferences = {preference("africa", "atlas-offshore", "u1", {"20.7.0.0/16"})};
  return plan;
}

}  // namespace

TEST_CASE("a router follows an applied plan, is seen to, and plain BGP comes back behind it") {
  const auto daemon = GENERATE(from_range(std::begin(daemons), std::end(daemons)));
  CAPTURE(daemon.name);
  if (lacks(daemon.programs)) return;
  Router router{daemon};
  REQUIRE(router.best("20.1.0.0/16") == b4);
  REQUIRE(router.best("2001:db8:10::/48") == b6);

  const auto done = router.apply(europe_by_u1());
  CAPTURE(done.reason);
  REQUIRE(done.outcome == ApplyOutcome::confirmed);
  CHECK(done.read_back.checked == 6);
  CHECK(done.read_back.as_wanted == 4);
  CHECK(done.read_back.marked == 2);
  CHECK(router.best("20.1.0.0/16") == a4);
  CHECK(router.best("20.4.0.0/16") == a4);
  CHECK(router.best("2001:db8:10::/48") == a6);
  CHECK(router.best("20.3.0.0/16") == b4);
  CHECK(router.best("20.1.128.0/17") == b4);
  CHECK(router.best("30.0.0.0/16") == b4);
  CHECK(router.best("31.0.0.0/16") == b4);
  CHECK(router.content() == router.text_of(europe_by_u1()));
  CHECK_FALSE(router.unfinished());

  // What another plan has no word of is gone from the router.
  REQUIRE(router.apply(africa_by_u1()).outcome == ApplyOutcome::confirmed);
  CHECK(router.becomes("20.1.0.0/16", b4));
  CHECK(router.becomes("2001:db8:10::/48", b6));
  CHECK(router.best("20.7.0.0/16") == a4);
  auto control = reach(router.target).value();
  CHECK(read_back(*control, africa_by_u1(), 20).value().agrees());
  CHECK_FALSE(read_back(*control, europe_by_u1(), 20).value().agrees());

  REQUIRE(router.apply(withdrawal(now, "stale")).outcome == ApplyOutcome::confirmed);
  CHECK(router.becomes("20.7.0.0/16", b4));
  CHECK(router.ask("leaks") == "0");
}

TEST_CASE("killed at each step, a router and its file end as they were, or as they should be") {
  const auto daemon = GENERATE(from_range(std::begin(daemons), std::end(daemons)));
  CAPTURE(daemon.name);
  if (lacks(daemon.programs)) return;
  Router router{daemon};
  const Plan old = africa_by_u1();
  const Plan fresh = europe_by_u1();
  for (std::size_t number = 0; number < apply_steps; ++number) {
    CAPTURE(number);
    const auto step = static_cast<ApplyStep>(number);
    REQUIRE(router.apply(old).outcome == ApplyOutcome::confirmed);
    apply_and_die(fresh, router.target, now, step);
    CHECK((router.content() == router.text_of(old) || router.content() == router.text_of(fresh)));

    const auto recovered = recover(router.target, now, "a test");
    if (!recovered) FAIL(recovered.error().message);
    const bool confirmed = step == ApplyStep::forgotten;
    CHECK(router.content() == router.text_of(confirmed ? fresh : old));
    CHECK_FALSE(router.unfinished());
    CHECK(router.becomes("20.7.0.0/16", confirmed ? b4 : a4));
    CHECK(router.becomes("20.1.0.0/16", confirmed ? a4 : b4));
    CHECK(router.becomes("2001:db8:10::/48", confirmed ? a6 : b6));
  }
  const auto check =
      read_journal(router.target.journal_file, [](const JournalEntry&, std::string_view) {});
  CHECK(check.value().whole());
}

TEST_CASE("what the operator's own policy overrules is seen, and rolled back") {
  const auto daemon = GENERATE(from_range(std::begin(daemons), std::end(daemons)));
  CAPTURE(daemon.name);
  if (lacks(daemon.programs)) return;
  Router router{daemon};
  REQUIRE(router.apply(empty_plan()).outcome == ApplyOutcome::confirmed);
  const std::string before = router.content();
  REQUIRE(router.ask("overrule") == "overruled");
  router.target.read_back_within = 2s;
  const auto done = router.apply(europe_by_u1());
  CHECK(done.outcome == ApplyOutcome::rolled_back);
  CHECK_THAT(done.reason, Catch::Contains("guard read-back: the routes do not follow the plan: "
                                          "20.1.0.0/16 of class europe: want u1 with local-pref "
                                          "200, found best via u2, u1 has local-pref 100"));
  CHECK(router.content() == before);
  CHECK_FALSE(router.unfinished());
  CHECK(router.becomes("20.1.0.0/16", b4));
}

TEST_CASE(
    "an include file that is edited under an apply is not lost, and no router keeps the plan") {
  const auto daemon = GENERATE(from_range(std::begin(daemons), std::end(daemons)));
  CAPTURE(daemon.name);
  if (lacks(daemon.programs)) return;
  Router router{daemon};
  REQUIRE(router.apply(africa_by_u1()).outcome == ApplyOutcome::confirmed);
  const std::string before = router.content();
  const std::string mine = daemon.kind == RouterKind::frr ? "! mine\n" : "# mine\n";
  ApplyRequest request;
  request.on_step = [&](ApplyStep step) {
    if (step == ApplyStep::loaded) {
      std::ofstream{router.target.include_file, std::ios::app} << mine;
    }
  };
  const auto done = router.apply(europe_by_u1(), request);
  CAPTURE(done.reason);
  CHECK_THAT(done.reason, Catch::Contains("guard edited-file") &&
                              Catch::Contains("was changed by hand meanwhile"));
  const std::string edited = router.text_of(europe_by_u1()) + mine;
  // OpenBGPD runs what the file holds, and so goes back only with the file.
  const bool moved = daemon.kind == RouterKind::openbgpd;
  CHECK(done.outcome == (moved ? ApplyOutcome::rolled_back : ApplyOutcome::failed));
  CHECK(router.content() == (moved ? before : edited));
  if (moved) CHECK(read_file(router.target.include_file + ".edited").value() == edited);
  CHECK_FALSE(router.unfinished());
  CHECK(router.becomes("20.1.0.0/16", b4));
  CHECK(router.becomes("20.7.0.0/16", a4));
}

TEST_CASE("a daemon that dies under an apply comes back to what was before it") {
  const auto daemon = GENERATE(from_range(std::begin(daemons), std::end(daemons)));
  CAPTURE(daemon.name);
  if (lacks(daemon.programs)) return;
  Router router{daemon};
  REQUIRE(router.apply(africa_by_u1()).outcome == ApplyOutcome::confirmed);
  const std::string before = router.content();
  ApplyRequest request;
  request.on_step = [&](ApplyStep step) {
    if (step == ApplyStep::loaded) REQUIRE(router.ask("stop") == "stopped");
  };
  const auto done = router.apply(europe_by_u1(), request);
  CHECK(done.outcome == ApplyOutcome::failed);
  CHECK(router.content() == before);
  CHECK(router.unfinished());  // nobody but us undoes
  CHECK_FALSE(recover(router.target, now, "a test"));
  const auto next = apply(europe_by_u1(), router.target, now);
  REQUIRE_FALSE(next);
  CHECK_THAT(next.error().message, Catch::Contains("guard router-down"));

  REQUIRE(router.ask("again") == "running");
  CHECK_FALSE(recover(router.target, now, "a test").value().empty());
  CHECK_FALSE(router.unfinished());
  CHECK(router.becomes("20.7.0.0/16", a4));
  CHECK(router.becomes("20.1.0.0/16", b4));
}
