// SPDX-License-Identifier: Apache-2.0
// bench_regret [SEEDS [DAYS [FIRST SEED [TROUBLE]]]]: the paths that analyzer::decide() chooses in
// simulated months, held against an oracle that knows the true delays, next to three simpler ways.
// The seeds begin at 4000; options were tuned with 1000 to 1003, and none of these.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/decision.hpp"
#include "probe/simulated/simulation.hpp"

using namespace strait;
using namespace std::chrono_literals;
using probe::simulated::Dice;
using probe::simulated::EventModel;
using probe::simulated::Happening;
using probe::simulated::Scenario;
using probe::simulated::Simulation;
using probe::simulated::Weather;
using probe::simulated::World;

namespace {

constexpr WallTime start{std::chrono::sys_days{std::chrono::year{2025} / 1 / 1}};
constexpr std::size_t paths = 4;
constexpr double dead = std::numeric_limits<double>::infinity();
using Delays = std::array<double, paths>;  // ms; `dead` where nothing answers

enum class Trouble : std::uint8_t { none, missing, lying, lying_over_one, clocks };

Scenario world_of(int days, Trouble trouble) {
  Scenario scenario;
  scenario.start = start;
  scenario.length = std::chrono::days{days};
  scenario.missing = trouble == Trouble::missing ? 0.1 : 0;
  scenario.demand.swing = 0.5;
  constexpr std::array<std::array<Nanos, 3>, paths> rtts{
      {{28ms, 33ms, 36ms}, {29ms, 34ms, 37ms}, {32ms, 37ms, 40ms}, {35ms, 39ms, 44ms}}};
  constexpr std::array<double, paths> capacities{400, 300, 800, 1000};
  constexpr std::array<double, paths> loads{170, 120, 300, 250};
  for (std::size_t i = 0; i < paths; ++i) {
    auto& path = scenario.paths.emplace_back();
    path.name = std::to_string(i);
    path.loss = 0.0003;
    path.capacity = capacities[i];
    path.load = loads[i];
  }
  scenario.paths[3].heavy_tail = 0.02;
  for (std::size_t i = 0; i < 3; ++i) {
    auto& target = scenario.targets.emplace_back();
    target.name = fmt::format("target{}", i);
    target.region = "europe";
    target.clock_error = 100us;
    for (std::size_t path = 0; path < paths; ++path) {
      target.rtt[std::to_string(path)] = rtts[path][i];
    }
  }
  scenario.defaults["europe"] = "2";
  return scenario;
}

// One every 16 hours: a cut, a shift, a queue or a loss, of 1 to 13 hours.
void add_events(Scenario& scenario, Dice& dice, Trouble trouble) {
  constexpr std::array kinds{Happening::cut, Happening::shift, Happening::queueing,
                             Happening::loss};
  constexpr std::array<Nanos, 6> sizes{500us, 1ms, 2ms, 5ms, 10ms, 20ms};
  constexpr std::array losses{0.005, 0.01, 0.02, 0.05};
  for (WallTime at = start + 2h; at < scenario.end(); at += 16h) {
    EventModel event;
    event.kind = kinds.at(static_cast<std::size_t>(dice.uniform() * kinds.size()));
    event.paths = {std::to_string(static_cast<int>(dice.uniform() * paths))};
    event.from = at + 1min * static_cast<int>(dice.uniform() * 960);
    event.to = event.from + 1min * static_cast<int>(60 + dice.uniform() * 720);
    event.size = sizes.at(static_cast<std::size_t>(dice.uniform() * sizes.size()));
    if (event.kind == Happening::loss) {
      event.loss = losses.at(static_cast<std::size_t>(dice.uniform() * losses.size()));
    }
    scenario.events.push_back(std::move(event));
  }
  if (trouble == Trouble::none || trouble == Trouble::missing) return;
  std::size_t number = 0;
  for (WallTime at = start + 26h; at < scenario.end(); at += 60h, ++number) {
    EventModel event;
    event.kind = trouble == Trouble::clocks ? Happening::clock_step : Happening::lie;
    event.targets = {"target0"};
    if (trouble == Trouble::lying_over_one) {
      event.targets = {"target2"};  // the farthest, which the 95th percentile of all lies with
      event.paths = {std::to_string(number % paths)};
    }
    event.from = at;
    event.to = at + 8h;
    event.size = trouble == Trouble::clocks ? 40ms : 6ms;
    scenario.events.push_back(std::move(event));
  }
}

// The mean of what packets wait, of all targets; one that is lost is sent again after the least
// time that a TCP sender waits for it (RFC 6298 section 2.4).
constexpr double again_ms = 1000;

Delays truth_of(const World& world, WallTime time) {
  const auto& targets = world.scenario().targets;
  const std::vector<Weather> weather = world.weather(time);
  Delays delays{};
  for (std::size_t path = 0; path < paths; ++path) {
    for (std::size_t target = 0; target < targets.size(); ++target) {
      const auto seen = world.seen(path, target, 0, weather[path], time);
      const auto truth = world.true_delay(path, target, 0, seen, time);
      const double delay = static_cast<double>(truth.mean.count()) * 1e-6 + truth.loss * again_ms;
      delays[path] += truth.answers ? delay / static_cast<double>(targets.size()) : dead;
    }
  }
  return delays;
}

// A way of choosing: after a window it names the path of the next one.
class Chooser {
 public:
  virtual ~Chooser() = default;
  virtual std::size_t choose(std::span<const Window> newest, const Delays& truth, WallTime now) = 0;
};

class Static : public Chooser {  // what BGP uses
 public:
  std::size_t choose(std::span<const Window>, const Delays&, WallTime) override { return 2; }
};

// Knows the truth; changes when that gains at all.
class Oracle : public Chooser {
 public:
  std::size_t choose(std::span<const Window>, const Delays& truth, WallTime) override {
    return static_cast<std::size_t>(std::ranges::min_element(truth) - truth.begin());
  }
};

// Knows the truth, and changes when that gains at all, but under our hold-down.
class HeldOracle : public Chooser {
 public:
  std::size_t choose(std::span<const Window>, const Delays& truth, WallTime now) override {
    const auto best = static_cast<std::size_t>(std::ranges::min_element(truth) - truth.begin());
    const bool held = truth[path_] != dead && changed_ && now < *changed_ + 90s;
    if (best == path_ || held) return path_;
    changed_ = now;
    return path_ = best;
  }

 private:
  std::size_t path_ = 2;
  std::optional<WallTime> changed_;
};

// Knows the truth; changes for what we change for, and not more often.
class CalmOracle : public Chooser {
 public:
  std::size_t choose(std::span<const Window>, const Delays& truth, WallTime now) override {
    const auto best = static_cast<std::size_t>(std::ranges::min_element(truth) - truth.begin());
    const double gain = truth[path_] - truth[best];
    const bool worth = truth[path_] == dead || gain > std::max(1.0, 0.03 * truth[path_]);
    const bool held = truth[path_] != dead && changed_ && now < *changed_ + 90s;
    if (best == path_ || !worth || held) return path_;
    changed_ = now;
    return path_ = best;
  }

 private:
  std::size_t path_ = 2;
  std::optional<WallTime> changed_;
};

struct Seen {
  std::array<Sketch, paths> rtt;
  std::array<double, paths> lost{};
  std::array<double, paths> sent{};
  void add(std::span<const Window> windows) {
    for (const Window& window : windows) {
      const auto path = static_cast<std::size_t>(std::stoul(window.session.path));
      rtt[path].merge(window.rtt);
      lost[path] += static_cast<double>(window.counts.lost);
      sent[path] += static_cast<double>(window.counts.sent);
    }
  }
  [[nodiscard]] double loss(std::size_t path) const {
    return sent[path] == 0 ? 1 : lost[path] / sent[path];
  }
  [[nodiscard]] double mean_ms(std::size_t path) const {
    const auto mean = rtt[path].mean();
    return mean ? static_cast<double>(mean->count()) * 1e-6 : dead;
  }
};

// The least mean of the newest window, whatever the difference.
class Greedy : public Chooser {
 public:
  std::size_t choose(std::span<const Window> newest, const Delays&, WallTime) override {
    Seen seen;
    seen.add(newest);
    std::size_t best = path_;
    for (std::size_t i = 0; i < paths; ++i) {
      if (seen.mean_ms(i) < seen.mean_ms(best)) best = i;
    }
    return path_ = best;
  }

 private:
  std::size_t path_ = 2;
};

// Least loss over five windows, by a point or more; then the least mean, by 5 ms or more.
class LossFirst : public Chooser {
 public:
  std::size_t choose(std::span<const Window> newest, const Delays&, WallTime) override {
    recent_.emplace_back(newest.begin(), newest.end());
    if (recent_.size() > 5) recent_.erase(recent_.begin());
    Seen seen;
    for (const auto& windows : recent_) seen.add(windows);
    std::size_t best = path_;
    for (std::size_t i = 0; i < paths; ++i) {
      const double less = seen.loss(best) - seen.loss(i);
      const bool faster = seen.mean_ms(i) < seen.mean_ms(best) - 5;
      if (less > 0.01 || (less > -0.01 && faster)) best = i;
    }
    return path_ = best;
  }

 private:
  std::vector<std::vector<Window>> recent_;
  std::size_t path_ = 2;
};

class Strait : public Chooser {
 public:
  explicit Strait(const Scenario& scenario) : defaults_{scenario.defaults} {
    for (const auto& path : scenario.paths) paths_.emplace_back().name = path.name;
    for (const auto& target : scenario.targets) {
      targets_.push_back({.name = target.name, .traffic_class = target.region});
    }
  }
  std::size_t choose(std::span<const Window> newest, const Delays&, WallTime now) override {
    std::erase_if(recent_, [&](const Window& each) { return each.start < now - 10min; });
    recent_.insert(recent_.end(), newest.begin(), newest.end());
    const auto began = std::clock();
    auto decision =
        analyzer::decide({recent_, {targets_, paths_, {}}, {}, defaults_, {}}, memory_, {}, now);
    seconds += static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
    memory_ = std::move(decision.memory);
    const auto& path = decision.verdicts.at(0).path;
    return std::stoul(path.value_or(defaults_.at("europe")));
  }
  double seconds = 0;

 private:
  std::map<std::string, std::string, std::less<>> defaults_;
  std::vector<routes::Path> paths_;
  std::vector<analyzer::Target> targets_;
  std::vector<Window> recent_;
  analyzer::DecisionMemory memory_;
};

struct Tally {
  double delay = 0;
  double best = 0;  // of the free oracle, in the same windows
  double windows = 0;
  double changes = 0;
  double losing = 0;  // changes between living paths that made it worse by more than 1 ms and 3 %
  double dead = 0;
  double dead_entries = 0;  // times that the chosen path died under it
};

struct Way {
  const char* name;
  std::unique_ptr<Chooser> chooser;
  std::size_t path = 2;
  bool was_dead = false;
};

void count(Way& way, std::size_t next, const Delays& truth, Tally& tally) {
  if (next != way.path) {
    ++tally.changes;
    const double from = truth[way.path];
    const bool worse = from != dead && truth[next] > from + std::max(1.0, 0.03 * from);
    tally.losing += worse ? 1 : 0;
  }
  way.path = next;
}

void weigh(Way& way, const Delays& truth, Tally& tally) {
  const double best = *std::ranges::min_element(truth);
  if (best == dead) return;
  const bool is_dead = truth[way.path] == dead;
  tally.dead += is_dead ? 1 : 0;
  tally.dead_entries += is_dead && !way.was_dead ? 1 : 0;
  way.was_dead = is_dead;
  if (is_dead) return;
  tally.delay += truth[way.path];
  tally.best += best;
  ++tally.windows;
}

constexpr std::array<const char*, 7> names{"strait", "oracle", "oracle, held", "oracle, calm",
                                           "static", "greedy", "loss first"};

double run(std::uint64_t seed, int days, Trouble trouble,
           std::array<Tally, names.size()>& tallies) {
  Scenario scenario = world_of(days, trouble);
  Dice dice{seed};
  add_events(scenario, dice, trouble);
  auto strait = std::make_unique<Strait>(scenario);
  const Strait& ours = *strait;
  std::array<Way, names.size()> ways{{{names[0], std::move(strait)},
                                      {names[1], std::make_unique<Oracle>()},
                                      {names[2], std::make_unique<HeldOracle>()},
                                      {names[3], std::make_unique<CalmOracle>()},
                                      {names[4], std::make_unique<Static>()},
                                      {names[5], std::make_unique<Greedy>()},
                                      {names[6], std::make_unique<LossFirst>()}}};
  Simulation simulation{std::move(scenario), seed};
  while (!simulation.done()) {
    const Delays truth = truth_of(simulation.world(), simulation.time() + 30s);
    const auto windows = simulation.next();
    for (std::size_t i = 0; i < ways.size(); ++i) weigh(ways[i], truth, tallies[i]);
    for (std::size_t i = 0; i < ways.size(); ++i) {
      count(ways[i], ways[i].chooser->choose(windows, truth, simulation.time()), truth, tallies[i]);
    }
  }
  return ours.seconds;
}

void show(const char* what, int days, const std::array<Tally, names.size()>& tallies) {
  fmt::print("{}\n{:<14}{:>10}{:>10}{:>10}{:>10}{:>10}\n", what, "", "mean ms", "regret %",
             "changes", "losing", "dead/cut");
  for (std::size_t i = 0; i < tallies.size(); ++i) {
    const Tally& it = tallies[i];
    fmt::print("{:<14}{:>10.2f}{:>10.2f}{:>10.1f}{:>10.2f}{:>10.2f}\n", names[i],
               it.delay / it.windows, 100 * (it.delay / it.best - 1), it.changes / days * 30,
               it.losing / days * 30, it.dead_entries == 0 ? 0 : it.dead / it.dead_entries);
  }
  std::fflush(stdout);  // the next takes its time
}

}  // namespace

int main(int argc, char** words) {
  const int seeds = argc > 1 ? std::atoi(words[1]) : 20;
  const int days = argc > 2 ? std::atoi(words[2]) : 30;
  const auto first = static_cast<std::uint64_t>(argc > 3 ? std::atoi(words[3]) : 4000);
  constexpr std::array<std::pair<Trouble, const char*>, 5> troubles{
      {{Trouble::none, "as it is; changes and losing ones in 30 days"},
       {Trouble::missing, "10 % of the windows missing"},
       {Trouble::lying, "a reflector that lies by 6 ms, 8 of 60 hours"},
       {Trouble::lying_over_one, "another that lies likewise, but over one path only"},
       {Trouble::clocks, "its clock is set by 40 ms"}}};
  const int only = argc > 4 ? std::atoi(words[4]) : -1;  // its number, from 0
  double seconds = 0;
  int stretches = 0;
  for (const auto& [trouble, what] : troubles) {
    if (only >= 0 && only != static_cast<int>(trouble)) continue;
    stretches += seeds;
    std::array<Tally, names.size()> tallies{};
    for (int seed = 0; seed < seeds; ++seed) {
      seconds += run(first + static_cast<std::uint64_t>(seed), days, trouble, tallies);
    }
    show(what, days * seeds, tallies);
  }
  fmt::print("decide(): {:.3f} ms of CPU a window of one class\n",
             1e3 * seconds / (static_cast<double>(stretches) * days * 1440));
}
