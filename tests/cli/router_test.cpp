// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/router.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "core/file.hpp"
#include "routes/apply/journal.hpp"
#include "routes/apply/pending.hpp"
#include "routes/apply/plan_file.hpp"
#include "routes/dialects/bird.hpp"
#include "tests/cli/eventually.hpp"
#include "tests/routes/fake_bird.hpp"
#include "tests/routes/fake_router.hpp"
#include "tests/routes/plan_examples.hpp"
#include "tests/temporary_folder.hpp"

using namespace strait;
using namespace strait::cli;
using namespace std::chrono_literals;
using routes::Plan;
using strait::testing::empty_plan;
using strait::testing::FakeBird;
using strait::testing::FakeRouter;
using strait::testing::prefix;
using strait::testing::two_classes;

namespace {

routes::Modes automatic() {
  routes::Modes modes;
  modes.usual = routes::ApplyMode::automatic;
  return modes;
}

Plan one_prefix() {
  Plan plan = empty_plan();
  plan.preferences = {
      strait::testing::preference("europe", "atlas-offshore", "u1", {"192.0.2.0/24"})};
  return plan;
}

Plan blocked() {
  Plan plan = two_classes();
  plan.notes.push_back({"damaged-rib", "2 records", true});
  return plan;
}

Plan with_other_preference(LocalPref local_pref) {
  Plan plan = two_classes();
  plan.preferences[0].local_pref = local_pref;
  return plan;
}

Plan with_other_path() {
  Plan plan = two_classes();
  plan.preferences[1].path = "loukkos";
  plan.preferences[1].protocol = "u2";
  return plan;
}

Plan later(Plan plan, Nanos by) {
  plan.made += by;
  plan.expires += by;
  return plan;
}

const WallTime made = empty_plan().made;  // plans last 15 minutes

// A directory with an empty include file and BIRD's socket in it.
struct Place {
  Place() {
    target.include_file = folder + "/strait.conf";
    target.control_socket = folder + "/bird.ctl";
    target.read_back_within = 200ms;
    target.reply_timeout = 2s;
  }
  void write(std::string_view bytes) const { REQUIRE(replace_file(target.include_file, bytes)); }
  [[nodiscard]] std::string content() const { return read_file(target.include_file).value_or(""); }

  testing::TemporaryFolder temporary;
  std::string folder = temporary.path();
  routes::RouterTarget target;
};

FakeBird::Answers good_answers() {
  return {{"greeting", "0001 BIRD 2.0.12 ready.\n"},
          {"configure check", "0002-Reading configuration\n0020 Configuration OK\n"},
          {"configure confirm", "0018 Reconfiguration confirmed\n"},
          {"configure timeout", "0002-Reading\n0022-Undo scheduled in 30 s\n0003 Reconfigured\n"},
          {"configure undo", "0021-Undo requested\n0003 Reconfigured\n"},
          {"show route",
           "1007-Table master4:\n 192.0.2.0/24         unicast [u1 12:00:00.000] * (100) "
           "[AS64497i]\n \tvia 10.0.0.1 on eth0\n1008-\tType: BGP univ\n1012-\tBGP.origin: IGP\n "
           "\tBGP.local_pref: 200\n0000 \n"}};
}

const FakeClock one_minute_on{{MonoTime{}, made + 1min}};

}  // namespace

TEST_CASE("the router is told when preferences differ, are half over, or have expired") {
  struct Case {
    const char* what;
    std::optional<Plan> in_force;
    std::optional<Plan> wanted;
    Nanos age;
    RouterStep step;
  };
  const auto c = GENERATE(values<Case>({
      {"nothing there, nothing wanted", {}, {}, 1min, RouterStep::nothing},
      {"plain BGP, and none wanted", empty_plan(), empty_plan(), 1min, RouterStep::nothing},
      {"no file, and none wanted", {}, empty_plan(), 1min, RouterStep::nothing},
      {"no file, a plan", {}, two_classes(), 1min, RouterStep::apply},
      {"plain BGP, a plan", empty_plan(), two_classes(), 1min, RouterStep::apply},
      {"another path", two_classes(), with_other_path(), 1min, RouterStep::apply},
      {"another local-pref", two_classes(), with_other_preference(LocalPref{300}), 1min,
       RouterStep::apply},
      {"the plan is taken back", two_classes(), empty_plan(), 1min, RouterStep::apply},
      {"the same one, young", two_classes(), later(two_classes(), 7min), 7min, RouterStep::nothing},
      {"the same one, half over", two_classes(), later(two_classes(), 8min), 8min,
       RouterStep::renew},
      {"the same one, expired", two_classes(), later(two_classes(), 16min), 16min,
       RouterStep::renew},
      {"no plan, not expired", two_classes(), {}, 14min, RouterStep::nothing},
      {"no plan, expired", two_classes(), {}, 16min, RouterStep::withdraw},
      {"a blocked plan, not expired", with_other_path(), blocked(), 14min, RouterStep::nothing},
      {"a blocked plan, expired", two_classes(), later(blocked(), 16min), 16min,
       RouterStep::withdraw},
      {"a stale plan, both expired", two_classes(), with_other_path(), 16min, RouterStep::withdraw},
      {"a stale plan, plain BGP", empty_plan(), two_classes(), 16min, RouterStep::nothing},
      {"plain BGP does not expire", empty_plan(), {}, 16min, RouterStep::nothing},
      {"of tomorrow: the clock was set back", two_classes(), later(two_classes(), -24h), -24h,
       RouterStep::withdraw},
  }));
  CAPTURE(c.what);
  CHECK(next_step(c.in_force ? &*c.in_force : nullptr, c.wanted ? &*c.wanted : nullptr,
                  made + c.age) == c.step);
}

TEST_CASE("the plan in force is what the include file holds, or plain BGP without one") {
  const Place place;
  CHECK(routes::plan_in_file(place.target.include_file).value() == nullptr);
  place.write("");
  CHECK(routes::plan_in_file(place.target.include_file).value() == nullptr);
  const std::string bytes = routes::render_bird(two_classes()).value();
  place.write(bytes);
  const auto plan = routes::plan_in_file(place.target.include_file).value();
  REQUIRE(plan != nullptr);
  CHECK(plan->preferences.size() == 2);
  CHECK(plan->expires == two_classes().expires);
  place.write(bytes + "# edited\n");
  const auto edited = routes::plan_in_file(place.target.include_file);
  REQUIRE_FALSE(edited);
  CHECK_THAT(edited.error().message, Catch::StartsWith(place.target.include_file));
}

TEST_CASE("a plan that is wanted again and again is applied once") {
  const Place place;
  place.write("");
  const FakeBird bird{place.target.control_socket, good_answers()};
  Router router{place.target, automatic(), one_minute_on};
  router.want(std::make_shared<const Plan>(one_prefix()));
  REQUIRE(eventually([&] { return router.state().applied + router.state().refused > 0; }));
  for (int i = 0; i < 10; ++i) router.want(std::make_shared<const Plan>(one_prefix()));
  CHECK(router.stop(5s));
  const Router::State state = router.state();
  CAPTURE(state.last);
  CHECK(state.applied == 1);
  CHECK(state.refused == 0);
  REQUIRE(state.in_force != nullptr);
  CHECK(state.in_force->preferences.size() == 1);
  CHECK(place.content() == routes::render_bird(one_prefix()).value());
}

TEST_CASE("an include file that somebody edited is reported and not touched") {
  const Place place;
  const std::string edited = routes::render_bird(two_classes()).value() + "# mine\n";
  place.write(edited);
  Router router{place.target, automatic(), one_minute_on};
  router.want(std::make_shared<const Plan>(one_prefix()));
  REQUIRE(eventually([&] { return router.state().refused > 0; }));
  CHECK(router.stop(5s));
  CHECK_THAT(router.state().last, Catch::EndsWith("not touched"));
  CHECK(router.state().applied == 0);
  CHECK(place.content() == edited);
}

TEST_CASE("stopping does not wait longer for a silent router than it is told to") {
  const Place place;
  place.write("");
  auto answers = good_answers();
  answers["configure check"] = "0002-Reading configuration\n";  // and never the end of it
  const FakeBird bird{place.target.control_socket, answers};
  Router router{place.target, automatic(), one_minute_on};
  router.want(std::make_shared<const Plan>(one_prefix()));
  REQUIRE(eventually([&] { return !place.content().empty(); }));
  CHECK_FALSE(router.stop(20ms));
  CHECK(eventually([&] { return router.stop(100ms); }));
  CHECK(place.content().empty());
}

TEST_CASE("a router that was killed with is put right before it is told anything") {
  const Place place;
  const std::string old = routes::render_bird(empty_plan()).value();
  place.write(routes::render_bird(one_prefix()).value());  // never confirmed
  REQUIRE(replace_file(place.target.include_file + ".previous", old));
  const FakeRouter bird{place.target.control_socket, place.target.include_file};
  Router router{place.target, automatic(), one_minute_on};
  router.want(nullptr);
  REQUIRE(eventually([&] { return bird.running() == old; }));
  CHECK(router.stop(5s));
  CHECK(place.content() == old);
  CHECK_FALSE(std::filesystem::exists(place.target.include_file + ".previous"));
}

TEST_CASE("while it is stopped a router is told nothing but to let go of what has expired") {
  const Place place;
  const bool expired = GENERATE(false, true);
  const std::string held =
      routes::render_bird(later(one_prefix(), expired ? -20min : 0min)).value();
  place.write(held);
  const FakeRouter bird{place.target.control_socket, place.target.include_file};
  REQUIRE(replace_file(place.target.include_file + ".stop", "maintenance\n"));
  Router router{place.target, automatic(), one_minute_on};
  router.want(std::make_shared<const Plan>(with_other_path()));
  REQUIRE(eventually([&] { return !router.state().last.empty(); }));
  CHECK(router.stop(5s));
  CHECK((place.content() == held) == !expired);
  CHECK((bird.running().find("protocol u1") != std::string::npos) == !expired);
  if (!expired) CHECK_THAT(router.state().last, Catch::EndsWith("strait.conf.stop: maintenance"));
  CHECK(router.state().refused == 0);
}

TEST_CASE("a renewed plan's figures go to the journal once, as its effect") {
  Place place;
  place.target.journal_file = place.folder + "/journal";
  place.write(routes::render_bird(empty_plan()).value());
  const FakeRouter bird{place.target.control_socket, place.target.include_file};
  const FakeClock in_between{{MonoTime{}, made + 1min}};
  REQUIRE(routes::apply(later(one_prefix(), -10min), place.target, in_between));
  Router router{place.target, automatic(), in_between};
  router.want(nullptr);  // learns what is in force
  REQUIRE(eventually([&] { return router.state().in_force != nullptr; }));
  Plan renewed = one_prefix();
  renewed.preferences[0].reason = "p95 15 ms, 9 ms below the next";
  router.want(std::make_shared<const Plan>(renewed));
  REQUIRE(eventually([&] { return router.state().applied == 1; }));
  CHECK(router.stop(5s));
  std::vector<routes::JournalEntry> effects;
  const auto check = routes::read_journal(place.target.journal_file,
                                          [&](const routes::JournalEntry& entry, std::string_view) {
                                            if (entry.step == "effect") effects.push_back(entry);
                                          });
  CHECK(check.value().whole());
  REQUIRE(effects.size() == 1);
  CHECK(effects[0].refers == std::uint64_t{2});
  CHECK(effects[0].reason == "europe: p95 15 ms, 9 ms below the next");
}

TEST_CASE("what a class may not have by itself waits, and what is wanted no more goes at once") {
  Place place;
  place.target.journal_file = place.folder + "/journal";
  const std::string plain = routes::render_bird(empty_plan()).value();
  place.write(plain);
  const FakeRouter bird{place.target.control_socket, place.target.include_file};
  routes::Modes modes;
  modes.usual = routes::ApplyMode::moderated;
  Router router{place.target, modes, one_minute_on};
  const auto waits = [&] { return routes::read_pending(place.target).value(); };
  router.want(std::make_shared<const Plan>(one_prefix()));
  REQUIRE(eventually([&] { return waits().has_value(); }));
  CHECK(bird.running() == plain);
  router.want(std::make_shared<const Plan>(empty_plan()));
  REQUIRE(eventually([&] { return !waits().has_value(); }));

  REQUIRE(routes::apply(one_prefix(), place.target, one_minute_on));  // by somebody
  router.want(std::make_shared<const Plan>(empty_plan()));
  REQUIRE(eventually([&] { return bird.running() == place.content() && router.state().applied; }));
  CHECK(router.stop(5s));
  CHECK_FALSE(waits());
  CHECK(bird.running().find("protocol u1") == std::string::npos);
}

TEST_CASE("changes of the day are counted over restarts, and the one too many waits") {
  Place place;
  place.target.journal_file = place.folder + "/journal";
  place.write(routes::render_bird(empty_plan()).value());
  const FakeRouter bird{place.target.control_socket, place.target.include_file};
  routes::Modes modes = automatic();
  modes.changes_by_class = {{"europe", 1}};
  for (const bool first : {true, false}) {
    CAPTURE(first);
    Router router{place.target, modes, one_minute_on};
    router.want(std::make_shared<const Plan>(one_prefix()));
    REQUIRE(eventually([&] {
      return first ? router.state().applied == 1 : routes::read_pending(place.target)->has_value();
    }));
    CHECK(router.stop(5s));
    CHECK((bird.running().find("protocol u1") != std::string::npos) == first);
    REQUIRE(
        routes::apply(routes::withdrawal(one_minute_on, "a test"), place.target, one_minute_on));
  }
}
