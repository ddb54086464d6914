// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/apply.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "core/file.hpp"
#include "routes/apply/bird_routes.hpp"
#include "routes/dialects/bird.hpp"
#include "tests/routes/apply_place.hpp"
#include "tests/routes/fake_bird.hpp"
#include "tests/routes/plan_examples.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;
using namespace std::chrono_literals;

namespace {

constexpr const char* before = "function strait_pref() { }\n";

const FakeClock now{{MonoTime{}, parse_wall_time("2026-11-23T16:46:00Z").value()}};

std::string route_via(const char* protocol, const char* local_pref) {
  return std::string{"1007-Table master4:\n 192.0.2.0/24         unicast ["} + protocol +
         " 12:00:00.000] * (100) [AS64497i]\n \tvia 10.0.0.1 on eth0\n1008-\tType: BGP univ\n"
         "1012-\tBGP.origin: IGP\n \tBGP.local_pref: " +
         local_pref + "\n0000 \n";
}

FakeBird::Answers good_answers() {
  return {{"greeting", "0001 BIRD 2.0.12 ready.\n"},
          {"configure check", "0002-Reading configuration\n0020 Configuration OK\n"},
          {"configure confirm", "0018 Reconfiguration confirmed\n"},
          {"configure timeout", "0002-Reading\n0022-Undo scheduled in 30 s\n0003 Reconfigured\n"},
          {"configure undo", "0021-Undo requested\n0003 Reconfigured\n"},
          {"show route", route_via("u1", "200")}};
}

struct Place : ApplyPlace {
  Place() : ApplyPlace{before} {}
};

Plan one_prefix() {
  Plan plan = empty_plan();
  plan.preferences = {preference("europe", "atlas-offshore", "u1", {"192.0.2.0/24"})};
  return plan;
}

}  // namespace

TEST_CASE("apply confirms only what it has seen, and else the old file is back") {
  struct Case {
    const char* what;
    const char* command;
    std::string answer;  // empty: BIRD dies
    ApplyOutcome outcome;
    const char* reason;
    const char* last_command;
  };
  const auto c = GENERATE(values<Case>({
      {"all is well", "nothing", "", ApplyOutcome::confirmed, "1 of 1 prefixes",
       "configure confirm"},
      {"check fails", "configure check", "0002-Reading\n8002 strait.conf:3:1 syntax error\n",
       ApplyOutcome::refused, "strait.conf:3:1 syntax error", "configure check"},
      {"BIRD dies in the check", "configure check", "", ApplyOutcome::refused, "closed the socket",
       "configure check"},
      {"loading fails", "configure timeout", "8002 strait.conf:3:1 changed meanwhile\n",
       ApplyOutcome::rolled_back, "changed meanwhile", "configure undo"},
      {"BIRD dies in loading", "configure timeout", "", ApplyOutcome::failed, "closed the socket",
       ""},
      {"another route is best", "show route", route_via("u2", "100"), ApplyOutcome::rolled_back,
       "offers none of the 1 prefixes", "configure undo"},
      {"local-pref is not set", "show route", route_via("u1", "100"), ApplyOutcome::rolled_back,
       "u1 has local-pref 100", "configure undo"},
      {"the network is gone", "show route", "8001 Network not found\n", ApplyOutcome::rolled_back,
       "offers none", "configure undo"},
      {"BIRD dies while read back", "show route", "", ApplyOutcome::failed, "own timer", ""},
      {"the reply makes no sense", "show route", "1007-what is this\n0000 \n",
       ApplyOutcome::rolled_back, "in no known form", "configure undo"},
      {"the timer was faster", "configure confirm", "0019 Nothing to do\n",
       ApplyOutcome::rolled_back, "Nothing to do", "configure undo"},
  }));
  CAPTURE(c.what);
  const Place place;
  FakeBird::Answers answers = good_answers();
  answers[c.command] = c.answer;
  const FakeBird bird{place.target.control_socket, answers};
  const auto done = apply(one_prefix(), place.target, now);
  if (!done) FAIL(done.error().message);
  CHECK(done->outcome == c.outcome);
  CHECK_THAT(done->reason, Catch::Contains(c.reason));
  const bool kept = c.outcome == ApplyOutcome::confirmed;
  CHECK(place.content() == (kept ? render_bird(one_prefix()).value() : before));
  CHECK_FALSE(std::filesystem::exists(place.target.include_file + ".previous"));
  if (*c.last_command != '\0') CHECK(bird.commands().back() == c.last_command);

  const std::string journal = read_file(place.target.journal_file).value();
  CHECK_THAT(journal, Catch::Contains("\"step\":\"begin\""));
  CHECK_THAT(journal, Catch::Contains("\"step\":\"" + std::string{to_string(c.outcome)} + "\""));
}

TEST_CASE("a plan that must not be applied touches neither file nor router") {
  struct Case {
    const char* what;
    void (*spoil)(Plan&);
    const char* reason;
  };
  const auto c = GENERATE(values<Case>({
      {"blocked",
       [](Plan& p) { p.notes.push_back({"change-budget", "9000 prefixes, at most 500", true}); },
       "guard change-budget: 9000 prefixes"},
      {"expired", [](Plan& p) { p.expires = p.made; }, "expired at 2026-11-23T16:45:00Z"},
  }));
  const Place place;  // no BIRD: connecting would be an error
  Plan plan = one_prefix();
  c.spoil(plan);
  const auto done = apply(plan, place.target, now);
  REQUIRE(done);
  CHECK(done->outcome == ApplyOutcome::refused);
  CHECK_THAT(done->reason, Catch::Contains(c.reason));
  CHECK(place.content() == before);
}

TEST_CASE("without a router there is an error and the file stays") {
  const Place place;
  const auto done = apply(one_prefix(), place.target, now);
  REQUIRE_FALSE(done);
  CHECK_THAT(done.error().message, Catch::Contains(place.target.control_socket));
  CHECK(place.content() == before);
}

TEST_CASE("after a kill the copy of the last confirmed file is what comes back") {
  const Place place;
  REQUIRE(replace_file(place.target.include_file + ".previous", "# confirmed\n"));
  FakeBird::Answers answers = good_answers();
  answers["configure check"] = "8002 no\n";
  const FakeBird bird{place.target.control_socket, answers};
  const auto done = apply(one_prefix(), place.target, now);
  REQUIRE(done);
  CHECK(place.content() == "# confirmed\n");
}

TEST_CASE("a command cannot smuggle a second one, and a silent BIRD is not waited for") {
  const Place place;
  FakeBird::Answers answers = good_answers();
  answers["show status"] = "1000-BIRD\n";  // and never a last line
  const FakeBird bird{place.target.control_socket, answers};
  auto control = BirdControl::connect(place.target.control_socket, 100ms);
  REQUIRE(control);
  CHECK_FALSE(control->ask("show route\ndown"));
  const auto reply = control->ask("show status");
  REQUIRE_FALSE(reply);
  CHECK_THAT(reply.error().message, Catch::Contains("no reply within 100ms"));
}

TEST_CASE("failures inside a reply count although it ends in 0000") {
  const Place place;
  FakeBird::Answers answers = good_answers();
  answers["mrt dump"] = "8009-Unable to open MRT file\n0000 \n";
  const FakeBird bird{place.target.control_socket, answers};
  auto control = BirdControl::connect(place.target.control_socket, 2s);
  REQUIRE(control);
  const auto reply = control->ask("mrt dump");
  REQUIRE(reply);
  CHECK_FALSE(reply->ok());
  CHECK(reply->message() == "Unable to open MRT file");
}
