// SPDX-License-Identifier: Apache-2.0
// Two simulated days, whose true delays are known, decided minute by minute. bench_regret is the
// same over months, with other seeds and simpler ways beside it.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <chrono>

#include "analyzer/decision.hpp"
#include "probe/simulated/simulation.hpp"

using namespace strait;
using namespace strait::analyzer;
using namespace std::chrono_literals;
using probe::simulated::EventModel;
using probe::simulated::Happening;
using probe::simulated::Scenario;
using probe::simulated::Simulation;

namespace {

constexpr WallTime first_day{std::chrono::sys_days{std::chrono::year{2025} / 3 / 5}};
const std::vector<std::string> three{"a", "b", "c"};

EventModel happens(Happening kind, const char* path, Nanos from, Nanos length) {
  EventModel event;
  event.kind = kind;
  event.paths = {path};
  event.from = first_day + from;
  event.to = event.from + length;
  return event;
}

// BGP uses c; a is the fastest, and b 1.5 ms behind it.
Scenario two_days() {
  Scenario scenario;
  scenario.start = first_day;
  scenario.length = 48h;
  for (const std::string& name : three) {
    scenario.paths.push_back({});
    scenario.paths.back().name = name;
    scenario.paths.back().loss = 0.0003;
  }
  auto& target = scenario.targets.emplace_back();
  target.name = "paris";
  target.region = "europe";
  target.rtt = {{"a", 28ms}, {"b", 29500us}, {"c", 36ms}};
  EventModel lossy = happens(Happening::loss, "a", 6h, 6h);
  lossy.loss = 0.02;
  EventModel longer = happens(Happening::shift, "a", 24h, 5h);
  longer.size = 20ms;
  EventModel tide = happens(Happening::queueing, "a", 34h, 3h);
  tide.size = 600us;  // not worth a change
  scenario.events = {lossy, happens(Happening::cut, "a", 16h, 4h), longer, tide,
                     happens(Happening::cut, "b", 40h, 1h)};
  std::ranges::sort(scenario.events, {}, &EventModel::from);
  return scenario;
}

// ms that a packet takes in the mean; a lost one is sent again after a second (RFC 6298).
std::optional<double> cost_of(const Simulation& simulation, const std::string& path, WallTime at) {
  const auto truth = simulation.world().true_delay(path, "paris", at);
  if (!truth.answers) return std::nullopt;
  return static_cast<double>(truth.mean.count()) * 1e-6 + truth.loss * 1000;
}

struct Account {
  double paid = 0;
  double best = 0;
  int changes = 0;
  int best_changes = 0;
  int losing = 0;
  int dead = 0;  // windows
};

Account play(std::uint64_t seed) {
  std::vector<routes::Path> paths(three.size());
  for (std::size_t i = 0; i < three.size(); ++i) paths[i].name = three[i];
  const std::vector<Target> targets{{.name = "paris", .traffic_class = "europe"}};
  Simulation simulation{two_days(), seed};
  std::vector<Window> recent;
  DecisionMemory memory;
  Account account;
  std::string chosen = "c";
  std::string best = "c";
  while (!simulation.done()) {
    const WallTime middle = simulation.time() + 30s;
    const auto cost = [&](const std::string& path) { return cost_of(simulation, path, middle); };
    const std::string now_best = *std::ranges::min_element(
        three, {}, [&](const std::string& path) { return cost(path).value_or(1e9); });
    account.best_changes += now_best == best ? 0 : 1;
    best = now_best;
    if (const auto paid = cost(chosen)) {
      account.paid += *paid;
      account.best += cost(best).value_or(0);
    } else {
      ++account.dead;
    }
    for (Window& window : simulation.next()) recent.push_back(std::move(window));
    std::erase_if(recent, [&](const Window& each) { return each.start < middle - 20min; });
    const DecisionInputs inputs{recent, {targets, paths, {}}, {}, {{"europe", "c"}}, {}};
    memory = decide(inputs, memory, {}, simulation.time()).memory;
    const std::string next = memory.at("europe").path.value_or("c");
    if (next == chosen) continue;
    ++account.changes;
    const auto from = cost(chosen);
    const auto to = cost(next);
    if (from && to && *to > *from + 1) ++account.losing;
    chosen = next;
  }
  return account;
}

}  // namespace

TEST_CASE("two days of cuts, losses and shifts cost little more than with perfect knowledge") {
  const Account account = play(GENERATE(77, 78));
  CHECK(account.paid <= 1.02 * account.best);
  CHECK(account.changes <= 1.2 * account.best_changes);
  CHECK(account.losing == 0);
  CHECK(account.dead >= 1);  // nobody knows of a cut before its first window
  CHECK(account.dead <= 3);
}
