// SPDX-License-Identifier: Apache-2.0
// Changes are looked for in simulated days, whose truth is known.
#include "analyzer/change.hpp"

#include <catch2/catch.hpp>
#include <chrono>

#include "probe/simulated/simulation.hpp"

using namespace strait;
using namespace strait::analyzer;
using namespace std::chrono_literals;
using probe::simulated::EventModel;
using probe::simulated::Happening;
using probe::simulated::Scenario;
using probe::simulated::Simulation;
using probe::simulated::TargetModel;

namespace {

constexpr WallTime start{std::chrono::sys_days{std::chrono::year{2025} / 3 / 5}};
constexpr WallTime noon = start + 12h;

// Four paths to two targets, a day.
Scenario a_day() {
  Scenario scenario;
  scenario.start = start;
  scenario.length = 24h;
  for (const auto* const name : {"a", "b", "c", "d"}) {
    scenario.paths.push_back({});
    scenario.paths.back().name = name;
    scenario.paths.back().loss = 0.0005;
  }
  for (const auto* const name : {"paris", "dubai"}) {
    TargetModel target;
    target.name = name;
    target.rtt = {{"a", 20ms}, {"b", 28ms}, {"c", 35ms}, {"d", 96ms}};
    scenario.targets.push_back(target);
  }
  return scenario;
}

EventModel event(Happening kind, std::vector<std::string> paths, Nanos size = {}) {
  EventModel event;
  event.kind = kind;
  event.paths = std::move(paths);
  event.from = noon;
  event.to = noon + 3h;
  event.size = size;
  return event;
}

std::vector<Window> windows_of(Scenario scenario, std::uint64_t seed = 77) {
  Simulation simulation{std::move(scenario), seed};
  std::vector<Window> all;
  while (!simulation.done()) {
    for (Window& window : simulation.next()) all.push_back(std::move(window));
  }
  return all;
}

std::vector<Change> changes_with(const EventModel& event) {
  Scenario scenario = a_day();
  scenario.events = {event};
  return detect_changes(windows_of(std::move(scenario)));
}

std::vector<SessionKey> sessions_of(const std::vector<Window>& windows) {
  std::vector<SessionKey> sessions;
  for (const Window& window : windows) {
    if (window.start == windows.front().start) sessions.push_back(window.session);
  }
  return sessions;
}

std::vector<Incident> incidents_with(const Scenario& scenario,
                                     std::vector<routes::Path> paths = {}) {
  const auto windows = windows_of(scenario);
  return group_changes(detect_changes(windows), sessions_of(windows), paths, 1min);
}

routes::Path in_groups(std::string name, std::vector<std::string> groups) {
  routes::Path path;
  path.name = std::move(name);
  path.risk_groups = std::move(groups);
  return path;
}

}  // namespace

TEST_CASE("a quiet day has no change") {
  for (const Change& change : detect_changes(windows_of(a_day()))) {
    FAIL_CHECK(to_string(change.kind)
               << " of " << change.session.path << " by " << change.size.count() << " ns at "
               << to_string(change.from));
  }
}

TEST_CASE("each event is found on both of its path's sessions, as what it is, and in time") {
  struct Case {
    Happening happening;
    Nanos size;
    double loss;
    ChangeKind kind;
    std::size_t changes;  // of a session: a shift that ends is two
    Nanos within;         // it is noticed
  };
  const auto c = GENERATE(values<Case>({
      {Happening::cut, 0ms, 0, ChangeKind::outage, 1, 1min},
      {Happening::shift, 500us, 0, ChangeKind::level_shift, 2, 3min},
      {Happening::shift, 20ms, 0, ChangeKind::level_shift, 2, 3min},
      {Happening::shift, -2ms, 0, ChangeKind::level_shift, 2, 3min},
      {Happening::queueing, 1ms, 0, ChangeKind::queueing, 1, 3min},
      {Happening::queueing, 8ms, 0, ChangeKind::queueing, 1, 3min},
      {Happening::loss, 0ms, 0.05, ChangeKind::loss, 1, 6min},
      {Happening::loss, 0ms, 0.01, ChangeKind::loss, 1, 40min},
  }));
  CAPTURE(to_string(c.happening), c.size.count());
  EventModel happens = event(c.happening, {"b"}, c.size);
  happens.loss = c.loss;
  const auto changes = changes_with(happens);
  CHECK(changes.size() == 2 * c.changes);
  for (const Change& change : changes) {
    CHECK(to_string(change.kind) == to_string(c.kind));
    CHECK(change.session.path == "b");
    const WallTime when = change.from < noon + 90min ? noon : noon + 3h;
    const Nanos about = c.loss > 0 ? 31min : 2min;
    CHECK(change.from >= when - about);
    CHECK(change.from <= when + about);
    CHECK(change.noticed <= when + c.within);
    if (c.kind == ChangeKind::level_shift) {
      const Nanos size = when == noon ? c.size : -c.size;
      CHECK(change.size_low <= size + 2us);
      CHECK(change.size_high >= size - 2us);
      CHECK(change.size_high - change.size_low < 100us);
    } else {
      REQUIRE(change.to.has_value());
      if (c.kind == ChangeKind::queueing) {
        CHECK(change.size_low < change.size);
        CHECK(change.size < change.size_high);
      } else {
        const double truth = c.kind == ChangeKind::outage ? 1 : c.loss;
        CHECK(change.loss_low <= truth);
        CHECK(truth <= change.loss_high);
        CHECK(change.loss_high - change.loss_low < 0.01);
      }
      CHECK(*change.to >= noon + 3h - 2min);
      CHECK(*change.to <= noon + 3h + (c.loss > 0 ? 31min : 2min));
    }
  }
}

TEST_CASE("a loss of a tenth of a per cent is found over hours, and ends") {
  Scenario scenario = a_day();
  scenario.length = 72h;
  for (auto& path : scenario.paths) path.loss = 0.0002;
  EventModel little = event(Happening::loss, {"b"});
  little.loss = 0.001;
  little.from = start + 36h;
  little.to = start + 56h;
  scenario.events = {little};
  const auto changes = detect_changes(windows_of(std::move(scenario)));
  REQUIRE(changes.size() == 2);  // of both sessions of the path
  for (const Change& change : changes) {
    CHECK(to_string(change.kind) == to_string(ChangeKind::loss));
    CHECK(change.session.path == "b");
    CHECK(change.from >= little.from - 1h);
    CHECK(change.from <= little.from + 2h);
    CHECK(change.noticed <= little.from + 10h);
    CHECK(change.loss_low <= 0.0012);
    CHECK(change.loss_high >= 0.0012);
    REQUIRE(change.to.has_value());
    CHECK(*change.to >= little.to - 2h);
    CHECK(*change.to <= little.to + 2h);
  }
}

TEST_CASE("what has not ended has no end") {
  EventModel cut = event(Happening::cut, {"b"});
  cut.to = start + 48h;
  const auto changes = changes_with(cut);
  REQUIRE(changes.size() == 2);
  CHECK_FALSE(changes[0].to.has_value());
  CHECK(changes[0].loss_low > 0.999);  // of all windows so far, not of the first
}

TEST_CASE("a far clock that is set is no change of the path, and its drift is no step") {
  Scenario scenario = a_day();
  scenario.targets[0].clock_drift = 2e-5;
  EventModel step = event(Happening::clock_step, {}, -3ms);
  step.targets = {"paris"};
  step.to = start + 48h;
  scenario.events = {step};
  const auto incidents = incidents_with(scenario);
  REQUIRE(incidents.size() == 1);
  CHECK(incidents[0].kind == ChangeKind::clock);
  CHECK(incidents[0].one_target);
  REQUIRE(incidents[0].changes.size() == 4);
  for (const Change& change : incidents[0].changes) {
    CHECK(change.size_low <= -3ms);
    CHECK(change.size_high >= -3ms);
  }
}

TEST_CASE("a group is named when exactly its paths are gone") {
  Scenario scenario = a_day();
  const std::vector<routes::Path> paths{
      in_groups("a", {"a", "asilah", "iberia"}), in_groups("b", {"b", "asilah", "iberia"}),
      in_groups("c", {"c", "iberia"}), in_groups("d", {"d", "lisbon"})};
  SECTION("two of one landing") {
    scenario.events = {event(Happening::cut, {"a", "b"})};
    const auto incidents = incidents_with(scenario, paths);
    REQUIRE(incidents.size() == 1);
    CHECK(incidents[0].paths == std::vector<std::string>{"a", "b"});
    CHECK(incidents[0].explained_by == std::vector<std::string>{"asilah"});
  }
  SECTION("one alone is explained by what is its own") {
    scenario.events = {event(Happening::cut, {"d"})};
    CHECK(incidents_with(scenario, paths)[0].explained_by ==
          std::vector<std::string>{"d", "lisbon"});
  }
  SECTION("two that share nothing are explained by nothing") {
    scenario.events = {event(Happening::cut, {"a", "d"})};
    CHECK(incidents_with(scenario, paths)[0].explained_by.empty());
  }
  SECTION("a target that is down is no cut of every path") {
    EventModel outage = event(Happening::outage, {});
    outage.targets = {"dubai"};
    scenario.events = {outage};
    const auto incidents = incidents_with(scenario, paths);
    REQUIRE(incidents.size() == 1);
    CHECK(incidents[0].one_target);
    CHECK(incidents[0].explained_by.empty());
  }
}

TEST_CASE("what else an incident could be is said") {
  Scenario scenario = a_day();
  std::vector<routes::Path> paths{in_groups("a", {"a", "asilah", "iberia"}),
                                  in_groups("b", {"b", "asilah", "iberia"}),
                                  in_groups("c", {"c", "iberia"}), in_groups("d", {"d", "lisbon"})};
  using Words = std::vector<std::string>;
  const auto or_else = [&] { return incidents_with(scenario, paths).at(0).or_else; };
  SECTION("of what a group explains, nothing") {
    scenario.events = {event(Happening::cut, {"a", "b"})};
    CHECK(or_else().empty());
  }
  SECTION("a group of which one path is spared") {
    scenario.events = {event(Happening::cut, {"a", "c"})};
    CHECK(or_else() == Words{"iberia in part: b would have had it too"});
  }
  SECTION("a group and something else") {
    scenario.events = {event(Happening::cut, {"a", "b", "d"})};
    CHECK(or_else() == Words{"asilah for a, b, and another cause for d"});
  }
  SECTION("two that share nothing") {
    scenario.events = {event(Happening::cut, {"c", "d"})};
    CHECK(or_else() == Words{"more than one cause: these paths share no risk group that is known"});
  }
  SECTION("nothing is said of groups that nobody has named") {
    paths.clear();
    scenario.events = {event(Happening::cut, {"c", "d"})};
    CHECK(or_else().empty());
  }
  SECTION("every path") {
    scenario.events = {event(Happening::cut, {"a", "b", "c", "d"})};
    CHECK(or_else() == Words{"this site: every path has it"});
  }
  SECTION("one target of one path") {
    EventModel shift = event(Happening::shift, {"a"}, 5ms);
    shift.targets = {"dubai"};
    scenario.events = {shift};
    CHECK(or_else() == Words{"something behind the upstream: paris over the same does not"});
  }
  SECTION("a target that is down") {
    EventModel outage = event(Happening::outage, {});
    outage.targets = {"dubai"};
    scenario.events = {outage};
    CHECK(or_else() == Words{"the network before it that all paths lead into"});
  }
  SECTION("a queue where the traffic of a cut has gone, and not before the cut") {
    EventModel queue = event(Happening::queueing, {"d"}, 5ms);
    EventModel early = queue;
    early.from -= 6h;
    early.to = early.from + 1h;
    scenario.events = {early, event(Happening::cut, {"a"}), queue};
    const auto incidents = incidents_with(scenario, paths);
    REQUIRE(incidents.size() == 3);
    CHECK(incidents[0].or_else.empty());
    const Incident& queued = incidents[incidents[1].kind == ChangeKind::queueing ? 1 : 2];
    REQUIRE(queued.or_else.size() == 1);
    CHECK_THAT(queued.or_else[0], Catch::StartsWith("the traffic of a, which lost everything at"));
  }
}

TEST_CASE("a shift of one ECMP member is one of some flows, a cable's of all") {
  Scenario scenario = a_day();
  scenario.flows = 4;
  scenario.interval = 500ms;
  scenario.paths[0].members = {0ms, 2ms};
  const bool one = GENERATE(true, false);
  EventModel shift = event(one ? Happening::one_member : Happening::shift, {"a"}, 3ms);
  shift.member = 1;
  shift.to = start + 48h;
  scenario.events = {shift};
  const auto incidents = incidents_with(scenario);
  REQUIRE(incidents.size() == 1);
  CHECK(incidents[0].kind == ChangeKind::level_shift);
  CHECK(incidents[0].one_flow == one);
  CHECK(incidents[0].changes.size() == (one ? 4 : 8));
}

TEST_CASE("queueing at the same hour is diurnal from the third day on") {
  Scenario scenario = a_day();
  scenario.length = 96h;
  for (int day = 0; day < 4; ++day) {
    EventModel queue = event(Happening::queueing, {"c"}, 4ms);
    queue.from += 24h * day + 7min * day;
    queue.to += 24h * day;
    scenario.events.push_back(queue);
  }
  const auto incidents = incidents_with(scenario);
  REQUIRE(incidents.size() == 4);
  CHECK_FALSE(incidents[0].diurnal);
  CHECK_FALSE(incidents[1].diurnal);
  CHECK(incidents[2].diurnal);
  CHECK(incidents[3].diurnal);
}

TEST_CASE("queues at the same hour of weeks ago make nothing diurnal") {
  const std::vector<SessionKey> sessions{{.path = "c", .target = "paris"}};
  std::vector<Change> changes;
  for (const int day : {0, 1, 9, 14}) {
    changes.push_back({.kind = ChangeKind::queueing,
                       .session = sessions[0],
                       .from = noon + 24h * day,
                       .to = noon + 24h * day + 1h,
                       .noticed = noon + 24h * day + 3min});
  }
  for (const Incident& incident : group_changes(changes, sessions, {}, 1min)) {
    CHECK_FALSE(incident.diurnal);
  }
  changes[3].from = noon + 24h * 2;  // the third day
  CHECK(group_changes(changes, sessions, {}, 1min)[2].diurnal);
}

TEST_CASE("degenerate windows change nothing: none, empty ones, one probe each, all equal") {
  CHECK(detect_changes({}).empty());
  std::vector<Window> windows(200);
  for (std::size_t i = 0; i < windows.size(); ++i) {
    windows[i].start = start + 1min * static_cast<int>(i);
    windows[i].length = 1min;
  }
  CHECK(detect_changes(windows).empty());
  for (Window& window : windows) {
    window.rtt.record(20ms);
    window.counts.sent = window.counts.received = 1;
  }
  CHECK(detect_changes(windows).empty());
  for (Window& window : windows) {
    window.rtt.record(20ms, 59);
    window.counts.sent = window.counts.received = 60;
  }
  CHECK(detect_changes(windows).empty());
}
