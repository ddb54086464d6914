// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "analyzer/decision.hpp"
#include "tests/analyzer/windows.hpp"

using namespace strait;
using namespace strait::analyzer;
using test::minute;
using test::ms;
using test::path;
using test::start;
using test::WindowBuilder;

namespace {

using Windows = std::vector<Window>;

// `count` windows of atlas, each with so many replies and losses.
Windows of_atlas(int count, std::uint64_t replies, std::uint64_t lost) {
  Windows windows;
  for (int i = 0; i < count; ++i) {
    WindowBuilder window("atlas", "paris", 5 - count + i);  // the newest ends now
    if (replies > 0) window.replies(20 * ms, replies);
    windows.push_back(window.lost(lost));
  }
  return windows;
}

Windows both(Windows windows, Nanos of_loukkos) {
  const Windows atlas = windows;
  for (const Window& each : atlas) {
    Window other = each;
    other.session.path = "loukkos";
    other.rtt = Sketch{};
    other.rtt.record(of_loukkos, each.rtt.count());
    windows.push_back(std::move(other));
  }
  return windows;
}

Windows twice(Windows windows) {
  const Windows again = windows;
  windows.insert(windows.end(), again.begin(), again.end());
  return windows;
}

Windows backwards(Windows windows) { return {windows.rbegin(), windows.rend()}; }

struct Case {
  const char* what;
  Windows windows;
  const char* reason;  // of the path atlas, or of the verdict
  std::uint64_t probes;
};

std::vector<Case> cases() {
  Windows empty_length = of_atlas(3, 60, 0);
  for (Window& each : empty_length) each.length = Nanos{0};
  Windows ahead = of_atlas(3, 60, 0);
  for (Window& each : ahead) each.start += 60 * minute;
  Windows of_nobody = of_atlas(3, 60, 0);
  for (Window& each : of_nobody) each.session.target = "nobody";
  Windows no_time = of_atlas(3, 0, 0);
  for (Window& each : no_time) {
    each.rtt.record(Nanos{0}, 60);
    each.counts.sent = each.counts.received = 60;
  }
  return {
      {"nothing was measured", {}, "not measured in the span", 0},
      {"windows without a probe", of_atlas(3, 0, 0), "no probe was sent", 0},
      {"one probe", of_atlas(1, 1, 0), "1 probes, p95 needs 72", 1},
      {"all lost", of_atlas(5, 0, 60), "100.00 %", 300},
      {"all equal", of_atlas(5, 60, 0), "p95 20.00 ms [20.00 ms, 20.00 ms]", 300},
      {"every window twice", twice(of_atlas(5, 60, 0)), "p95 20.00 ms", 300},
      {"out of order", backwards(of_atlas(5, 60, 0)), "p95 20.00 ms", 300},
      {"of an hour that is to come", ahead, "not measured in the span", 0},
      {"of no length", empty_length, "not measured in the span", 0},
      {"of an unknown target", of_nobody, "not measured in the span", 0},
      {"round trips of no time", no_time, "a round trip of no time at all", 180},
  };
}

}  // namespace

TEST_CASE("degenerate windows get a sentence, and never a number that is not there") {
  for (const Case& c : cases()) {
    CAPTURE(c.what);
    const std::vector<Target> targets{{.name = "paris", .traffic_class = "europe"}};
    const std::vector<routes::Path> paths{path("atlas"), path("loukkos")};
    const WallTime now = start + 5 * minute;
    const Network network{targets, paths, {}};
    const Evidence evidence = gather(c.windows, network, {}, now).front();
    CHECK(evidence.loss.trials == c.probes);
    if (c.probes == 0) {
      CHECK(evidence.rtt.empty());
      CHECK_FALSE(evidence.min);
      CHECK_FALSE(evidence.stretch);
    }
    const DecisionInputs inputs{c.windows, network, {}, {}, {}};
    const Decision decision = decide(inputs, {}, {}, now);
    REQUIRE(decision.verdicts.size() == 1);
    const Verdict& verdict = decision.verdicts.front();
    CHECK_FALSE(verdict.path);
    CHECK_FALSE(verdict.reason.empty());
    CHECK_FALSE(verdict.gain);
    std::string all = verdict.reason;
    for (const Ranked& each : verdict.ranking) all += "\n" + each.reason;
    CHECK_THAT(all, Catch::Contains(c.reason));
  }
}

TEST_CASE("a class without targets has no verdict, and one without paths says so") {
  const Windows windows = both(of_atlas(5, 60, 0), 30 * ms);
  CHECK(decide({windows, {}, {}, {}, {}}, {}, {}, start + 5 * minute).verdicts.empty());
  const std::vector<Target> targets{{.name = "paris", .traffic_class = "europe"}};
  const Decision decision =
      decide({windows, {targets, {}, {}}, {}, {}, {}}, {}, {}, start + 5 * minute);
  REQUIRE(decision.verdicts.size() == 1);
  CHECK_THAT(decision.verdicts.front().reason, Catch::Contains("there are no paths"));
}

TEST_CASE("a path in force that is gone from the configuration is withdrawn, whatever its past") {
  // Memory of a path that is gone, and of a change that lies in the future.
  const std::vector<Target> targets{{.name = "paris", .traffic_class = "europe"}};
  const std::vector<routes::Path> paths{path("atlas")};
  DecisionMemory memory;
  memory["europe"].path = "marconi";
  memory["europe"].changed = start + 1000 * minute;
  memory["europe"].penalty = 100;
  const Windows windows = of_atlas(5, 60, 0);
  const Decision decision =
      decide({windows, {targets, paths, {}}, {}, {}, {}}, memory, {}, start + 5 * minute);
  CHECK_FALSE(decision.verdicts.front().path);
  CHECK_THAT(decision.verdicts.front().reason, Catch::Contains("no longer a path"));
}
