// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "probe/simulated/scenario.hpp"

namespace strait::probe::simulated::test {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// A Wednesday, noon.
inline constexpr WallTime start{std::chrono::sys_days{std::chrono::year{2025} / 3 / 5} + hours{12}};

inline PathModel path(std::string name) {
  PathModel path;
  path.name = std::move(name);
  return path;
}

// Two paths, "near" of 20 ms and "far" of 30 ms, to one target, for four hours.
inline Scenario two_paths() {
  Scenario scenario;
  scenario.title = "two paths";
  scenario.start = start;
  scenario.length = hours{4};
  scenario.demand = {.swing = 0, .peak_hour = 0, .weekend = 1};
  scenario.paths = {path("near"), path("far")};
  TargetModel target;
  target.name = "paris";
  target.region = "europe";
  target.rtt = {{"near", milliseconds{20}}, {"far", milliseconds{30}}};
  scenario.targets = {target};
  return scenario;
}

// An event on paths from one hour after the start until two hours after it.
inline EventModel on_paths(Happening kind, std::vector<std::string> paths) {
  EventModel event;
  event.kind = kind;
  event.paths = std::move(paths);
  event.from = start + hours{1};
  event.to = start + hours{2};
  return event;
}

inline EventModel on_target(Happening kind, Nanos size = {}) {
  EventModel event = on_paths(kind, {});
  event.targets = {"paris"};
  event.size = size;
  return event;
}

}  // namespace strait::probe::simulated::test
