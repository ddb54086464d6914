// SPDX-License-Identifier: Apache-2.0
// FRR, played by a vtysh of the test's own: what is told, what comes back, and an apply that dies.
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "core/file.hpp"
#include "routes/apply/frr_router.hpp"
#include "routes/apply/journal.hpp"
#include "routes/apply/plan_file.hpp"
#include "routes/apply/steps.hpp"
#include "tests/routes/dialects/surroundings.hpp"
#include "tests/routes/fake_vtysh.hpp"
#include "tests/routes/kill_at.hpp"
#include "tests/routes/plan_examples.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;
using namespace std::chrono_literals;

namespace {

const FakeClock now{{MonoTime{}, parse_wall_time("2026-11-23T16:46:00Z").value()}};

Plan raising(const char* to) {
  Plan plan = empty_plan();
  plan.preferences = {preference("europe", "atlas-offshore", "u1", {to})};
  return plan;
}

// FRR and the files of an apply, with plain BGP in force and told.
struct Scene : ApplyPlace {
  Scene() : ApplyPlace{""} {
    target.kind = RouterKind::frr;
    target.programs = frr.folder();
    target.paths = Site{}.paths;
    target.site_asn = Asn{64500};
    target.reply_timeout = 30s;
    plain = text_of(empty_plan());
    REQUIRE(replace_file(target.include_file, plain));
    REQUIRE(apply(empty_plan(), target, now).value().outcome == ApplyOutcome::confirmed);
    REQUIRE(content() == plain);
  }
  [[nodiscard]] std::string text_of(const Plan& plan) const {
    return plan_file_text(plan, target).value();
  }
  // What runs is what that file says, line by line.
  [[nodiscard]] bool runs(const std::string& text) const {
    return strait_lines(frr.running()) == strait_lines(text);
  }
  [[nodiscard]] JournalEntry last() const {
    JournalEntry entry;
    const auto check = read_journal(
        target.journal_file, [&](const JournalEntry& each, std::string_view) { entry = each; });
    CHECK(check.value().whole());
    return entry;
  }
  FakeFrr frr{folder + "/bin"};
  std::string plain;
};

}  // namespace

TEST_CASE("FRR's JSON tells session, best route, local-pref and marks") {
  const std::vector<Path> paths = Site{}.paths;
  const auto routes = read_frr_routes(
      R"({"prefix":"30.0.0.0/16","paths":[
        {"locPrf":0,"valid":true,"bestpath":{"overall":true,"selectionReason":"AS Path"},
         "community":{"string":"graceful-shutdown","list":["gracefulShutdown"]},
         "peer":{"peerId":"10.255.2.2","type":"external"}},
        {"locPrf":200,"valid":true,"community":{"string":"65001:3","list":["65001:3"]},
         "peer":{"peerId":"fd00:255:1::2"}},
        {"valid":true,"peer":{"peerId":"192.0.2.77"}}]})",
      paths);
  REQUIRE(routes);
  REQUIRE(routes->size() == 3);
  CHECK((*routes)[0].session == "u2");
  CHECK((*routes)[0].best);
  CHECK((*routes)[0].marked);
  CHECK((*routes)[0].local_pref == LocalPref{0});
  CHECK((*routes)[1].session == "u1");
  CHECK_FALSE((*routes)[1].best);
  CHECK_FALSE((*routes)[1].marked);
  CHECK((*routes)[1].local_pref == LocalPref{200});
  CHECK((*routes)[2].session == "192.0.2.77");
  CHECK_FALSE((*routes)[2].local_pref);
  CHECK(read_frr_routes("{\n}\n", paths).value().empty());
  CHECK_THAT(read_frr_routes("% BGP instance not found\n", paths).error().message,
             Catch::Contains("want JSON, got '% BGP instance not found'"));
  CHECK_FALSE(read_frr_routes("", paths));
  CHECK_FALSE(read_frr_routes(R"({"paths":[{"locPrf":)", paths));
}

TEST_CASE("of a configuration strait's lines are lists and entries of maps, each with its header") {
  const auto lines = strait_lines(
      "frr version 8.4\nip prefix-list MINE seq 5 permit 192.0.2.0/24\n"
      "ip prefix-list STRAIT-u1-200-V4 seq 5 permit 192.0.2.0/24\n!\n"
      "route-map MINE permit 10\n call STRAIT-u1\nexit\n!\n"
      "no route-map STRAIT-u1 optimization\n!\n"
      "route-map STRAIT-u1 permit 20\n match ip address prefix-list STRAIT-u1-200-V4\n"
      " set local-preference 200\nexit\n!\nroute-map STRAIT-u1 permit 65535\nexit\n!\nend\n");
  CHECK(lines == std::set<std::string, std::less<>>{
                     "ip prefix-list STRAIT-u1-200-V4 seq 5 permit 192.0.2.0/24",
                     "route-map STRAIT-u1 permit 20",
                     "route-map STRAIT-u1 permit 20 match ip address prefix-list STRAIT-u1-200-V4",
                     "route-map STRAIT-u1 permit 20 set local-preference 200",
                     "route-map STRAIT-u1 permit 65535"});
}

TEST_CASE("FRR is told what differs, and is not told again what it runs") {
  const Scene scene;
  const auto done = apply(raising("192.0.2.0/24"), scene.target, now);
  REQUIRE(done);
  CHECK(done->outcome == ApplyOutcome::confirmed);
  CHECK_THAT(done->reason, Catch::Contains("1 of 1 prefixes"));
  CHECK(scene.frr.prefers());
  CHECK(scene.runs(scene.text_of(raising("192.0.2.0/24"))));
  CHECK_THAT(scene.frr.commands(), Catch::Contains("clear bgp ipv4 unicast 10.255.1.2 soft in"));
  const auto loads = [&] {
    const std::string commands = scene.frr.commands();
    std::size_t count = 0;
    for (auto at = commands.find(" -f "); at != std::string::npos;
         at = commands.find(" -f ", at + 1))
      ++count;
    return count;
  };
  const std::size_t before = loads();
  Plan renewed = raising("192.0.2.0/24");
  renewed.made += 5min;
  renewed.expires += 5min;
  const FakeClock later{{MonoTime{}, now.now().wall + 5min}};
  REQUIRE(apply(renewed, scene.target, later).value().outcome == ApplyOutcome::confirmed);
  CHECK(loads() == before + 1);  // that of vtysh -C
  CHECK(read_plan_file(scene.content()).value().expires == renewed.expires);

  REQUIRE(apply(withdrawal(later, "stale"), scene.target, later).value().outcome ==
          ApplyOutcome::confirmed);
  CHECK_FALSE(scene.frr.prefers());
  CHECK_THAT(scene.frr.running(), !Catch::Contains("prefix-list"));
}

TEST_CASE("what FRR does not take or follow is undone, and the old file is back") {
  struct Case {
    const char* what;
    ApplyOutcome outcome;
    const char* reason;
  };
  const auto c = GENERATE(values<Case>({
      {"grammar", ApplyOutcome::refused, "guard router-check: FRR: vtysh -C -f"},
      {"deaf", ApplyOutcome::rolled_back, "% Configuration failed"},
      {"half", ApplyOutcome::failed, "its running configuration is not what was loaded"},
      {"overruled", ApplyOutcome::rolled_back, "found best via u2, u1 has local-pref 100"},
  }));
  CAPTURE(c.what);
  const Scene scene;
  scene.frr.set(c.what);
  const auto done = apply(raising("192.0.2.0/24"), scene.target, now);
  if (!done) FAIL(done.error().message);
  CHECK(done->outcome == c.outcome);
  CHECK_THAT(done->reason, Catch::Contains(c.reason));
  CHECK(scene.content() == scene.plain);
  // Where FRR did not go back either, the story stays open.
  const bool open = c.outcome == ApplyOutcome::failed && !scene.runs(scene.plain);
  CHECK(std::filesystem::exists(scene.target.include_file + ".previous") == open);
  scene.frr.clear(c.what);
  REQUIRE(recover(scene.target, now, "a test"));
  CHECK(scene.runs(scene.plain));
  CHECK_FALSE(std::filesystem::exists(scene.target.include_file + ".previous"));
}

TEST_CASE("killed at any step, FRR and file are old or new, and the next start finishes it") {
  const auto number = GENERATE(range(std::size_t{0}, apply_steps));
  const auto meanwhile = GENERATE(as<std::string>{}, "nothing", "restart", "down");
  const auto step = static_cast<ApplyStep>(number);
  CAPTURE(number, meanwhile);
  const Scene scene;
  const Plan old = raising("203.0.113.0/24");
  REQUIRE(replace_file(scene.target.include_file, scene.text_of(old)));
  {
    const auto frr = reach(scene.target).value();
    REQUIRE(frr->settle_on(scene.text_of(old)));
  }
  const Plan fresh = raising("192.0.2.0/24");
  apply_and_die(fresh, scene.target, now, step);
  CHECK((scene.content() == scene.text_of(old) || scene.content() == scene.text_of(fresh)));
  CHECK((scene.runs(scene.text_of(old)) || scene.runs(scene.text_of(fresh))));

  if (meanwhile == "restart") scene.frr.restart();
  if (meanwhile == "down") {
    scene.frr.set("down");
    // With nothing to be undone FRR need not answer.
    const bool needs_it = step != ApplyStep::begun && step != ApplyStep::forgotten;
    CHECK(recover(scene.target, now, "a test").has_value() != needs_it);
    scene.frr.clear("down");
  }
  const auto done = recover(scene.target, now, "a test");
  if (!done) FAIL(done.error().message);
  const bool confirmed = step == ApplyStep::forgotten;
  CHECK(scene.content() == scene.text_of(confirmed ? fresh : old));
  CHECK_FALSE(std::filesystem::exists(scene.target.include_file + ".previous"));
  CHECK(scene.last().step == (confirmed                  ? "confirmed"
                              : step == ApplyStep::begun ? "abandoned"
                                                         : "recovered"));
  // A restart behind which nothing was loaded leaves plain BGP.
  const bool untold = meanwhile == "restart" && (confirmed || step == ApplyStep::begun);
  CHECK(scene.runs(untold ? std::string{} : scene.content()));
  CHECK(recover(scene.target, now, "a test").value().empty());
  const auto again = apply(fresh, scene.target, now);
  REQUIRE(again);
  CHECK(again->outcome == ApplyOutcome::confirmed);
  CHECK(scene.runs(scene.text_of(fresh)));
}

TEST_CASE("a file of FRR reads back as its plan, and says when a line of it was edited") {
  RouterTarget target;
  target.kind = RouterKind::frr;
  target.paths = Site{}.paths;
  target.site_asn = Asn{64500};
  Plan plan = two_classes();
  plan.preferences[0].reason = "fast\n! \\ \"\xc3\xa9";
  const std::string text = plan_file_text(plan, target).value();
  const Plan read = read_plan_file(text).value();
  CHECK(content_hash(read) == content_hash(plan));
  CHECK(read.made == plan.made);
  CHECK(read.expires == plan.expires);
  CHECK(read.evidence_hash == plan.evidence_hash);
  CHECK(plan_file_text(read, target).value() == text);
  for (std::size_t at = 0; at < text.size(); at += 7) {
    std::string edited = text;
    edited[at] = edited[at] == 'x' ? 'y' : 'x';
    CAPTURE(at);
    CHECK_FALSE(read_plan_file(edited));
    CHECK_FALSE(read_plan_file(std::string_view{text}.substr(0, at)));
  }
  CHECK(begins_as_ours(text));
  CHECK_FALSE(begins_as_ours("! my own list\n"));
}
