// SPDX-License-Identifier: Apache-2.0
// Every guard of routes/model/guards.hpp stops something here that would do harm without it. Guards
// that are named after a problem of a route have their table in plan_from_rib_test.cpp.
#include "routes/model/guards.hpp"

#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <random>
#include <sstream>
#include <tuple>

#include "analyzer/seal.hpp"
#include "cli/routes/advice.hpp"
#include "cli/routes/history.hpp"
#include "core/file.hpp"
#include "routes/apply/gate.hpp"
#include "routes/apply/include_file.hpp"
#include "routes/apply/journal.hpp"
#include "routes/apply/steps.hpp"
#include "routes/dialects/bird.hpp"
#include "routes/injection.hpp"
#include "routes/plan_from_rib.hpp"
#include "routes/recheck.hpp"
#include "tests/analyzer/windows.hpp"
#include "tests/routes/apply_place.hpp"
#include "tests/routes/dialects/surroundings.hpp"
#include "tests/routes/fake_bird.hpp"
#include "tests/routes/fake_router.hpp"
#include "tests/routes/fake_vtysh.hpp"
#include "tests/routes/rib_of.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;
using namespace std::chrono_literals;

namespace {

// --- Of a class or a prefix: a plan of one prefix, and what spoils it ---

struct Setting {
  std::vector<Route> routes{Route{}};
  std::vector<Path> paths{path("atlas", "192.0.2.1", "2001:db8::1", "u1")};
  Wish wish{.traffic_class = "europe",
            .path = "atlas",
            .reason = "because",
            .measured_v4 = true,
            .measured_v6 = true};
  PlanLimits limits;

  Setting() {
    limits.site_asn = Asn{64500};
    routes[0].prefix = prefix("20.1.0.0/16");
    routes[0].neighbor = parse_address("192.0.2.1").value();
    routes[0].neighbor_asn = Asn{65001};
    routes[0].as_path = {Asn{65001}, Asn{64496}};
  }
  [[nodiscard]] Rib rib() const { return rib_of(routes, Asn{64500}); }
  [[nodiscard]] static Regions regions() {
    return Regions::make({{"europe", {}, {}, {prefix("20.0.0.0/8")}, {}}}, {}).value();
  }
  [[nodiscard]] Plan plan() const {
    return plan_from_rib(std::vector{wish}, paths, rib(), regions(), limits);
  }
  // What is left of the plan that was made before it was spoilt.
  [[nodiscard]] Plan old_plan_now() const {
    return recheck(Setting{}.plan(), paths, rib(), regions(), limits);
  }
};

std::string words_of(const Plan& plan, std::string_view guard) {
  const auto note = std::ranges::find(plan.notes, guard, &GuardNote::guard);
  return note == plan.notes.end() ? std::string{} : "guard " + note->guard + ": " + note->message;
}

// The guard's words, if nothing is preferred any more: in a new plan, and in an old one.
std::string left_out(std::string_view guard, const std::function<void(Setting&)>& spoil,
                     bool also_old = true) {
  Setting setting;
  REQUIRE(setting.plan().preferences.size() == 1);
  REQUIRE(setting.old_plan_now().preferences.size() == 1);
  spoil(setting);
  const Plan plan = setting.plan();
  if (!plan.preferences.empty()) return {};
  if (also_old) {
    const Plan old = setting.old_plan_now();
    if (!old.preferences.empty() || words_of(old, guard).empty()) return {};
  }
  return words_of(plan, guard);
}

std::string not_injected(std::string_view guard, const Octets& route, const Carries& carries = {}) {
  const Site site;
  const std::vector<Preference> wanted{
      preference("europe", "atlas-offshore", "u1", {"192.0.2.0/24"})};
  REQUIRE(injection_of(wanted, site.paths, site.rib, Asn{64500}).preferences[0].routes.size() == 1);
  const Rib rib = OctetRib{Asn{64500}}.put("192.0.2.0/24", "10.255.1.2", route).finish();
  const Injection injection = injection_of(wanted, site.paths, rib, Asn{64500}, carries);
  Plan plan = empty_plan();
  plan.preferences = wanted;
  plan = injected_part(std::move(plan), site.paths, rib, Asn{64500}, carries);
  if (!plan.preferences.empty()) return {};
  return injection.preferences[0].routes.empty() ? words_of(plan, guard) : std::string{};
}

// --- Of a whole plan: it is given to a router ---

const WallTime made = empty_plan().made;  // plans last 15 minutes

Plan harmful() {
  Plan plan = empty_plan();
  plan.preferences = {preference("europe", "atlas-offshore", "u1", {"192.0.2.0/24"})};
  return plan;
}

struct Scene : ApplyPlace {
  Scene() : ApplyPlace{render_bird(empty_plan()).value()} {}
  // What keeps the plan away from file and router; empty: nothing did.
  [[nodiscard]] std::string refusal(const Plan& plan, Nanos after = 1min) const {
    const std::string before = content();
    const auto done = apply(plan, target, FakeClock{{MonoTime{}, made + after}});
    if (content() != before) return {};
    return done ? done->reason : done.error().message;
  }
};

// The same with a router, which has to keep what it has.
std::string refused(const std::function<void(Scene&, Plan&)>& spoil, Nanos after = 1min) {
  Scene scene;
  const FakeRouter bird{scene.target.control_socket, scene.target.include_file};
  Plan plan = harmful();
  spoil(scene, plan);
  const std::string before = bird.running();
  const std::string words = scene.refusal(plan, after);
  return bird.running() == before ? words : std::string{};
}

std::string refused_beside(const std::string& command, const std::string& answer) {
  const Scene scene;
  FakeBird::Answers answers{
      {"greeting", "0001 BIRD 2.0.12 ready.\n"},
      {"configure check", "0020 Configuration OK\n"},
      {"configure timeout", "0003 Reconfigured\n"},
      {"configure undo", "0003 Reconfigured\n"},
      {"show route",
       "1007-Table master4:\n 192.0.2.0/24 unicast [u2 12:00:00.000] * (100) [AS64497i]\n \tvia "
       "10.0.0.1 on eth0\n1008-\tType: BGP univ\n1012-\tBGP.local_pref: 100\n0000 \n"}};
  if (!command.empty()) answers[command] = answer;
  const FakeBird bird{scene.target.control_socket, answers};
  const std::string words = scene.refusal(harmful());
  return std::ranges::count(bird.commands(), "configure confirm") == 0 ? words : std::string{};
}

// FRR undoes nothing by itself, and whoever would do it does not start.
std::string refused_without_watchdog() {
  Scene scene;
  const FakeFrr frr{scene.folder + "/bin"};
  scene.target.kind = RouterKind::frr;
  scene.target.programs = frr.folder();
  scene.target.reply_timeout = 30s;
  scene.target.watchdog = {scene.folder + "/nosuch", "expire"};
  const std::string words = scene.refusal(harmful());
  return frr.prefers() ? std::string{} : words;
}

// --- What only the whole program knows ---

constexpr std::string_view program = R"(
[site]
asn = 64500
[[path]]
name = "atlas-offshore"
upstream_asn = 64501
neighbor_v4 = "192.0.2.2"
protocol = "u1"
device = "eth1"
[[target]]
name = "madrid"
address = "198.51.100.10"
region = "europe"
)";

// The plan that the program makes of a RIB without anything measured.
Plan unmeasured(const std::string& more, const std::function<void(cli::KnownRib&)>& spoil) {
  const auto configuration = cli::parse_configuration(std::string{program} + more, "test.toml");
  if (!configuration) FAIL(configuration.error().message);
  cli::KnownRib known{
      .rib = Setting{}.rib(), .report = {}, .read = made, .vrps = nullptr, .rpki_note = {}};
  spoil(known);
  return *cli::advise(*configuration, {}, &known, nullptr, {}, made).plan;
}

// The plan where one origin AS of two is nearer by another path than its class goes by.
Plan of_two_origins(const std::string& max_parts) {
  const auto configuration = cli::parse_configuration(std::string{program} + R"(
[[target]]
name = "paris"
address = "198.51.101.10"
region = "europe"
[[path]]
name = "loukkos"
upstream_asn = 64502
neighbor_v4 = "192.0.2.6"
protocol = "u2"
device = "eth2"
[[region]]
name = "europe"
prefixes = ["198.51.0.0/16"]
[routes]
accept = ["bogon-asn", "bogon-prefix"]
[analyzer]
grain = "origin"
)" + max_parts,
                                                      "test.toml");
  if (!configuration) FAIL(configuration.error().message);
  std::vector<Route> routes;
  for (const std::uint32_t upstream : {64501U, 64502U}) {
    for (const std::uint32_t origin : {64496U, 64497U}) {
      Route& route = routes.emplace_back();
      route.prefix = prefix(origin == 64496 ? "198.51.100.0/24" : "198.51.101.0/24");
      route.neighbor = parse_address(upstream == 64501 ? "192.0.2.2" : "192.0.2.6").value();
      route.neighbor_asn = Asn{upstream};
      route.as_path.assign(upstream - 64500, Asn{upstream});
      route.as_path.emplace_back(origin);
    }
  }
  std::mt19937_64 random{3};  // NOLINT(bugprone-random-generator-seed)
  std::vector<Window> windows;
  for (int i = 0; i < 8; ++i) {
    for (const auto& [path, target, ms] : {std::tuple{"atlas-offshore", "madrid", 20},
                                           {"atlas-offshore", "paris", 20},
                                           {"loukkos", "madrid", 10},
                                           {"loukkos", "paris", 30}}) {
      analyzer::test::WindowBuilder window(path, target, i);
      windows.push_back(window.noisy(random, analyzer::test::millis(ms), Nanos{200'000}, 300));
    }
  }
  const cli::KnownRib known{rib_of(routes, Asn{64500}), {}, made, nullptr, {}};
  return *cli::advise(*configuration, windows, &known, nullptr, {},
                      analyzer::test::start + 8 * analyzer::test::minute)
              .plan;
}

std::string part_left_to_class() {
  REQUIRE(of_two_origins("").preferences.size() == 1);
  const Plan plan = of_two_origins("max_parts = 0\n");
  return plan.preferences.empty() ? words_of(plan, "part-budget") : std::string{};
}

std::string rolled_back_to() {
  Scene scene;
  const FakeRouter bird{scene.target.control_socket, scene.target.include_file};
  const SystemClock clock;
  Plan old = harmful();
  old.made = clock.now().wall;
  old.expires = old.made + 1h;
  REQUIRE(apply(old, scene.target, clock).value().outcome == ApplyOutcome::confirmed);
  REQUIRE(apply(withdrawal(clock, "a test"), scene.target, clock).value().outcome ==
          ApplyOutcome::confirmed);
  const std::string before = bird.running();
  cli::RollbackOptions options;
  options.source.config = scene.folder + "/strait.toml";
  REQUIRE(replace_file(options.source.config, std::string{program} + "[routes.bird]\ninclude = \"" +
                                                  scene.target.include_file + "\"\nsocket = \"" +
                                                  scene.target.control_socket + "\"\njournal = \"" +
                                                  scene.target.journal_file + "\"\n"));
  std::ostringstream results;
  const auto status = cli::run_rollback(options, {results, results, false});
  if (!status) FAIL(status.error().message);
  if (*status == 0 || bird.running() != before) return {};
  const std::string said = results.str();
  return said.substr(std::min(said.find("guard old-plan"), said.size()));
}

// What keeps an automatic class from what is wanted.
std::string held_up(std::string_view guard, const std::function<void(Modes&)>& spoil) {
  Modes modes;
  modes.usual = ApplyMode::automatic;
  const Plan plain = empty_plan();
  const Plan wanted = harmful();
  ChangesToday today;
  today.all = 3;
  const TrafficShares traffic{{"europe", 0.6}};
  const auto passage = [&] {
    const GateInputs inputs{.in_force = plain,
                            .wanted = wanted,
                            .fit = plain,
                            .modes = modes,
                            .today = today,
                            .traffic = traffic};
    return pass(inputs);
  };
  REQUIRE(passage().now.preferences.size() == 1);
  spoil(modes);
  const Passage held = passage();
  return held.now.preferences.empty() ? words_of(held.now, guard) : std::string{};
}

std::string contradictory_registrations() {
  const Scene scene;
  const std::string file = scene.folder + "/delegated";
  REQUIRE(replace_file(file,
                       "2|ripencc|1704063599|2|19830705|20231231|+0100\n"
                       "ripencc|FR|ipv4|20.0.0.0|256|20200101|allocated\n"
                       "ripencc|ES|ipv4|20.0.0.0|256|20200101|allocated\n"));
  return words_of(
      unmeasured("[routes]\nregistrations = [\"" + file + "\"]\n", [](cli::KnownRib&) {}),
      "registration-data");
}

using Stop = std::function<std::string()>;

// By guard, what shows that it stops harm (or, of those that only tell, that they tell).
const std::map<std::string_view, Stop> table{
    {"forbidden",
     [] {
       return left_out("forbidden", [](Setting& s) {
         s.paths[0].forbidden = true;
         s.paths[0].forbidden_reason = "contract ended";
       });
     }},
    {"no-session",
     [] { return left_out("no-session", [](Setting& s) { s.paths[0].protocol = ""; }); }},
    {"no-evidence",
     [] {
       const Plan plan = unmeasured("", [](cli::KnownRib&) {});
       return plan.preferences.empty() ? words_of(plan, "no-evidence") : std::string{};
     }},
    {"daily-changes",
     [] { return held_up("daily-changes", [](Modes& modes) { modes.changes_per_day = 3; }); }},
    {"change-budget",
     [] { return held_up("change-budget", [](Modes& modes) { modes.max_moved_traffic = 0.5; }); }},
    {"rib-from-upstream",
     [] {
       return left_out("rib-from-upstream", [](Setting& s) {
         s.routes[0].neighbor = parse_address("192.0.2.9").value();
       });
     }},
    {"prefix-budget",
     [] {
       return left_out("prefix-budget", [](Setting& s) { s.limits.max_prefixes = 0; }, false);
     }},
    {"part-budget", part_left_to_class},
    {"unmeasured-family",
     [] {
       return left_out("unmeasured-family", [](Setting& s) { s.wish.measured_v4 = false; }, false);
     }},
    {"marked-route",
     [] {
       return left_out("marked-route",
                       [](Setting& s) { s.routes[0].communities = {graceful_shutdown}; });
     }},
    {"own-as",
     [] {
       return left_out("own-as", [](Setting& s) { s.routes[0].as_path.emplace_back(64500); });
     }},
    {"rewritten-path",
     [] {
       return not_injected(
           "rewritten-path",
           Octets{}
               .add(origin())
               .add(as_path(sequence({65001, 64496}).add(sequence({64497, 64498}, 1))))
               .add(next_hop("10.255.1.2")));
     }},
    {"next-hop",
     [] {
       return not_injected(
           "next-hop",
           Octets{}.add(origin()).add(as_path(sequence({65001, 64496}))).add(reach("fd00::1")));
     }},
    {"otc-lost",
     [] {
       return not_injected("otc-lost",
                           Octets{}
                               .add(origin())
                               .add(as_path(sequence({65001, 64496})))
                               .add(next_hop("10.255.1.2"))
                               .add(attribute(0xc0, 35, Octets{}.u32(65001))),
                           Carries{.only_to_customer = false});
     }},
    {"damaged-rib",
     [] {
       return refused([](Scene&, Plan& plan) {
         RibReadReport report;
         report.damaged = 1;
         note_damage(report, plan);
       });
     }},
    {"local-pref-bounds",
     [] {
       return refused([](Scene&, Plan& plan) {
         plan.preferences[0].local_pref = LocalPref{2000};
         analyzer::seal(plan, {}, {}, made);
       });
     }},
    {"old-plan", rolled_back_to},
    {"stop-file",
     [] {
       return refused([](Scene& scene, Plan&) {
         REQUIRE(replace_file(stop_file(scene.target), "moving cables\n"));
       });
     }},
    {"plan-expired", [] { return refused([](Scene&, Plan&) {}, 16min); }},
    {"clock-set-back", [] { return refused([](Scene&, Plan&) {}, -24h); }},
    {"clock-untrusted",
     [] {
       return refused([](Scene& scene, Plan&) {
         scene.target.synchronised_clock = true;
         scene.target.clock_doubt = [] { return cli::clock_doubt(probe::ClockQuality{}); };
       });
     }},
    {"journal-chain",
     [] {
       return refused([](Scene& scene, Plan&) {
         REQUIRE(
             replace_file(scene.target.journal_file, "{\"step\":\"begin\"}\nno line of ours\n"));
       });
     }},
    {"no-watchdog", refused_without_watchdog},
    {"edited-file",
     [] {
       return refused([](Scene& scene, Plan&) {
         REQUIRE(replace_file(scene.target.include_file, scene.content() + "# mine\n"));
       });
     }},
    {"one-at-a-time",
     [] {
       const Scene scene;
       const auto held = ApplyLock::take(scene.target.include_file, "the service");
       REQUIRE(held);
       return scene.refusal(harmful());
     }},
    {"router-down", [] { return Scene{}.refusal(harmful()); }},
    {"router-check", [] { return refused_beside("configure check", "8002 syntax error\n"); }},
    {"read-back", [] { return refused_beside("", ""); }},
    {"rpki-data",
     [] {
       return words_of(
           unmeasured("", [](cli::KnownRib& known) { known.rpki_note = "too old, not used"; }),
           "rpki-data");
     }},
    {"registration-data", contradictory_registrations},
};

}  // namespace

TEST_CASE("every guard stops what it is there for, and says so by its name") {
  const auto guard = GENERATE(from_range(guards.begin(), guards.end()));
  CAPTURE(guard.name);
  const auto row = table.find(guard.name);
  REQUIRE(row != table.end());  // a guard without a row here is none
  CHECK_THAT(row->second(), Catch::StartsWith("guard " + std::string{guard.name} + ": "));
}

TEST_CASE("where no synchronised clock is wanted the journal tells of one that is not") {
  Scene scene;
  const FakeRouter bird{scene.target.control_socket, scene.target.include_file};
  bool synchronised = false;
  scene.target.clock_doubt = [&] {
    return cli::clock_doubt({.synchronised = synchronised, .max_error = 1ms, .leap_second = true});
  };
  const auto guards_told = [&] {
    const auto done = apply(harmful(), scene.target, FakeClock{{MonoTime{}, made + 1min}});
    REQUIRE(done);
    CHECK(done->outcome == ApplyOutcome::confirmed);
    std::vector<std::string> told;
    REQUIRE(read_journal(scene.target.journal_file, [&](const JournalEntry& entry, auto) {
      if (entry.step == "begin") told = entry.guards;
    }));
    return told;
  };
  const auto told = guards_told();
  REQUIRE(told.size() == 1);
  CHECK_THAT(told[0], Catch::StartsWith("clock-untrusted: this machine's clock is not"));
  synchronised = true;
  CHECK(guards_told().empty());
  // Plain BGP comes back by whichever clock.
  synchronised = false;
  scene.target.synchronised_clock = true;
  const FakeClock now{{MonoTime{}, made + 1min}};
  CHECK(apply(withdrawal(now, "a test"), scene.target, now).value().outcome ==
        ApplyOutcome::confirmed);
}

TEST_CASE(
    "an old plan keeps what nothing speaks against, and no prefix that has changed its class") {
  Setting setting;
  const Plan old = setting.plan();
  CHECK(setting.old_plan_now().notes.empty());
  const Regions others = Regions::make({{"europe", {}, {}, {prefix("30.0.0.0/8")}, {}},
                                        {"africa", {}, {}, {prefix("20.0.0.0/8")}, {}}},
                                       {})
                             .value();
  const Plan rest = recheck(old, setting.paths, setting.rib(), others, setting.limits);
  CHECK(rest.preferences.empty());
  CHECK_THAT(words_of(rest, "rib-from-upstream"), Catch::Contains("of another class by now"));
  setting.paths[0].protocol = "u9";
  CHECK_THAT(words_of(setting.old_plan_now(), "no-session"),
             Catch::Contains("no path 'atlas' has the session 'u1'"));
}
