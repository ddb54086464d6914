// SPDX-License-Identifier: Apache-2.0
// By what a class is judged, what a path may cost, and how many windows and classes speak for it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

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

// What a path does to 200 probes of a minute: some wait longer, some are lost.
struct Habit {
  double ms = 20;
  double slow_ms = 0;  // what one in ten waits besides
  int lost = 0;
};

Window window_of(const char* name, int index, const Habit& habit) {
  WindowBuilder window(name, "paris", index);
  const int answered = 200 - habit.lost;
  for (int i = 0; i < answered; ++i) {
    const double wait = (i % 10 == 0 ? habit.slow_ms : 0) + 0.001 * (i % 7);
    window.replies(test::millis(habit.ms + wait));
  }
  return window.lost(static_cast<std::uint64_t>(habit.lost));
}

Policy europe_by(std::optional<Objective> objective, std::optional<double> price_per_ms) {
  return {.traffic_class = "europe",
          .allow_transit = std::nullopt,
          .avoid_transit = {},
          .keep_domestic = false,
          .objective = objective,
          .price_per_ms = price_per_ms};
}

constexpr Objective p50{.aim = Aim::delay, .q = 0.50};
constexpr Objective p99{.aim = Aim::delay, .q = 0.99};
constexpr Objective jitter{.aim = Aim::jitter, .q = 0.95};
constexpr Objective loss{.aim = Aim::loss, .q = 0.95};

}  // namespace

TEST_CASE("a class is judged by its own objective and what a path costs") {
  struct Case {
    const char* what;
    Habit atlas;  // what BGP uses
    Habit loukkos;
    std::optional<Objective> objective;
    std::optional<double> price_per_ms;
    double loukkos_cost;  // of atlas: 10
    bool moves;
  };
  const auto c = GENERATE(values<Case>({
      {"the faster one", {30, 0, 0}, {20, 0, 0}, {}, {}, 10, true},
      {"p50 does not see one slow probe in ten", {20, 15, 0}, {25, 0, 0}, p50, {}, 10, false},
      {"p95 does", {20, 15, 0}, {25, 0, 0}, {}, {}, 10, true},
      {"p99 does", {20, 15, 0}, {25, 0, 0}, p99, {}, 10, true},
      {"jitter does, however slow the other", {20, 15, 0}, {60, 0, 0}, jitter, {}, 10, true},
      {"jitter does not see what is slower", {60, 0, 0}, {20, 0, 0}, jitter, {}, 10, false},
      {"loss does not see what is slower", {60, 0, 0}, {20, 0, 0}, loss, {}, 10, false},
      {"loss does see loss", {20, 0, 6}, {60, 0, 0}, loss, {}, 10, true},
      {"5 ms do not pay for what costs 20 more", {25, 0, 0}, {20, 0, 0}, {}, 2, 30, false},
      {"15 ms do", {35, 0, 0}, {20, 0, 0}, {}, 2, 30, true},
      {"cost is nothing without a price", {25, 0, 0}, {20, 0, 0}, {}, {}, 1000, true},
      {"what costs 8 less may be 2 ms slower", {20, 0, 0}, {22, 0, 0}, {}, 2, 2, true},
      {"but not 5 ms", {20, 0, 0}, {25, 0, 0}, {}, 2, 2, false},
      {"nor may it lose more", {20, 0, 0}, {22, 0, 5}, {}, 2, 2, false},
  }));
  CAPTURE(c.what);
  std::vector<routes::Path> paths{path("atlas"), path("loukkos")};
  paths[0].cost = 10;
  paths[1].cost = c.loukkos_cost;
  const std::vector<Target> targets{{.name = "paris", .traffic_class = "europe"},
                                    {.name = "paris", .traffic_class = "africa"}};
  DecisionOptions options;
  options.max_loss = 0.1;
  options.policies = {europe_by(c.objective, c.price_per_ms)};
  DecisionMemory memory;
  std::vector<Window> windows;
  Decision decision;
  for (int i = 0; i < 14; ++i) {
    windows.push_back(window_of("atlas", i, c.atlas));
    windows.push_back(window_of("loukkos", i, c.loukkos));
    const DecisionInputs inputs{
        windows, {targets, paths, {}}, {}, {{"africa", "atlas"}, {"europe", "atlas"}}, {}};
    decision = decide(inputs, memory, options, start + (i + 1) * minute);
    memory = decision.memory;
  }
  CAPTURE(decision.verdicts.at(1).reason);
  CHECK(decision.verdicts.at(1).traffic_class == "europe");
  CHECK((memory.at("europe").path == "loukkos") == c.moves);
  // The class next to it, over the same target, has no policy.
  const bool faster = c.loukkos.ms + c.loukkos.slow_ms + 1 < c.atlas.ms + c.atlas.slow_ms;
  if (c.atlas.lost == c.loukkos.lost) CHECK((memory.at("africa").path == "loukkos") == faster);
}

TEST_CASE("a path must be better in so many of the newest windows") {
  struct Case {
    unsigned repeat;
    unsigned of;
    const char* better;  // a window each
    bool moves;
  };
  const auto c = GENERATE(values<Case>({
      {3, 3, "+++", true},
      {3, 3, "++-++", false},
      {3, 5, "++-+", true},
      {3, 5, "+-+-+", true},
      {3, 5, "+--+-+-", false},
      {2, 6, "+----+", true},
      {2, 6, "+-----+", false},
      {1, 1, "+", true},
  }));
  CAPTURE(c.repeat, c.of, c.better);
  DecisionOptions options;
  options.repeat = c.repeat;
  options.repeat_of = c.of;
  options.pair_windows = 1;  // so that each window speaks for itself
  options.evidence.span_windows = 1;
  options.false_discovery = 1;
  const std::vector<routes::Path> paths{path("atlas"), path("loukkos")};
  const std::vector<Target> targets{{.name = "paris", .traffic_class = "europe"}};
  DecisionMemory memory;
  int index = 0;
  for (const char each : std::string_view{c.better}) {
    CHECK_FALSE(memory["europe"].path);
    const std::vector<Window> windows{window_of("atlas", index, {}),
                                      window_of("loukkos", index, {.ms = each == '+' ? 15.0 : 20})};
    ++index;
    const DecisionInputs inputs{windows, {targets, paths, {}}, {}, {{"europe", "atlas"}}, {}};
    memory = decide(inputs, memory, options, start + index * minute).memory;
  }
  CHECK((memory.at("europe").path == "loukkos") == c.moves);
}

TEST_CASE("of five hundred classes that are as good either way hardly one moves by chance") {
  constexpr int many = 500;
  constexpr int truly = 20;   // that do gain
  std::mt19937_64 random{3};  // NOLINT(bugprone-random-generator-seed)
  const std::vector<routes::Path> paths{path("atlas"), path("loukkos")};
  std::vector<Target> targets;
  std::map<std::string, std::string, std::less<>> defaults;
  std::vector<Window> windows;
  for (int i = 0; i < many; ++i) {
    const std::string name = "c" + std::to_string(i);
    targets.push_back({.name = name, .traffic_class = name});
    defaults[name] = "atlas";
    const Nanos atlas = (i < truly ? 30 : 20) * ms;
    for (int slot = 0; slot < 14; ++slot) {
      windows.push_back(WindowBuilder("atlas", name, slot).noisy(random, atlas, 2 * ms, 30));
      windows.push_back(WindowBuilder("loukkos", name, slot).noisy(random, 20 * ms, 2 * ms, 30));
    }
  }
  const auto moved = [&](double rate) {
    DecisionOptions options;
    options.evidence.span_windows = 9;
    options.min_gain = Nanos{0};
    options.min_gain_ratio = 0;
    options.false_discovery = rate;
    const DecisionInputs inputs{windows, {targets, paths, {}}, {}, defaults, {}};
    const Decision decision = decide(inputs, {}, options, start + 14 * minute);
    std::pair<int, int> counts{0, 0};  // those that gain, and the others
    for (const Verdict& verdict : decision.verdicts) {
      if (!verdict.path) continue;
      const bool gains = std::stoi(verdict.traffic_class.substr(1)) < truly;
      ++(gains ? counts.first : counts.second);
    }
    return counts;
  };
  const auto [found, by_chance] = moved(1);
  CHECK(found == truly);
  CHECK(by_chance >= 3);
  const auto [still_found, fewer] = moved(0.05);
  CHECK(still_found == truly);
  CHECK(fewer <= 2);
}
