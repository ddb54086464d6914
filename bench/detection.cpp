// SPDX-License-Identifier: Apache-2.0
// bench_detection [SEEDS [DAYS [FIRST SEED]]]: what analyzer::ChangeWatch finds in simulated days
// with labelled events, next to CUSUM on window medians and a fixed threshold. The seeds begin at
// 2000; thresholds were tuned with 77 (tests/analyzer/change_test.cpp) and 1000 to 1003, and none
// of these.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "analyzer/change.hpp"
#include "probe/simulated/simulation.hpp"

using namespace strait;
using namespace std::chrono_literals;
using analyzer::Change;
using analyzer::ChangeKind;
using analyzer::ChangeWatch;
using probe::simulated::Dice;
using probe::simulated::EventModel;
using probe::simulated::Happening;
using probe::simulated::Scenario;
using probe::simulated::Simulation;

namespace {

constexpr WallTime start{std::chrono::sys_days{std::chrono::year{2025} / 1 / 1}};
constexpr Nanos before = 31min;  // a loss may be dated back by as much
constexpr Nanos after = 45min;
constexpr Nanos before_loss = 1h;  // one that shows over hours, by as much; or begin anywhere in it
constexpr std::size_t paths = 4;

struct Label {
  const char* name;
  Happening happening;
  Nanos size;
  double loss;
  ChangeKind kind;
};

constexpr std::array labels{
    Label{"cut", Happening::cut, 0ms, 0, ChangeKind::outage},
    Label{"shift 0.2 ms", Happening::shift, 200us, 0, ChangeKind::level_shift},
    Label{"shift 0.5 ms", Happening::shift, 500us, 0, ChangeKind::level_shift},
    Label{"shift 1 ms", Happening::shift, 1ms, 0, ChangeKind::level_shift},
    Label{"shift 2 ms", Happening::shift, 2ms, 0, ChangeKind::level_shift},
    Label{"shift 5 ms", Happening::shift, 5ms, 0, ChangeKind::level_shift},
    Label{"shift 20 ms", Happening::shift, 20ms, 0, ChangeKind::level_shift},
    Label{"shift -1 ms", Happening::shift, -1ms, 0, ChangeKind::level_shift},
    Label{"queue 1 ms", Happening::queueing, 1ms, 0, ChangeKind::queueing},
    Label{"queue 5 ms", Happening::queueing, 5ms, 0, ChangeKind::queueing},
    Label{"diurnal 3 ms", Happening::queueing, 3ms, 0, ChangeKind::queueing},
    Label{"loss 0.1 %", Happening::loss, 0ms, 0.001, ChangeKind::loss},
    Label{"loss 0.5 %", Happening::loss, 0ms, 0.005, ChangeKind::loss},
    Label{"loss 1 %", Happening::loss, 0ms, 0.01, ChangeKind::loss},
    Label{"loss 2 %", Happening::loss, 0ms, 0.02, ChangeKind::loss},
    Label{"loss 5 %", Happening::loss, 0ms, 0.05, ChangeKind::loss},
};

struct Tally {
  unsigned events = 0;
  unsigned found = 0;   // as what it is
  unsigned called = 0;  // as something else, and not as what it is
  double delay = 0;     // minutes, of those that were found
  unsigned cusum = 0;
  unsigned fixed = 0;
};

struct Sums {
  std::array<Tally, labels.size()> of{};
  std::array<unsigned, 3> alarms{};        // ours, CUSUM, fixed
  std::array<unsigned, 3> false_alarms{};  // likewise
  unsigned of_another_kind = 0;            // ours, in an event
  unsigned late_evenings = 0;              // the third and fourth
  unsigned diurnal = 0;                    // of these, called so
  unsigned false_diurnal = 0;
  std::map<std::pair<std::string, std::string_view>, unsigned> false_by;  // path, kind
  std::size_t windows = 0;
  double session_years = 0;
  double watch_seconds = 0;
};

// Loads that swing through the day, bursts of loss, heavy tails: a path of each.
Scenario quiet(int days) {
  Scenario scenario;
  scenario.start = start;
  scenario.length = std::chrono::days{days};
  scenario.targets.emplace_back();
  scenario.targets[0].name = "target";
  constexpr std::array<Nanos, paths> rtts{28ms, 32ms, 97ms, 118ms};
  for (std::size_t i = 0; i < paths; ++i) {
    auto& path = scenario.paths.emplace_back();
    path.name = std::to_string(i);
    path.loss = 0.0003;
    scenario.targets[0].rtt[path.name] = rtts[i];
  }
  scenario.paths[1].capacity = 100;
  scenario.paths[1].load = 45;
  scenario.paths[2].heavy_tail = 0.02;
  scenario.paths[3].jitter = 250us;
  return scenario;
}

struct Planned {
  std::size_t label;
  EventModel event;
  int evening = 0;  // of a queue that comes each evening: which, from 0
};

constexpr std::string_view diurnal = "diurnal 3 ms";

// A queue of three hours each evening of four days, in place of what would have been then. Each is
// labelled by itself; that they are the same hour is Incident::diurnal's to find.
void add_evenings(std::vector<Planned>& all, std::size_t label, const EventModel& first) {
  for (int day = 0; day < 4; ++day) {
    EventModel evening = first;
    evening.from += 24h * day;
    evening.to = evening.from + 3h;
    all.push_back({label, std::move(evening), day});
  }
}

// One every two days of each path, of 2 to 8 hours, none before the second day.
std::vector<Planned> plan(const Scenario& scenario, Dice& dice) {
  std::vector<Planned> all;
  for (const auto& path : scenario.paths) {
    for (WallTime day = start + 24h; day + 48h < scenario.end(); day += 48h) {
      const auto label = static_cast<std::size_t>(dice.uniform() * labels.size());
      EventModel event;
      event.kind = labels[label].happening;
      event.paths = {path.name};
      const bool evenings = labels[label].name == diurnal && day + 96h < scenario.end();
      const int hours = evenings ? 20 : 30;
      event.from = day + 1min * static_cast<int>(dice.uniform() * hours * 60);
      event.to = event.from + 1min * static_cast<int>(120 + dice.uniform() * 360);
      event.size = labels[label].size;
      event.loss = labels[label].loss;
      if (evenings) {
        add_evenings(all, label, event);
        day += 48h;
      } else {
        all.push_back({label, event});
      }
    }
  }
  std::ranges::sort(all, {}, [](const Planned& each) { return each.event.from; });
  return all;
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

// Two-sided, on window medians standardised by 120 windows before: k 0.5, h 8 (Page 1954). It
// learns nothing while it is out, and starts anew after an alarm.
class Cusum {
 public:
  bool see(double value) {
    bool alarm = false;
    if (history_.size() >= 60) {
      const double z = (value - centre_) / scale_;
      up_ = std::max(0.0, up_ + z - 0.5);
      down_ = std::max(0.0, down_ - z - 0.5);
      alarm = std::max(up_, down_) > 8;
    }
    if (alarm) {
      up_ = down_ = 0;
      history_.clear();
    }
    history_.push_back(value);
    if (history_.size() > 120) history_.pop_front();
    if (history_.size() >= 60 && (++age_ % 10 == 0 || scale_ == 0)) learn();
    return alarm;
  }

 private:
  void learn() {
    centre_ = median({history_.begin(), history_.end()});
    std::vector<double> distances;
    for (const double value : history_) distances.push_back(std::abs(value - centre_));
    scale_ = std::max(1.4826 * median(std::move(distances)), 1e3);
  }
  std::deque<double> history_;
  double centre_ = 0;
  double scale_ = 0;
  double up_ = 0;
  double down_ = 0;
  unsigned age_ = 0;
};

// p95 more than 5 ms above that of the first day, or more than 5 % lost, three windows running.
class Fixed {
 public:
  bool see(const Window& window) {
    const auto p95 = window.rtt.quantile(0.95);
    if (seen_++ < 1440) {
      if (p95) day_.push_back(static_cast<double>(p95->count()));
      if (seen_ == 1440) usual_ = median(day_);
      return false;
    }
    const bool lossy =
        static_cast<double>(window.counts.lost) > 0.05 * static_cast<double>(window.counts.sent);
    const bool out = lossy || !p95 || static_cast<double>(p95->count()) > usual_ + 5e6;
    running_ = out ? running_ + 1 : 0;
    return running_ == 3;
  }

 private:
  unsigned seen_ = 0;
  unsigned running_ = 0;
  std::vector<double> day_;
  double usual_ = 0;
};

struct Alarms {
  std::vector<Change> ours;
  std::vector<WallTime> cusum;
  std::vector<WallTime> fixed;
};

Nanos most_before(ChangeKind kind) { return kind == ChangeKind::loss ? before_loss : before; }

bool near_event(const std::vector<Planned>& events, const std::string& path, WallTime when,
                Nanos before_it = before) {
  return std::ranges::any_of(events, [&](const Planned& each) {
    return each.event.of_path(path) && when >= each.event.from - before_it &&
           when <= each.event.to + after;
  });
}

unsigned count_false(const std::vector<Planned>& events, const std::string& path,
                     const std::vector<WallTime>& alarms) {
  return static_cast<unsigned>(std::ranges::count_if(
      alarms, [&](WallTime when) { return !near_event(events, path, when); }));
}

bool any_in(const std::vector<WallTime>& alarms, const EventModel& event) {
  return std::ranges::any_of(
      alarms, [&](WallTime when) { return when >= event.from && when <= event.from + after; });
}

bool began_with(WallTime from, const EventModel& event) {
  return from >= event.from - before && from <= event.from + after;
}

// A loss that only hours show is dated to within an hour or two.
bool began_with(const Change& change, const EventModel& event) {
  if (change.kind != ChangeKind::loss) return began_with(change.from, event);
  return change.from >= event.from - before_loss && change.from < event.to;
}

bool of_kind(const std::vector<Planned>& events, const std::string& path, const Change& change) {
  return std::ranges::any_of(events, [&](const Planned& each) {
    return each.event.of_path(path) && labels[each.label].kind == change.kind &&
           change.from >= each.event.from - most_before(change.kind) &&
           change.from <= each.event.to + after;
  });
}

// Queues of the same hour are to be called diurnal from the third day on.
void score_evenings(const std::vector<Planned>& events, const std::string& path,
                    const std::vector<Change>& ours, Sums& sums) {
  const std::vector<SessionKey> sessions{{.path = path, .target = "target"}};
  const auto incidents = analyzer::group_changes(ours, sessions, {}, 1min);
  const auto is_late = [&](const Planned& each) {
    return each.event.of_path(path) && each.evening >= 2;
  };
  for (const Planned& each : events) {
    if (!is_late(each)) continue;
    ++sums.late_evenings;
    sums.diurnal += std::ranges::any_of(incidents, [&](const analyzer::Incident& incident) {
      return incident.diurnal && began_with(incident.from, each.event);
    });
  }
  for (const analyzer::Incident& incident : incidents) {
    if (!incident.diurnal) continue;
    const bool right = std::ranges::any_of(events, [&](const Planned& each) {
      return is_late(each) && incident.from >= each.event.from - before &&
             incident.from <= each.event.to + after;
    });
    sums.false_diurnal += right ? 0 : 1;
  }
}

void score(const std::vector<Planned>& events, const std::string& path, const Alarms& alarms,
           Sums& sums) {
  for (const auto& [label, event, evening] : events) {
    if (!event.of_path(path)) continue;
    Tally& tally = sums.of[label];
    ++tally.events;
    bool other = false;
    const Change* found = nullptr;
    for (const Change& change : alarms.ours) {
      if (!began_with(change, event)) continue;
      if (change.kind != labels[label].kind) {
        other = true;
      } else if (found == nullptr) {
        found = &change;
      }
    }
    tally.found += found != nullptr ? 1 : 0;
    tally.called += found == nullptr && other ? 1 : 0;
    if (found != nullptr)
      tally.delay += static_cast<double>((found->noticed - event.from).count()) / 6e10;
    tally.cusum += any_in(alarms.cusum, event) ? 1 : 0;
    tally.fixed += any_in(alarms.fixed, event) ? 1 : 0;
  }
  for (const Change& change : alarms.ours) {
    if (!near_event(events, path, change.from, most_before(change.kind))) {
      ++sums.false_alarms[0];
      ++sums.false_by[{path, to_string(change.kind)}];
    } else if (!of_kind(events, path, change)) {
      ++sums.of_another_kind;
    }
  }
  score_evenings(events, path, alarms.ours, sums);
  sums.alarms[0] += static_cast<unsigned>(alarms.ours.size());
  sums.alarms[1] += static_cast<unsigned>(alarms.cusum.size());
  sums.alarms[2] += static_cast<unsigned>(alarms.fixed.size());
  sums.false_alarms[1] += count_false(events, path, alarms.cusum);
  sums.false_alarms[2] += count_false(events, path, alarms.fixed);
}

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void run(std::uint64_t seed, int days, Sums& sums) {
  Scenario scenario = quiet(days);
  Dice dice{seed};
  const auto events = plan(scenario, dice);
  for (const Planned& each : events) scenario.events.push_back(each.event);
  Simulation simulation{std::move(scenario), seed};
  std::array<std::vector<Window>, paths> windows;
  while (!simulation.done()) {
    for (Window& window : simulation.next()) {
      windows[std::stoul(window.session.path)].push_back(std::move(window));
    }
  }
  for (std::size_t path = 0; path < paths; ++path) {
    Alarms alarms;
    const double began = cpu_seconds();
    ChangeWatch watch;
    for (const Window& window : windows[path]) {
      for (Change& change : watch.see(window)) {
        if (!change.to) alarms.ours.push_back(std::move(change));
      }
    }
    sums.watch_seconds += cpu_seconds() - began;
    Cusum cusum;
    Fixed fixed;
    for (const Window& window : windows[path]) {
      const auto middle = window.rtt.quantile(0.5);
      if (middle && cusum.see(static_cast<double>(middle->count())))
        alarms.cusum.push_back(window.start);
      if (fixed.see(window)) alarms.fixed.push_back(window.start);
    }
    score(events, std::to_string(path), alarms, sums);
    sums.windows += windows[path].size();
    sums.session_years += days / 365.25;
  }
}

}  // namespace

int main(int count, char** words) {
  const int seeds = count > 1 ? std::atoi(words[1]) : 20;
  const int days = count > 2 ? std::atoi(words[2]) : 60;
  Sums sums;
  const auto first = static_cast<std::uint64_t>(count > 3 ? std::atoi(words[3]) : 2000);
  for (int seed = 0; seed < seeds; ++seed)
    run(first + static_cast<std::uint64_t>(seed), days, sums);
  fmt::print("{:<14}{:>8}{:>9}{:>8}{:>10}{:>9}{:>9}\n", "event", "events", "recall", "other",
             "minutes", "CUSUM", "fixed");
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const Tally& it = sums.of[i];
    const auto share = [&](unsigned of) { return it.events == 0 ? 0 : double(of) / it.events; };
    fmt::print("{:<14}{:>8}{:>9.3f}{:>8.3f}{:>10.1f}{:>9.3f}{:>9.3f}\n", labels[i].name, it.events,
               share(it.found), share(it.called), it.found == 0 ? 0 : it.delay / it.found,
               share(it.cusum), share(it.fixed));
  }
  fmt::print("false alarms a session-year, of {:.1f}: ours {:.2f}, CUSUM {:.0f}, fixed {:.1f}\n",
             sums.session_years, sums.false_alarms[0] / sums.session_years,
             sums.false_alarms[1] / sums.session_years, sums.false_alarms[2] / sums.session_years);
  const auto precision = [&](std::size_t i) {
    return 1 - sums.false_alarms[i] / std::max(1.0, static_cast<double>(sums.alarms[i]));
  };
  fmt::print(
      "precision, alarms in an event of all: ours {:.4f} of {}, CUSUM {:.4f}, fixed {:.4f}\n",
      precision(0), sums.alarms[0], precision(1), precision(2));
  fmt::print("ours in an event, but of another kind: {}\n", sums.of_another_kind);
  fmt::print(
      "third and fourth evenings of a queue at the same hour: {}, called diurnal {}; {} "
      "others called so\n",
      sums.late_evenings, sums.diurnal, sums.false_diurnal);
  for (const auto& [which, times] : sums.false_by) {
    fmt::print("  on path {}: {} {}\n", which.first, times, which.second);
  }
  fmt::print("{} windows, {:.2f} million a CPU-second\n", sums.windows,
             1e-6 * static_cast<double>(sums.windows) / sums.watch_seconds);
}
