// SPDX-License-Identifier: Apache-2.0
// What the mode of each class lets through, and the plans that wait for an approval.
#include "routes/apply/gate.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "routes/apply/journal.hpp"
#include "routes/apply/pending.hpp"
#include "tests/routes/apply_place.hpp"
#include "tests/routes/plan_examples.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;
using namespace std::chrono_literals;

namespace {

const WallTime start = empty_plan().made;

Plan plan_of(std::vector<Preference> preferences) {
  Plan plan = empty_plan();
  plan.evidence_hash = std::string(64, 'b');
  plan.preferences = std::move(preferences);
  return plan;
}
Preference europe(const char* path, const char* session, std::vector<const char*> prefixes) {
  return preference("europe", path, session, std::move(prefixes));
}
const Plan plain = plan_of({});
const Plan by_atlas = plan_of({europe("atlas", "u1", {"192.0.2.0/24", "198.51.100.0/24"})});
const Plan by_loukkos = plan_of({europe("loukkos", "u2", {"192.0.2.0/24"})});

Modes modes_of(ApplyMode usual) {
  Modes modes;
  modes.usual = usual;
  return modes;
}

// "europe u1 2" for each preference.
std::string words(const Plan& plan) {
  std::string text;
  for (const Preference& each : plan.preferences) {
    text += (text.empty() ? "" : ", ") + each.traffic_class + " " + each.protocol + " " +
            std::to_string(each.prefixes.size());
  }
  return text;
}

Passage passage(const Plan& in_force, const Plan& wanted, const Plan& fit, const Modes& modes,
                ChangesToday today = {}, TrafficShares traffic = {}) {
  return pass({.in_force = in_force,
               .wanted = wanted,
               .fit = fit,
               .modes = modes,
               .today = std::move(today),
               .traffic = std::move(traffic)});
}

}  // namespace

TEST_CASE("a class gets what its mode allows, and loses what is wanted no more whatever that is") {
  constexpr auto advise = ApplyMode::advise;
  constexpr auto moderated = ApplyMode::moderated;
  constexpr auto automatic = ApplyMode::automatic;
  const Plan one_more =
      plan_of({europe("atlas", "u1", {"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"})});
  const Plan one_less = plan_of({europe("atlas", "u1", {"192.0.2.0/24"})});
  struct Case {
    const char* what;
    ApplyMode mode;
    Plan in_force;
    Plan wanted;
    Plan fit;
    const char* now;
    const char* waiting;
    std::size_t changed;
  };
  const auto c = GENERATE_COPY(values<Case>({
      {"first path, automatic", automatic, plain, by_atlas, plain, "europe u1 2", "", 1},
      {"first path, moderated", moderated, plain, by_atlas, plain, "", "europe u1 2", 0},
      {"first path, advise", advise, plain, by_atlas, plain, "", "", 0},
      {"the same", automatic, by_atlas, by_atlas, plain, "europe u1 2", "", 0},
      {"the same, moderated: renewed", moderated, by_atlas, by_atlas, plain, "europe u1 2", "", 0},
      {"the same, advise: by hand", advise, by_atlas, by_atlas, plain, "europe u1 2", "", 0},
      {"another path", automatic, by_atlas, by_loukkos, by_atlas, "europe u2 1", "", 1},
      {"another path, the old one fit", moderated, by_atlas, by_loukkos, by_atlas, "europe u1 2",
       "europe u2 1", 0},
      {"another path, the old one dead", moderated, by_atlas, by_loukkos, plain, "", "europe u2 1",
       0},
      {"another path, half of the old one fit", moderated, by_atlas, by_loukkos, one_less,
       "europe u1 1", "europe u2 1", 0},
      {"another path, the old one dead, advise", advise, by_atlas, by_loukkos, plain, "", "", 0},
      {"nothing any more", automatic, by_atlas, plain, by_atlas, "", "", 0},
      {"nothing any more, moderated", moderated, by_atlas, plain, by_atlas, "", "", 0},
      {"nothing any more, advise", advise, by_atlas, plain, by_atlas, "", "", 0},
      {"a prefix more", automatic, by_atlas, one_more, plain, "europe u1 3", "", 0},
      {"a prefix more, moderated", moderated, by_atlas, one_more, plain, "europe u1 2",
       "europe u1 3", 0},
      {"a prefix less, moderated", moderated, by_atlas, one_less, by_atlas, "europe u1 1", "", 0},
  }));
  CAPTURE(c.what);
  const Passage done = passage(c.in_force, c.wanted, c.fit, modes_of(c.mode));
  CHECK(words(done.now) == c.now);
  CHECK(words(done.waiting) == c.waiting);
  CHECK(done.changed.size() == c.changed);
  CHECK(done.now.expires == c.wanted.expires);
}

TEST_CASE("part of a class that takes another of its paths is a change, a prefix more is none") {
  const Plan both = plan_of({europe("atlas", "u1", {"192.0.2.0/24", "198.51.100.0/24"}),
                             europe("loukkos", "u2", {"203.0.113.0/24"})});
  const Plan moved = plan_of({europe("atlas", "u1", {"192.0.2.0/24"}),
                              europe("loukkos", "u2", {"198.51.100.0/24", "203.0.113.0/24"})});
  const Plan more = plan_of({europe("atlas", "u1", {"192.0.2.0/24", "198.51.100.0/24"}),
                             europe("loukkos", "u2", {"20.1.0.0/16", "203.0.113.0/24"})});
  const Modes automatic = modes_of(ApplyMode::automatic);
  CHECK(passage(both, moved, both, automatic).changed.size() == 1);
  CHECK(passage(both, more, both, automatic).changed.empty());
  ChangesToday today;
  today.all = automatic.changes_per_day;
  CHECK(words(passage(both, moved, both, automatic, today).now) == "europe u1 2, europe u2 1");
  CHECK(words(passage(both, more, both, automatic, today).now) == "europe u1 2, europe u2 2");
}

TEST_CASE("of mixed modes a plan has of each class what that one may") {
  Modes modes = modes_of(ApplyMode::advise);
  modes.by_class = {{"africa", ApplyMode::automatic}, {"europe", ApplyMode::moderated}};
  const Plan wanted = plan_of({preference("africa", "mtwa", "u3", {"203.0.113.0/24"}),
                               europe("atlas", "u1", {"192.0.2.0/24"}),
                               preference("middle-east", "mtwa", "u3", {"198.51.100.0/24"})});
  const Passage done = passage(plain, wanted, plain, modes);
  CHECK(words(done.now) == "africa u3 1");
  CHECK(words(done.waiting) == "europe u1 1");
  CHECK(done.waiting.expires == start + 1h);
  CHECK(done.changed == std::vector<std::string>{"africa"});
}

TEST_CASE("when the changes of the day are used up, the next one waits and says why") {
  const Plan wanted = plan_of({preference("africa", "mtwa", "u3", {"203.0.113.0/24"}),
                               europe("atlas", "u1", {"192.0.2.0/24"})});
  Modes modes = modes_of(ApplyMode::automatic);
  modes.changes_per_day = 5;
  modes.changes_by_class = {{"europe", 2}};
  struct Case {
    ChangesToday today;
    const char* now;
    const char* waiting;
  };
  const auto c = GENERATE(values<Case>({
      {{.all = 3, .by_class = {{"europe", 1}}}, "africa u3 1, europe u1 1", ""},
      {{.all = 4, .by_class = {}}, "africa u3 1", "europe u1 1"},
      {{.all = 5, .by_class = {}}, "", "africa u3 1, europe u1 1"},
      {{.all = 2, .by_class = {{"europe", 2}}}, "africa u3 1", "europe u1 1"},
  }));
  const Passage done = passage(plain, wanted, plain, modes, c.today);
  CHECK(words(done.now) == c.now);
  CHECK(words(done.waiting) == c.waiting);
  CHECK(done.now.notes.size() == done.waiting.preferences.size());
  for (const GuardNote& note : done.now.notes) {
    CHECK(note.guard == "daily-changes");
    CHECK_THAT(note.message, Catch::Contains(" may be: it waits"));
  }
}

TEST_CASE("what would move too much at once waits, the rest goes") {
  const Plan wanted = plan_of({preference("africa", "mtwa", "u3", {"203.0.113.0/24"}),
                               europe("atlas", "u1", {"192.0.2.0/24", "198.51.100.0/24"})});
  const Plan some = plan_of({preference("africa", "mtwa", "u3", {"203.0.113.0/24"}),
                             europe("atlas", "u1", {"192.0.2.0/24"})});
  const TrafficShares shares{{"africa", 0.25}, {"europe", 0.5}};
  struct Case {
    const char* what;
    std::optional<std::uint64_t> prefixes;
    std::optional<double> traffic;
    TrafficShares shares;
    Plan in_force;
    const char* now;
    const char* why;  // empty: nothing waits
  };
  const auto c = GENERATE_REF(values<Case>({
      {"as many as may", 3, {}, {}, plain, "africa u3 1, europe u1 2", ""},
      {"a prefix too many", 2, {}, {}, plain, "africa u3 1", "3 prefixes would move at once"},
      {"none may", 0, {}, {}, plain, "", "1 prefixes would move at once, and 0 may"},
      {"a prefix more on the same path",
       0,
       {},
       {},
       some,
       "africa u3 1, europe u1 1",
       "1 prefixes would move at once"},
      {"nothing new", 0, 0.0, shares, wanted, "africa u3 1, europe u1 2", ""},
      {"as much traffic as may", {}, 0.75, shares, plain, "africa u3 1, europe u1 2", ""},
      {"too much traffic", {}, 0.7, shares, plain, "africa u3 1", "75.0 % of the traffic would"},
      {"traffic is not known", {}, 0.7, {}, plain, "", "nobody knows how much traffic"},
      {"on the same path no traffic moves", {}, 0.0, shares, some, "africa u3 1, europe u1 2", ""},
  }));
  CAPTURE(c.what);
  Modes modes = modes_of(ApplyMode::automatic);
  modes.max_moved_prefixes = c.prefixes;
  modes.max_moved_traffic = c.traffic;
  const Passage done = passage(c.in_force, wanted, plain, modes, {}, c.shares);
  CHECK(words(done.now) == c.now);
  CHECK(done.waiting.preferences.empty() == (*c.why == '\0'));
  if (*c.why == '\0') return;
  REQUIRE_FALSE(done.waiting.notes.empty());
  CHECK(done.waiting.notes[0].guard == "change-budget");
  CHECK_THAT(done.waiting.notes[0].message, Catch::Contains(c.why));
}

namespace {

// A place where plans wait.
struct Desk : ApplyPlace {
  Desk() : ApplyPlace{""} {}
  // What keep_pending() says about a passage of this minute.
  std::string keep(const Passage& done, Nanos after = 0s) const {
    const auto kept = keep_pending(target, done, FakeClock{{MonoTime{}, start + after}}, "a test");
    REQUIRE(kept);
    return *kept;
  }
  [[nodiscard]] std::optional<Pending> waits() const { return read_pending(target).value(); }
  [[nodiscard]] std::vector<std::string> told() const {
    std::vector<std::string> steps;
    REQUIRE(read_journal(target.journal_file, [&](const JournalEntry& entry, std::string_view) {
      steps.push_back(entry.step + " " + entry.id);
    }));
    return steps;
  }
};

const Modes moderated = modes_of(ApplyMode::moderated);

Plan many(std::size_t from, std::size_t to) {
  Plan plan = plan_of({europe("atlas", "u1", {})});
  for (std::size_t i = from; i < to; ++i) {
    plan.preferences[0].prefixes.push_back(prefix(("10." + std::to_string(i) + ".0.0/16").c_str()));
  }
  std::ranges::sort(plan.preferences[0].prefixes);
  return plan;
}

}  // namespace

TEST_CASE("a plan waits under one ID until it is no longer wanted, or nobody has approved it") {
  const Desk desk;
  CHECK(desk.keep(passage(plain, plain, plain, moderated)).empty());
  CHECK_FALSE(desk.waits());
  CHECK_THAT(desk.keep(passage(plain, by_atlas, plain, moderated)),
             Catch::StartsWith("europe waits for 'strait routes approve "));
  const auto first = desk.waits();
  REQUIRE(first);
  CHECK(first->id.size() == 12);
  CHECK(content_hash(first->plan) == content_hash(by_atlas));
  CHECK(desk.keep(passage(plain, by_atlas, plain, moderated), 59min).empty());
  CHECK(desk.waits()->id == first->id);

  struct Case {
    Passage next;
    Nanos after;
    const char* step;
    bool another;
  };
  Plan later = by_atlas;
  later.made += 1h;
  const auto c = GENERATE_REF(values<Case>({
      {passage(plain, plain, plain, moderated), 1min, "superseded", false},
      {passage(by_atlas, by_atlas, plain, moderated), 1min, "superseded", false},
      {passage(plain, by_loukkos, plain, moderated), 1min, "superseded", true},
      {passage(by_loukkos, by_atlas, by_loukkos, moderated), 1min, "superseded", true},
      {passage(plain, later, plain, moderated), 1h, "lapsed", true},
  }));
  CHECK_FALSE(desk.keep(c.next, c.after).empty());
  const auto next = desk.waits();
  CHECK(next.has_value() == c.another);
  if (next) CHECK(next->id != first->id);
  std::vector<std::string> steps{"pending " + first->id, std::string{c.step} + " " + first->id};
  if (next) steps.push_back("pending " + next->id);
  CHECK(desk.told() == steps);
}

TEST_CASE("what waits outlives that a few of its prefixes come and go, and no more") {
  const Desk desk;
  desk.keep(passage(plain, many(0, 100), plain, moderated));
  const auto first = desk.waits();
  REQUIRE(first);
  CHECK(desk.keep(passage(plain, many(2, 102), plain, moderated)).empty());
  CHECK(desk.waits()->id == first->id);
  CHECK_FALSE(desk.keep(passage(plain, many(4, 104), plain, moderated)).empty());
  CHECK(desk.waits()->id != first->id);
}

TEST_CASE("what waits and was edited cannot be read, and so not be approved") {
  const Desk desk;
  desk.keep(passage(plain, by_atlas, plain, moderated));
  std::ofstream{pending_file(desk.target), std::ios::app} << "# mine\n";
  const auto edited = read_pending(desk.target);
  REQUIRE_FALSE(edited);
  CHECK_THAT(edited.error().message, Catch::Contains("changed by hand"));
}

TEST_CASE("an approval is for the plan that was shown, as long as everything says the same") {
  struct Case {
    const char* what;
    Plan in_force;
    Plan wanted;
    Nanos after;
    const char* error;  // empty: it is approved
  };
  const Plan other_class = plan_of({preference("africa", "mtwa", "u3", {"203.0.113.0/24"})});
  const Plan both = plan_of({other_class.preferences[0], by_atlas.preferences[0]});
  const auto c = GENERATE_REF(values<Case>({
      {"all as it was", plain, by_atlas, 59min, ""},
      {"another class is in force", other_class, both, 1min, ""},
      {"too late", plain, by_atlas, 1h, "it could be approved until 2026-11-23T17:45:00Z"},
      {"another path is better", plain, by_loukkos, 1min, "the evidence has become another"},
      {"no evidence", plain, plain, 1min, "the evidence has become another"},
      {"a prefix is gone", plain, plan_of({europe("atlas", "u1", {"192.0.2.0/24"})}), 1min,
       "the evidence has become another"},
      {"another plan is in force", by_loukkos, by_atlas, 1min, "what is in force has become"},
  }));
  CAPTURE(c.what);
  const Desk desk;
  desk.keep(passage(plain, by_atlas, plain, moderated));
  Plan wanted = c.wanted;
  wanted.made += c.after;
  wanted.expires += c.after;
  const auto plan = approved(*desk.waits(), {.in_force = c.in_force,
                                             .wanted = wanted,
                                             .fit = c.in_force,
                                             .modes = moderated,
                                             .today = {},
                                             .traffic = {}});
  CHECK(plan.has_value() == (*c.error == '\0'));
  if (!plan) {
    CHECK_THAT(plan.error().message, Catch::Contains(c.error));
    return;
  }
  CHECK(plan->expires == wanted.expires);
  CHECK(words(*plan) ==
        (c.in_force.preferences.empty() ? "europe u1 2" : "africa u3 1, europe u1 2"));
}

TEST_CASE("an approval adds no prefix that was not shown, and none that is not offered any more") {
  const Desk desk;
  desk.keep(passage(plain, many(0, 100), plain, moderated));
  const auto plan = approved(*desk.waits(), {.in_force = plain,
                                             .wanted = many(1, 101),
                                             .fit = plain,
                                             .modes = moderated,
                                             .today = {},
                                             .traffic = {}});
  REQUIRE(plan);
  CHECK(content_hash(*plan) == content_hash(many(1, 100)));
}
