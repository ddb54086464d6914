// SPDX-License-Identifier: Apache-2.0
#include "probe/simulated/world.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

namespace strait::probe::simulated {
namespace {

// A packet's own time in the queue, as a share of the buffer.
constexpr double service_share = 1.0 / 400;

double as_double(Nanos time) { return static_cast<double>(time.count()); }
Nanos as_nanos(double ns) { return Nanos{std::llround(ns)}; }

double loss_of_bursts(const PathModel& path) {
  if (!path.burst) return 0;
  const double share = as_double(path.burst->length) /
                       (as_double(path.burst->length) + as_double(path.burst->every));
  return share * path.burst->loss;
}

}  // namespace

World::World(Scenario scenario) : scenario_{std::move(scenario)} {
  std::ranges::stable_sort(scenario_.events, {}, &EventModel::from);
}

// A cosine through the day, less at the weekend.
double World::demand(WallTime time) const {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const double hour = as_double(time - day) / 3.6e12;
  const DemandModel& model = scenario_.demand;
  const double phase = 2 * std::numbers::pi * (hour - model.peak_hour) / 24;
  const std::chrono::weekday weekday{day};
  const bool weekend = weekday == std::chrono::Saturday || weekday == std::chrono::Sunday;
  return (1 + model.swing * std::cos(phase)) * (weekend ? model.weekend : 1);
}

// The load of a cut path goes to those that are left, by their capacity.
void World::spill(std::vector<Weather>& weather) const {
  const auto& paths = scenario_.paths;
  for (std::size_t from = 0; from < paths.size(); ++from) {
    if (!weather[from].cut || weather[from].load <= 0) continue;
    const auto& to = paths[from].spills_to;
    std::vector<std::size_t> takers;
    double capacity = 0;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      const bool named = to.empty() || std::ranges::find(to, paths[i].name) != to.end();
      if (weather[i].cut || !named || paths[i].capacity <= 0) continue;
      takers.push_back(i);
      capacity += paths[i].capacity;
    }
    for (const std::size_t taker : takers) {
      weather[taker].load += weather[from].load * paths[taker].capacity / capacity;
    }
    weather[from].load = 0;
  }
}

// The mean wait of an M/M/1 queue, until the buffer ends it.
void World::queue(std::size_t path, Weather& weather) const {
  const PathModel& model = scenario_.paths[path];
  if (model.capacity <= 0 || weather.cut) return;
  const double use = weather.load / model.capacity;
  const double buffer = as_double(model.buffer);
  if (use >= 1) {
    weather.full = true;
    weather.queue_ns += buffer;
    weather.loss = std::max(weather.loss, 1 - 1 / use);
    return;
  }
  weather.queue_ns += std::min(buffer, buffer * service_share * use / (1 - use));
}

void World::add(const EventModel& event, Weather& weather) {
  if (event.kind == Happening::cut) weather.cut = true;
  if (event.kind == Happening::shift) weather.longer += event.size;
  if (event.kind == Happening::queueing) weather.queue_ns += as_double(event.size);
  if (event.kind == Happening::loss) weather.loss = 1 - (1 - weather.loss) * (1 - event.loss);
}

std::vector<Weather> World::weather(WallTime time) const {
  const auto& paths = scenario_.paths;
  std::vector<Weather> weather(paths.size());
  const double factor = demand(time);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    weather[i].load = paths[i].load * factor;
    weather[i].loss = paths[i].loss;
  }
  for (const EventModel& event : scenario_.events) {
    if (event.from > time) break;
    if (!event.active(time) || !event.targets.empty()) continue;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      if (event.of_path(paths[i].name)) add(event, weather[i]);
    }
  }
  spill(weather);
  for (std::size_t i = 0; i < paths.size(); ++i) queue(i, weather[i]);
  return weather;
}

bool World::answers(std::size_t target, WallTime time) const {
  const std::string& name = scenario_.targets[target].name;
  return std::ranges::none_of(scenario_.events, [&](const EventModel& event) {
    return event.kind == Happening::outage && event.active(time) && event.of_target(name);
  });
}

bool World::paused(WallTime time) const {
  return std::ranges::any_of(scenario_.events, [&](const EventModel& event) {
    return event.kind == Happening::pause && event.active(time);
  });
}

Nanos World::clock_offset(std::size_t target, WallTime time) const {
  const TargetModel& model = scenario_.targets[target];
  const auto seconds = [](Nanos span) { return as_double(span) * 1e-9; };
  Nanos offset =
      model.clock_offset + as_nanos(model.clock_drift * as_double(time - scenario_.start));
  for (const EventModel& event : scenario_.events) {
    if (event.from > time || !event.of_target(model.name)) continue;
    if (event.kind == Happening::clock_step && event.active(time)) offset += event.size;
    if (event.kind == Happening::clock_drift) {
      offset += as_nanos(as_double(event.size) * seconds(std::min(time, event.to) - event.from));
    }
  }
  return offset;
}

// What weather() has left out.
void World::add_to_some(const EventModel& event, Weather& weather) {
  if (event.kind == Happening::one_member) weather.longer += event.size;
  if (!event.targets.empty()) add(event, weather);
}

Weather World::seen(std::size_t path, std::size_t target, std::uint16_t flow, Weather weather,
                    WallTime time) const {
  const PathModel& model = scenario_.paths[path];
  const std::string& to = scenario_.targets[target].name;
  for (const EventModel& event : scenario_.events) {
    if (event.from > time) break;
    if (!event.active(time) || !(event.targets.empty() || event.of_target(to))) continue;
    const bool over_this = event.paths.empty() || event.of_path(model.name);
    if (event.kind == Happening::lie && over_this) weather.lie += event.size;
    const bool of_member =
        event.kind != Happening::one_member || event.member == model.member_of(flow);
    if (event.of_path(model.name) && of_member) add_to_some(event, weather);
  }
  return weather;
}

Nanos World::minimum(std::size_t path, std::size_t target, std::uint16_t flow,
                     const Weather& weather) const {
  const PathModel& model = scenario_.paths[path];
  const auto& rtts = scenario_.targets[target].rtt;
  const auto rtt = rtts.find(model.name);
  if (rtt == rtts.end()) return {};
  const std::size_t member = model.member_of(flow);
  const Nanos more = member < model.members.size() ? model.members[member] : Nanos{};
  return std::max(rtt->second + weather.longer + more, Nanos{1});
}

TrueDelay World::true_delay(std::size_t path, std::size_t target, std::uint16_t flow,
                            const Weather& weather, WallTime time) const {
  const PathModel& model = scenario_.paths[path];
  TrueDelay truth;
  truth.answers =
      !weather.cut && scenario_.targets[target].rtt.contains(model.name) && answers(target, time);
  if (!truth.answers) {
    truth.loss = 1;
    return truth;
  }
  truth.minimum = minimum(path, target, flow, weather);
  const double jitter = as_double(model.jitter) * (1 + model.heavy_tail);  // see Dice::pareto()
  truth.mean = truth.minimum + as_nanos(jitter + weather.queue_ns);
  truth.loss = 1 - (1 - weather.loss) * (1 - loss_of_bursts(model));
  return truth;
}

TrueDelay World::true_delay(std::string_view path, std::string_view target, WallTime time) const {
  const auto p = std::ranges::find(scenario_.paths, path, &PathModel::name);
  const auto t = std::ranges::find(scenario_.targets, target, &TargetModel::name);
  if (p == scenario_.paths.end() || t == scenario_.targets.end()) return {.loss = 1};
  const auto from = static_cast<std::size_t>(p - scenario_.paths.begin());
  const auto to = static_cast<std::size_t>(t - scenario_.targets.begin());
  return true_delay(from, to, 0, seen(from, to, 0, weather(time)[from], time), time);
}

}  // namespace strait::probe::simulated
