// SPDX-License-Identifier: Apache-2.0
// Classes with the same targets are judged together; nobody may see that.
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

const std::vector<std::string> names{"atlas", "loukkos", "marconi"};

std::vector<Window> hour_of(std::mt19937_64& random) {
  std::vector<Window> windows;
  for (int i = 0; i < 14; ++i) {
    for (const char* const target : {"paris", "dubai"}) {
      windows.push_back(
          WindowBuilder("atlas", target, i).noisy(random, 20 * ms, ms, 90).lost(i / 12));
      windows.push_back(WindowBuilder("loukkos", target, i).noisy(random, 25 * ms, ms, 90));
      windows.push_back(WindowBuilder("marconi", target, i).noisy(random, 18 * ms, ms, 80).lost(1));
    }
  }
  return windows;
}

// A class with a random choice of targets, weights, routes, default and past.
struct Class {
  std::string name;
  std::vector<Target> targets;
  std::optional<std::string> by_default;
  std::set<std::string> routed;
  ClassMemory memory;
};

Class random_class(const std::string& name, std::mt19937_64& random) {
  const auto one_of = [&](int of) {
    return std::uniform_int_distribution<int>{1, of}(random) == 1;
  };
  Class made{.name = name, .targets = {}, .by_default = {}, .routed = {}, .memory = {}};
  made.targets.push_back({.name = "paris", .traffic_class = name, .weight = one_of(3) ? 2.0 : 1.0});
  if (one_of(2)) made.targets.push_back({.name = "dubai", .traffic_class = name});
  if (one_of(2)) made.by_default = names[static_cast<std::size_t>(random() % names.size())];
  for (const std::string& each : names) {
    if (!one_of(4)) made.routed.insert(each);
  }
  if (one_of(2)) return made;
  made.memory.path = names[static_cast<std::size_t>(random() % names.size())];
  made.memory.changed = start + (one_of(2) ? 13 : 2) * minute;
  made.memory.judged = start + (one_of(2) ? 13 : 12) * minute;
  made.memory.penalty = one_of(2) ? 1.5 : 0;
  made.memory.displaced = one_of(2) ? std::optional<std::string>{"loukkos"} : std::nullopt;
  made.memory.forced = one_of(3);
  if (one_of(2)) {
    made.memory.challenger = "marconi";
    made.memory.streak = 2;
  }
  return made;
}

Decision decide_on(const std::vector<Class>& classes, const std::vector<Window>& windows) {
  const std::vector<routes::Path> paths{path("atlas"), path("loukkos"), path("marconi")};
  std::vector<Target> targets;
  DecisionMemory memory;
  DecisionInputs inputs;
  inputs.routed.emplace();
  for (const Class& each : classes) {
    targets.insert(targets.end(), each.targets.begin(), each.targets.end());
    if (each.by_default) inputs.default_path[each.name] = *each.by_default;
    inputs.routed->emplace(each.name, each.routed);
    memory[each.name] = each.memory;
  }
  inputs.windows = windows;
  inputs.network = {targets, paths, {}};
  DecisionOptions options;
  options.policies = {{.traffic_class = "c7",
                       .allow_transit = std::nullopt,
                       .avoid_transit = {"DZ"},
                       .keep_domestic = false}};
  return decide(inputs, memory, options, start + 14 * minute);
}

}  // namespace

TEST_CASE("two hundred classes together get the verdicts that each gets alone") {
  std::mt19937_64 random{5};  // NOLINT(bugprone-random-generator-seed)
  const std::vector<Window> windows = hour_of(random);
  std::vector<Class> classes;
  for (int i = 0; i < 200; ++i) classes.push_back(random_class("c" + std::to_string(i), random));
  const Decision together = decide_on(classes, windows);
  REQUIRE(together.verdicts.size() == classes.size());
  std::set<Ruling> rulings;
  for (const Class& each : classes) {
    CAPTURE(each.name);
    const Decision alone = decide_on({each}, windows);
    const auto found = std::ranges::find(together.verdicts, each.name, &Verdict::traffic_class);
    REQUIRE(found != together.verdicts.end());
    CHECK(*found == alone.verdicts.front());
    CHECK(together.memory.at(each.name) == alone.memory.at(each.name));
    rulings.insert(found->ruling);
  }
  CHECK(rulings.size() >= 3);  // else the classes are too much alike to prove anything
}
