// SPDX-License-Identifier: Apache-2.0
#include "probe/simulated/simulation.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace strait::probe::simulated {
namespace {

constexpr Nanos level_memory = std::chrono::minutes{10};
constexpr double level_spread = 0.25;  // of the logarithm

double ratio(Nanos a, Nanos b) {
  return static_cast<double>(a.count()) / static_cast<double>(b.count());
}
double in_ns(Nanos time) { return static_cast<double>(time.count()); }

Nanos share_of(Nanos time, double share) { return Nanos{std::llround(in_ns(time) * share)}; }

}  // namespace

Simulation::Simulation(Scenario scenario, std::uint64_t seed)
    : world_{std::move(scenario)}, time_{world_.scenario().start} {
  const Scenario& it = world_.scenario();
  for (std::size_t path = 0; path < it.paths.size(); ++path) {
    path_dice_.emplace_back(seed_of(seed, path + 1));
    levels_.push_back(level_spread * path_dice_.back().normal());
    for (std::size_t target = 0; target < it.targets.size(); ++target) {
      if (!it.targets[target].rtt.contains(it.paths[path].name)) continue;
      for (std::uint16_t flow = 0; flow < it.flows; ++flow) {
        const std::uint64_t stream = ((path + 1) << 32U) | ((target + 1) << 16U) | flow;
        sessions_.push_back({.path = path,
                             .target = target,
                             .flow = flow,
                             .dice = Dice{seed_of(seed, stream)},
                             .in_burst = false,
                             .before = {}});
      }
    }
  }
}

// An Ornstein-Uhlenbeck process, sampled.
void Simulation::shift_levels() {
  const double kept = std::exp(-ratio(world_.scenario().window, level_memory));
  const double news = level_spread * std::sqrt(1 - kept * kept);
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    levels_[i] = kept * levels_[i] + news * path_dice_[i].normal();
  }
}

Simulation::Draw Simulation::draw_of(const Session& session, const Weather& of_path) const {
  const auto& [path, target, flow, dice, in_burst, before] = session;
  const PathModel& model = world_.scenario().paths[path];
  const WallTime middle = time_ + world_.scenario().window / 2;
  const Weather weather = world_.seen(path, target, flow, of_path, middle);
  // So that the mean over all weather is what the World says: E[exp(x)] = exp(s^2 / 2).
  const double level = std::exp(levels_[path] - level_spread * level_spread / 2);
  const bool gone = weather.cut || !world_.answers(target, middle);
  const Nanos claimed = world_.minimum(path, target, flow, weather) - weather.lie;
  return {.minimum_ns = in_ns(std::max(claimed, Nanos{1})),
          .jitter_ns = in_ns(model.jitter) * level,
          .queue_ns = weather.queue_ns * (weather.full ? 1 : level),
          .buffer_ns = in_ns(model.buffer),
          .full = weather.full,
          .loss = gone ? 1 : weather.loss,
          .heavy_tail = model.heavy_tail};
}

Simulation::Chances Simulation::chances_of(const Session& session) const {
  const auto& burst = world_.scenario().paths[session.path].burst;
  if (!burst) return {};
  const Nanos spacing = world_.scenario().interval * world_.scenario().flows;
  return {.begins = 1 - std::exp(-ratio(spacing, burst->every)),
          .ends = 1 - std::exp(-ratio(spacing, burst->length)),
          .loss = burst->loss};
}

double Simulation::wait(Dice& dice, const Draw& draw) {
  double wait =
      dice.chance(draw.heavy_tail) ? dice.pareto(draw.jitter_ns) : dice.exponential(draw.jitter_ns);
  if (draw.full) {
    wait += draw.queue_ns * (0.9 + 0.2 * dice.uniform());
  } else if (draw.queue_ns > 0) {
    wait += std::min(dice.exponential(draw.queue_ns), std::max(draw.buffer_ns, draw.queue_ns));
  }
  return wait;
}

void Simulation::keep(Nanos rtt, Window& window, Session& session) {
  window.rtt.record(rtt);
  if (session.before) window.ipdv.record(std::chrono::abs(rtt - *session.before));
  session.before = rtt;
}

void Simulation::fill(Window& window, Session& session, const Draw& draw) const {
  const Chances burst = chances_of(session);
  const Scenario& scenario = world_.scenario();
  const bool one_way = scenario.protocol == Protocol::stamp &&
                       scenario.targets[session.target].clock_error.has_value();
  const double forward = scenario.paths[session.path].forward_share;
  const Nanos offset = one_way ? world_.clock_offset(session.target, time_) : Nanos{};
  const auto probes =
      static_cast<std::uint64_t>(scenario.window / scenario.interval) / scenario.flows;
  window.counts.scheduled = window.counts.sent = probes;
  for (std::uint64_t i = 0; i < probes; ++i) {
    if (burst.begins > 0 && session.dice.chance(session.in_burst ? burst.ends : burst.begins)) {
      session.in_burst = !session.in_burst;
    }
    const bool lost = draw.loss >= 1 || session.dice.chance(draw.loss) ||
                      (session.in_burst && session.dice.chance(burst.loss));
    if (lost) {
      ++window.counts.lost;
      session.before.reset();
      continue;
    }
    const Nanos rtt{std::llround(draw.minimum_ns + wait(session.dice, draw))};
    keep(rtt, window, session);
    if (one_way) {
      const Nanos there = share_of(rtt, forward);
      window.forward.record(there + offset);
      window.reverse.record(rtt - there - offset);
    }
  }
  window.counts.received = probes - window.counts.lost;
}

// What a STAMP reflector's stamps tell: the least round trip stands for the least of each way.
void Simulation::stamp(Window& window, const Session& session) const {
  const Scenario& scenario = world_.scenario();
  const auto least = window.rtt.min();
  if (scenario.protocol != Protocol::stamp || !least) return;
  const TargetModel& target = scenario.targets[session.target];
  const Nanos offset = world_.clock_offset(session.target, time_ + scenario.window / 2);
  const Nanos there = share_of(*least, scenario.paths[session.path].forward_share);
  window.clocks = {
      .state = target.clock_error ? ClockState::usable : ClockState::far_unsynchronised,
      .error = target.clock_error.value_or(Nanos{}),
      .raw_forward = there + offset,
      .raw_reverse = *least - there - offset};
}

Window Simulation::window_of(Session& session, const Weather& weather) const {
  const Scenario& scenario = world_.scenario();
  Window window;
  window.session = {.path = scenario.paths[session.path].name,
                    .target = scenario.targets[session.target].name,
                    .protocol = scenario.protocol,
                    .dscp = 0,
                    .flow = session.flow};
  window.start = time_;
  window.length = scenario.window;
  window.source = StampSource::kernel;
  fill(window, session, draw_of(session, weather));
  stamp(window, session);
  return window;
}

std::vector<Window> Simulation::next() {
  const Scenario& scenario = world_.scenario();
  const WallTime middle = time_ + scenario.window / 2;
  std::vector<Window> windows;
  if (!world_.paused(middle)) {
    const std::vector<Weather> weather = world_.weather(middle);
    windows.reserve(sessions_.size());
    for (Session& session : sessions_) {
      Window window = window_of(session, weather[session.path]);
      if (!session.dice.chance(scenario.missing)) windows.push_back(std::move(window));
    }
  } else {
    for (Session& session : sessions_) session.before.reset();
  }
  shift_levels();
  time_ += scenario.window;
  return windows;
}

}  // namespace strait::probe::simulated
