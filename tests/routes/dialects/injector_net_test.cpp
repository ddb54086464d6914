// SPDX-License-Identifier: Apache-2.0
// ExaBGP and GoBGP told what to inject into an FRR, and that FRR read back, as strait does it: see
// daemon_lab.sh. Needs root.
#include <catch2/catch.hpp>
#include <memory>

#include "core/file.hpp"
#include "routes/apply/plan_file.hpp"
#include "routes/apply/read_back.hpp"
#include "routes/apply/router_control.hpp"
#include "routes/apply/steps.hpp"
#include "routes/injection.hpp"
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

struct Speaker {
  const char* name;
  RouterKind kind;
  const char* programs;
};
const Speaker speakers[] = {
    // NOLINT(modernize-avoid-c-arrays): for GENERATE
    {"exabgp", RouterKind::exabgp, "vtysh zebra exabgp"},
    {"gobgp", RouterKind::gobgp_injector, "vtysh zebra gobgp gobgpd"},
};

// What upstream a announces, as far as the plans of these tests go.
std::shared_ptr<const Rib> rib_of_upstream_a() {
  OctetRib rib{Asn{64500}};
  const Octets way = as_path(sequence({65001, 64497, 64496}));
  const Octets four = Octets{}.add(origin()).add(way).add(next_hop(a4));
  const Octets marked = Octets{four}.add(attribute(0xc0, 8, Octets{}.u32(0xffff0000)));
  const Octets six = Octets{}.add(origin()).add(way).add(reach(a6));
  for (const char* const to : {"20.1.0.0/16", "20.2.0.0/16", "20.4.0.0/16", "20.7.0.0/16"}) {
    rib.put(to, a4, four);
  }
  rib.put("30.0.0.0/16", a4, marked);
  rib.put("2001:db8:10::/48", a6, six);
  return std::make_shared<const Rib>(rib.finish());
}

// An FRR, and a speaker beside it that has nothing to say yet.
struct Lab : DaemonLab {
  explicit Lab(const Speaker& speaker) : DaemonLab{"frr"} {
    const std::string run = folder() + "/run";
    target.kind = speaker.kind;
    target.paths = site.paths;
    target.site_asn = Asn{64500};
    target.injector = site.injector;
    target.include_file = run + "/strait.plan";
    target.journal_file = folder() + "/journal";
    target.configuration = run + "/exabgp.conf";
    target.reload = {"sh", "-c", "kill -USR1 $(cat " + run + "/injector.pid)"};
    target.load_within = 20s;
    target.read_from = RouterKind::frr;
    target.read_from_socket = run;
    if (speaker.kind == RouterKind::gobgp_injector) {
      target.control_socket = "unix://" + run + "/injector.sock";
    }
    REQUIRE(hand_over("speak", plan_file_text(Plan{}, target).value()) == "speaking");
    REQUIRE(ask("heard") == "0");
    ask_for_next_hops();
  }
  [[nodiscard]] Plan fit(Plan plan) const {
    return injected_part(std::move(plan), site.paths, *rib, Asn{64500}, carries(target.kind));
  }
  [[nodiscard]] Result<ApplyReport> try_apply(const Plan& plan, ApplyRequest request = {}) const {
    request.rib = rib;
    return routes::apply(plan, target, now, request);
  }
  [[nodiscard]] ApplyReport apply(const Plan& plan) const {
    const auto done = try_apply(plan);
    if (!done) FAIL(done.error().message);
    return *done;
  }

  Site site;
  std::shared_ptr<const Rib> rib = rib_of_upstream_a();
  RouterTarget target;
};

Plan europe_by_u1() {
  Plan plan = empty_plan();
  plan.evidence_hash = std::string(64, 'b');
  plan.preferences = {preference("europe", "atlas-offshore", "u1",
                                 {"20.1.0.0/16", "20.2.0.0/16", "30.0.0.0/16", "2001:db8:10::/48"}),
                      preference("africa", "atlas-offshore", "u1", {"20.4.0.0/16"})};
  plan.preferences[0].reason = "p95\n}; $(reboot) `reboot` ? \xc3\xa9";
  return plan;
}

Plan africa_by_u1() {
  Plan plan = empty_plan();
  plan.preferences = {preference("africa", "atlas-offshore", "u1", {"20.7.0.0/16"})};
  return plan;
}

}  // namespace

TEST_CASE("an injected plan is followed, is seen to be, and plain BGP comes back behind it") {
  const auto speaker = GENERATE(from_range(std::begin(speakers), std::end(speakers)));
  CAPTURE(speaker.name);
  if (lacks(speaker.programs)) return;
  Lab lab{speaker};
  REQUIRE(lab.best("20.1.0.0/16") == b4);

  const Plan europe = lab.fit(europe_by_u1());
  const auto done = lab.apply(europe);
  CAPTURE(done.reason);
  REQUIRE(done.outcome == ApplyOutcome::confirmed);
  CHECK(done.read_back.checked == 4);
  CHECK(done.read_back.as_wanted == 4);
  CHECK(lab.best("20.1.0.0/16") == a4);
  CHECK(lab.best("20.4.0.0/16") == a4);
  CHECK(lab.best("2001:db8:10::/48") == a6);
  CHECK(lab.best("20.3.0.0/16") == b4);
  CHECK(lab.best("20.1.128.0/17") == b4);
  CHECK(lab.best("30.0.0.0/16") == b4);
  CHECK(lab.ask("heard") == "4");
  CHECK(lab.ask("leaks") == "0");

  // What another plan has no word of is gone, and the other way round.
  REQUIRE(lab.apply(africa_by_u1()).outcome == ApplyOutcome::confirmed);
  CHECK(lab.best("20.1.0.0/16") == b4);
  CHECK(lab.best("2001:db8:10::/48") == b6);
  CHECK(lab.best("20.7.0.0/16") == a4);
  CHECK(lab.ask("heard") == "1");
  auto control = reach(lab.target).value();
  CHECK(read_back(*control, africa_by_u1(), 20).value().agrees());
  CHECK_FALSE(read_back(*control, europe, 20).value().agrees());

  // The same again, renewed, tells nobody anything; another local-pref is seen.
  Plan higher = africa_by_u1();
  higher.preferences[0].local_pref = LocalPref{300};
  REQUIRE(lab.apply(higher).outcome == ApplyOutcome::confirmed);
  CHECK(read_back(*control, higher, 20).value().agrees());

  REQUIRE(lab.apply(withdrawal(now, "stale")).outcome == ApplyOutcome::confirmed);
  CHECK(lab.best("20.7.0.0/16") == b4);
  CHECK(lab.ask("heard") == "0");
  CHECK(lab.ask("leaks") == "0");
}

TEST_CASE("killed at each step, what is injected ends as it was, or as it should be") {
  const auto speaker = GENERATE(from_range(std::begin(speakers), std::end(speakers)));
  CAPTURE(speaker.name);
  if (lacks(speaker.programs)) return;
  Lab lab{speaker};
  const Plan old = africa_by_u1();
  const Plan fresh = lab.fit(europe_by_u1());
  for (std::size_t number = 0; number < apply_steps; ++number) {
    CAPTURE(number);
    const auto step = static_cast<ApplyStep>(number);
    REQUIRE(lab.apply(old).outcome == ApplyOutcome::confirmed);
    ApplyRequest request;
    request.rib = lab.rib;
    apply_and_die(fresh, lab.target, now, step, std::move(request));

    const auto recovered = recover(lab.target, now, "a test");
    if (!recovered) FAIL(recovered.error().message);
    const bool confirmed = step == ApplyStep::forgotten;
    const Plan& wanted = confirmed ? fresh : old;
    CHECK(read_file(lab.target.include_file).value() ==
          plan_file_text(wanted, lab.target, lab.rib.get()).value());
    CHECK_FALSE(std::filesystem::exists(lab.target.include_file + ".previous"));
    CHECK(lab.becomes("20.7.0.0/16", confirmed ? b4 : a4));
    CHECK(lab.becomes("20.1.0.0/16", confirmed ? a4 : b4));
    CHECK(lab.becomes("2001:db8:10::/48", confirmed ? a6 : b6));
  }
  CHECK(lab.ask("leaks") == "0");
}

TEST_CASE("with a speaker that is gone nothing is in force, and plain BGP is what there is") {
  const auto speaker = GENERATE(from_range(std::begin(speakers), std::end(speakers)));
  CAPTURE(speaker.name);
  if (lacks(speaker.programs)) return;
  Lab lab{speaker};
  REQUIRE(lab.apply(africa_by_u1()).outcome == ApplyOutcome::confirmed);
  REQUIRE(lab.ask("inject -") == "injecting");
  CHECK(lab.becomes("20.7.0.0/16", b4));
  auto control = reach(lab.target).value();
  CHECK_FALSE(read_back(*control, africa_by_u1(), 20).value().agrees());

  lab.target.load_within = 2s;
  const auto done = lab.try_apply(lab.fit(europe_by_u1()));
  CHECK((!done || done->outcome == ApplyOutcome::failed));
  CHECK(lab.best("20.1.0.0/16") == b4);

  // It comes back with the file's plan or with none, and the next one that asks sees to it.
  REQUIRE(lab.ask("speak again") == "speaking");
  lab.target.load_within = 20s;
  REQUIRE(recover(lab.target, now, "a test"));
  REQUIRE(lab.apply(withdrawal(now, "stale")).outcome == ApplyOutcome::confirmed);
  CHECK(lab.ask("heard") == "0");
  CHECK(lab.best("20.7.0.0/16") == b4);
}
