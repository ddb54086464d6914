// SPDX-License-Identifier: Apache-2.0
#include "analyzer/decision.hpp"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <random>

#include "analyzer/outlook.hpp"
#include "analyzer/seal.hpp"
#include "tests/analyzer/windows.hpp"

using namespace strait;
using namespace strait::analyzer;
using test::minute;
using test::ms;
using test::path;
using test::start;
using test::WindowBuilder;

namespace {

const std::vector<Target> europe{{.name = "paris", .traffic_class = "europe"}};

// A site with two paths, one window a minute, and the decision's memory carried along.
struct Site {
  std::vector<routes::Path> paths{path("atlas"), path("loukkos")};
  DecisionOptions options;
  DecisionMemory memory;
  std::vector<Window> windows;
  std::map<std::string, std::string, std::less<>> default_path;
  std::optional<std::map<std::string, std::set<std::string>, std::less<>>> routed;
  int now = 0;
  std::mt19937_64 random{11};  // NOLINT(bugprone-random-generator-seed)

  // A negative delay: every probe is lost.
  Verdict minute_of(double atlas_ms, double loukkos_ms, int probes = 200) {
    add("atlas", atlas_ms, probes);
    add("loukkos", loukkos_ms, probes);
    if (windows.size() > 40) windows.erase(windows.begin(), windows.begin() + 2);
    ++now;
    return judge();
  }
  Verdict judge() {
    const DecisionInputs inputs{windows, {europe, paths, {}}, routed, default_path, {}};
    Decision decision = decide(inputs, memory, options, start + (now * minute));
    memory = std::move(decision.memory);
    return decision.verdicts.at(0);
  }
  // Of 200 probes on each path these are lost.
  Verdict minute_with_loss(int atlas, int loukkos) {
    for (const auto& [name, lost] : {std::pair{"atlas", atlas}, std::pair{"loukkos", loukkos}}) {
      windows.push_back(WindowBuilder(name, "paris", now)
                            .noisy(random, 20 * ms, ms / 2, 200 - lost)
                            .lost(static_cast<std::uint64_t>(lost)));
    }
    ++now;
    return judge();
  }
  void add(const char* name, double delay_ms, int probes) {
    WindowBuilder window(name, "paris", now);
    if (delay_ms < 0) {
      window.lost(static_cast<std::uint64_t>(probes));
    } else {
      window.noisy(random, test::millis(delay_ms), ms / 2, probes);
    }
    windows.push_back(window);
  }
};

}  // namespace

TEST_CASE("a cut is left within three windows, and a repair is believed after the hold-down") {
  Site site;
  site.options.hold_down = 5 * minute;
  CHECK(site.minute_of(20, 30).ruling == Ruling::keep);
  CHECK(site.minute_of(20, 30).ruling == Ruling::keep);
  Verdict verdict = site.minute_of(20, 30);
  CHECK(verdict.ruling == Ruling::prefer);
  CHECK(verdict.path == "atlas");
  REQUIRE(verdict.gain_low);
  CHECK(*verdict.gain_low > 8 * ms);

  int windows_to_detect = 0;  // the hold-down has not ended, and does not protect the dead
  while (verdict.path == "atlas" && windows_to_detect < 10) {
    verdict = site.minute_of(-1, 30);
    ++windows_to_detect;
  }
  CHECK(windows_to_detect <= 3);
  CHECK(verdict.ruling == Ruling::prefer);
  CHECK(verdict.path == "loukkos");
  CHECK_THAT(verdict.reason, Catch::Contains("atlas is left at once"));

  const WallTime changed = verdict.at;
  for (int i = 0; i < 30 && verdict.path != "atlas"; ++i) verdict = site.minute_of(20, 30);
  CHECK(verdict.path == "atlas");
  CHECK(verdict.at >= changed + (5 * minute));
}

TEST_CASE("a thousand windows of equal paths change nothing") {
  Site site;
  site.default_path["europe"] = "atlas";
  int changes = 0;
  for (int i = 0; i < 1000; ++i) {
    const Verdict verdict = site.minute_of(20, 20, 80);
    if (verdict.path != verdict.previous) ++changes;
  }
  CHECK(changes == 0);
}

TEST_CASE("small gains keep what is in force, each by its own threshold") {
  struct Case {
    double atlas_ms;
    double loukkos_ms;
    bool moves;
  };
  const auto c = GENERATE(values<Case>({
      {20, 19.5, false},  // below 1 ms
      {100, 98, false},   // below 3 %
      {100, 95, true},
      {20, 15, true},
      {15, 20, false},
  }));
  CAPTURE(c.atlas_ms, c.loukkos_ms);
  Site site;
  site.default_path["europe"] = "atlas";
  Verdict verdict;
  for (int i = 0; i < 12; ++i) verdict = site.minute_of(c.atlas_ms, c.loukkos_ms);
  CHECK((verdict.path == "loukkos") == c.moves);
  if (!c.moves) {
    CHECK(verdict.ruling == Ruling::keep);
    CHECK_FALSE(verdict.path);
    CHECK_THAT(verdict.reason, Catch::Contains("atlas stays"));
  }
}

TEST_CASE("hold-down keeps a better path waiting") {
  Site site;
  site.options.hold_down = 60 * minute;
  for (int i = 0; i < 4; ++i) static_cast<void>(site.minute_of(20, 30));
  REQUIRE(site.memory.at("europe").path == "atlas");
  Verdict verdict;
  for (int i = 0; i < 15; ++i) verdict = site.minute_of(40, 30);
  CHECK(verdict.path == "atlas");
  CHECK_THAT(verdict.reason, Catch::Contains("held until"));
}

TEST_CASE("looking twice at the same window counts it once") {
  Site site;
  static_cast<void>(site.minute_of(20, 30));
  for (int i = 0; i < 5; ++i) CHECK(site.judge().ruling == Ruling::keep);
  CHECK(site.memory.at("europe").streak == 1);
}

TEST_CASE("without measurements the preference is withdrawn") {
  Site site;
  for (int i = 0; i < 4; ++i) static_cast<void>(site.minute_of(20, 30));
  REQUIRE(site.memory.at("europe").path == "atlas");
  site.now += 10;
  const Verdict verdict = site.judge();
  CHECK(verdict.ruling == Ruling::insufficient);
  CHECK_FALSE(verdict.path);
  CHECK(verdict.previous == "atlas");
  CHECK_THAT(verdict.reason, Catch::Contains("stale"));
}

TEST_CASE("what cannot be chosen is not, and the verdict says why") {
  Site site;
  SECTION("nothing was ever measured") {
    const Verdict verdict = site.judge();
    CHECK(verdict.ruling == Ruling::insufficient);
    CHECK_THAT(verdict.reason, Catch::Contains("no path is eligible"));
  }
  SECTION("no path has a route of the class") {
    site.routed.emplace();
    const Verdict verdict = site.minute_of(20, 30);
    CHECK(verdict.ruling == Ruling::insufficient);
    CHECK_THAT(verdict.reason, Catch::Contains("no route of this class"));
  }
  SECTION("too few probes") {
    const Verdict verdict = site.minute_of(20, 30, 10);
    CHECK(verdict.ruling == Ruling::insufficient);
    CHECK_THAT(verdict.reason, Catch::Contains("p95 needs 72"));
  }
  SECTION("the better path is forbidden") {
    site.default_path["europe"] = "loukkos";
    site.paths[0].forbidden = true;
    site.paths[0].forbidden_reason = "crosses XX";
    Verdict verdict;
    for (int i = 0; i < 5; ++i) verdict = site.minute_of(20, 30);
    CHECK(verdict.ruling == Ruling::forbidden);
    CHECK_FALSE(verdict.path);
    CHECK_THAT(verdict.reason, Catch::Contains("crosses XX"));
  }
  SECTION("a reply faster than light in fibre") {
    site.paths[0].one_way_floor = 15 * ms;
    Verdict verdict;
    for (int i = 0; i < 5; ++i) verdict = site.minute_of(20, 30);
    CHECK_FALSE(verdict.path);
    CHECK_FALSE(verdict.ranking.back().eligible);
    CHECK_THAT(verdict.ranking.back().reason, Catch::Contains("below the fibre floor"));
  }
}

TEST_CASE("a clock that is set back does not hold a class for ever") {
  Site site;
  site.memory["europe"].changed = start + (1000 * minute);
  site.memory["europe"].judged = start + (1000 * minute);
  Verdict verdict;
  for (int i = 0; i < 8; ++i) verdict = site.minute_of(20, 30);
  CHECK(verdict.path == "atlas");
}

TEST_CASE("a sealed plan expires, has a stable hash and refuses a local-pref out of bounds") {
  routes::Plan plan;
  plan.preferences.push_back({"europe", "atlas", "bgp_atlas", LocalPref{200}, {}, "why"});
  routes::Plan again = plan;
  seal(plan, {}, {}, start);
  seal(again, {}, {}, start + minute);
  CHECK(plan.evidence_hash == again.evidence_hash);
  CHECK(plan.expires == start + (10 * minute));
  CHECK_FALSE(plan.blocked());
  again.preferences[0].local_pref = LocalPref{100};
  seal(again, {}, {}, start);
  CHECK(again.blocked());
  CHECK(plan.evidence_hash != again.evidence_hash);
}

TEST_CASE("a class that moves to and fro for little moves ever less, and for much it still moves") {
  Site site;
  site.default_path["europe"] = "atlas";
  const bool damped = GENERATE(true, false);
  CAPTURE(damped);
  if (!damped) site.options.flap_half_life = Nanos{0};
  unsigned changes = 0;
  for (int i = 0; i < 20 * 30; ++i) {
    const Verdict verdict = site.minute_of(20, i / 30 % 2 == 0 ? 18.2 : 21.8, 80);
    if (verdict.path != verdict.previous) ++changes;
  }
  if (damped) {
    CHECK(changes <= 6);
    CHECK(site.memory.at("europe").penalty > 0);
  } else {
    CHECK(changes >= 18);
  }
  const std::string now = site.memory.at("europe").path.value_or("atlas");
  Verdict verdict;
  for (int i = 0; i < 20; ++i) {
    verdict = now == "atlas" ? site.minute_of(60, 20) : site.minute_of(20, 60);
  }
  CHECK(verdict.path == (now == "atlas" ? "loukkos" : "atlas"));
}

TEST_CASE("a return to a path that was dead is no flap") {
  Site site;
  site.default_path["europe"] = "atlas";
  for (int i = 0; i < 5; ++i) static_cast<void>(site.minute_of(30, 20));
  REQUIRE(site.memory.at("europe").path == "loukkos");
  const double before = site.memory.at("europe").penalty;
  CHECK(before == Approx(1));
  Verdict verdict;
  for (int cut = 0; cut < 5; ++cut) {
    for (int i = 0; i < 3; ++i) verdict = site.minute_of(30, -1);
    REQUIRE(verdict.path == "atlas");
    for (int i = 0; i < 20; ++i) verdict = site.minute_of(30, 20);
    REQUIRE(verdict.path == "loukkos");
  }
  CHECK(site.memory.at("europe").penalty <= before);
}

TEST_CASE("a path that was left for its loss is not returned to while it may go on") {
  Site site;
  site.default_path["europe"] = "atlas";
  const double share = GENERATE(0.012, 0.02, 0.04);  // of atlas, for five hours
  CAPTURE(share);
  std::binomial_distribution<int> lost{200, share};
  int changes = 0;
  Verdict verdict;
  const auto minute_of = [&](int atlas_lost) {
    site.add("atlas", 20, 200 - atlas_lost);
    site.windows.back().counts.lost = static_cast<std::uint64_t>(atlas_lost);
    site.windows.back().counts.sent = 200;
    site.add("loukkos", 22, 200);
    if (site.windows.size() > 40)
      site.windows.erase(site.windows.begin(), site.windows.begin() + 2);
    ++site.now;
    verdict = site.judge();
    if (verdict.path != verdict.previous) ++changes;
  };
  for (int i = 0; i < 300; ++i) minute_of(lost(site.random));
  CHECK(verdict.path == "loukkos");
  CHECK(changes <= 3);
  for (int i = 0; i < 30; ++i) minute_of(0);
  CHECK(verdict.path == "atlas");
}

TEST_CASE("of two paths that lose as much none is preferred for being below the limit by chance") {
  Site site;
  if (GENERATE(false, true)) site.default_path["europe"] = "atlas";
  const double share = GENERATE(0.015, 0.03);
  CAPTURE(share, site.default_path.size());
  std::binomial_distribution<int> lost{60, share};
  int changes = 0;
  for (int i = 0; i < 1500; ++i) {
    for (const char* const name : {"atlas", "loukkos"}) {
      const int of_these = lost(site.random);
      site.windows.push_back(WindowBuilder(name, "paris", site.now)
                                 .noisy(site.random, 20 * ms, ms / 2, 60 - of_these)
                                 .lost(static_cast<std::uint64_t>(of_these)));
    }
    if (site.windows.size() > 40) {
      site.windows.erase(site.windows.begin(), site.windows.begin() + 2);
    }
    ++site.now;
    const Verdict verdict = site.judge();
    if (verdict.path != verdict.previous) ++changes;
  }
  CHECK(changes <= 4);  // of 25 hours
}

TEST_CASE("targets that are down, and come back, move nothing") {
  const std::vector<Target> three{{.name = "paris", .traffic_class = "europe"},
                                  {.name = "rome", .traffic_class = "europe"},
                                  {.name = "madrid", .traffic_class = "europe"}};
  const std::vector<routes::Path> paths{path("atlas"), path("loukkos")};
  DecisionMemory memory;
  memory["europe"].path = "loukkos";
  memory["europe"].changed = start - 100 * minute;
  std::vector<Window> windows;
  std::mt19937_64 random{5};  // NOLINT(bugprone-random-generator-seed)
  for (int now = 0; now < 40; ++now) {
    const bool down = now >= 10 && now < 25;
    for (const char* const name : {"atlas", "loukkos"}) {
      windows.push_back(WindowBuilder(name, "paris", now).noisy(random, 20 * ms, ms / 2, 60));
      for (const char* const target : {"rome", "madrid"}) {
        WindowBuilder window(name, target, now);
        windows.push_back(down ? window.lost(60) : window.noisy(random, 22 * ms, ms / 2, 60));
      }
    }
    const DecisionInputs inputs{windows, {three, paths, {}}, {}, {{"europe", "atlas"}}, {}};
    Decision decision = decide(inputs, memory, {}, start + (now + 1) * minute);
    memory = std::move(decision.memory);
    INFO(now << ": " << decision.verdicts.at(0).reason);
    REQUIRE(decision.verdicts.at(0).path == "loukkos");
    for (const Ranked& each : decision.verdicts[0].ranking) CHECK((each.eligible || now < 1));
  }
}

TEST_CASE("where no path is eligible the surely less lossy one is in force") {
  struct Case {
    const char* what;
    const char* in_force;  // before; empty: plain BGP
    int atlas_lost;        // of 200; what BGP would use
    int loukkos_lost;
    const char* after;
    Ruling ruling;
    const char* words;
  };
  const auto c = GENERATE(values<Case>({
      {"the default is dead, the other lossy", "", 200, 10, "loukkos", Ruling::prefer,
       "surely loses less than atlas"},
      {"what is in force is lossy, the default dead", "loukkos", 200, 10, "loukkos", Ruling::keep,
       "surely loses less than atlas"},
      {"what is in force is dead, the default lossy", "loukkos", 10, 200, "atlas", Ruling::prefer,
       "surely loses less than loukkos"},
      {"both are as lossy", "loukkos", 10, 10, "", Ruling::insufficient, "plain BGP decides"},
      {"both are dead", "loukkos", 200, 200, "", Ruling::insufficient, "plain BGP decides"},
      {"both are dead under plain BGP", "", 200, 200, "", Ruling::insufficient,
       "plain BGP decides"},
  }));
  CAPTURE(c.what);
  Site site;
  site.default_path["europe"] = "atlas";
  if (*c.in_force != '\0') {
    site.memory["europe"].path = c.in_force;
    site.memory["europe"].changed = start - (10 * minute);
  }
  std::vector<Verdict> verdicts;
  for (int i = 0; i < 6; ++i) {
    verdicts.push_back(site.minute_with_loss(c.atlas_lost, c.loukkos_lost));
  }
  CHECK(verdicts.back().path.value_or("") == c.after);
  CHECK(std::ranges::any_of(verdicts, [&](const Verdict& each) {
    return each.ruling == c.ruling && each.reason.find(c.words) != std::string::npos;
  }));
}

TEST_CASE("equal windows give equal words, and these say what would have to change") {
  const auto story = [] {
    Site site;
    site.default_path["europe"] = "atlas";
    Verdict verdict;
    for (int i = 0; i < 12; ++i) verdict = site.minute_of(20, 19.5);
    return std::pair{verdict, outlook(verdict, site.options)};
  };
  const auto [verdict, sentences] = story();
  const auto [again, same] = story();
  CHECK(verdict.reason == again.reason);
  CHECK(sentences == same);
  CHECK(verdict.rival == "loukkos");
  REQUIRE(verdict.gain_wanted);
  CHECK(*verdict.gain_wanted == ms);
  REQUIRE_FALSE(sentences.empty());
  CHECK_THAT(sentences.front(), Catch::Contains("loukkos is preferred once it surely gains more"));
  CHECK_THAT(sentences.front(), Catch::Contains("in 3 windows running (0 so far)"));
}

TEST_CASE("a path in force that breaks a policy is left at once") {
  Site site;
  site.paths[0].countries = {"MA", "DZ"};
  site.paths[1].countries = {"MA", "ES"};
  for (int i = 0; i < 5; ++i) static_cast<void>(site.minute_of(20, 30));
  REQUIRE(site.memory.at("europe").path == "atlas");
  site.options.policies = {{.traffic_class = "europe",
                            .allow_transit = std::nullopt,
                            .avoid_transit = {"DZ"},
                            .keep_domestic = false}};
  const Verdict verdict = site.minute_of(20, 30);
  CHECK(verdict.path == "loukkos");
  CHECK_THAT(verdict.reason, Catch::Contains("avoid_transit of europe: it enters DZ"));
}

TEST_CASE("a gain that one target alone shows is not followed while the others surely lose") {
  struct Case {
    const char* what;
    std::vector<Target> targets;
    std::array<double, 3> loukkos_ms;  // atlas has 20, 25 and 30
    bool moves;
  };
  const Target paris{.name = "paris", .traffic_class = "europe"};
  const Target madrid{.name = "madrid", .traffic_class = "europe"};
  const Target dubai{.name = "dubai", .traffic_class = "europe"};
  Target heavy = dubai;
  heavy.weight = 4;
  const auto c = GENERATE_COPY(values<Case>({
      {"the farthest alone, and the others lose", {paris, madrid, dubai}, {21, 26, 22}, false},
      {"the farthest alone, and the others stay", {paris, madrid, dubai}, {20, 25, 22}, true},
      {"all of them", {paris, madrid, dubai}, {15, 20, 25}, true},
      {"it has most of the weight", {paris, madrid, heavy}, {21, 26, 22}, true},
      {"of two it is not known which", {madrid, dubai}, {0, 26, 22}, true},
  }));
  CAPTURE(c.what);
  const std::vector<routes::Path> paths{path("atlas"), path("loukkos")};
  std::mt19937_64 random{4};  // NOLINT(bugprone-random-generator-seed)
  constexpr std::array names{"paris", "madrid", "dubai"};
  constexpr std::array atlas_ms{20.0, 25.0, 30.0};
  std::vector<Window> windows;
  for (int i = 0; i < 12; ++i) {
    for (std::size_t at = 3 - c.targets.size(); at < 3; ++at) {
      windows.push_back(WindowBuilder("atlas", names.at(at), i)
                            .noisy(random, test::millis(atlas_ms.at(at)), ms / 10, 100));
      windows.push_back(WindowBuilder("loukkos", names.at(at), i)
                            .noisy(random, test::millis(c.loukkos_ms.at(at)), ms / 10, 100));
    }
  }
  const DecisionInputs inputs{windows, {c.targets, paths, {}}, {}, {{"europe", "atlas"}}, {}};
  const Verdict verdict = decide(inputs, {}, {}, start + 12 * minute).verdicts.at(0);
  CAPTURE(verdict.reason);
  CHECK(verdict.path.has_value() == c.moves);
  if (!c.moves) CHECK_THAT(verdict.reason, Catch::Contains("but by dubai alone"));
}
