// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "probe/simulated/scenario.hpp"

namespace strait::probe::simulated {

// What a path is like at one moment, before chance has a say.
struct Weather {
  bool cut = false;
  double load = 0;      // Gb/s, with what other paths have sent its way
  double queue_ns = 0;  // mean wait in the queue
  bool full = false;    // more arrives than leaves: the wait is that of the whole buffer
  double loss = 0;      // share of the probes, by chance; bursts come on top
  Nanos longer{};       // than the scenario's round trips: shifts that are under way
  Nanos lie{};          // round trips are claimed to be shorter by this
};

// The truth about one session at one moment: the expectation that no measurement can better.
struct TrueDelay {
  bool answers = false;  // neither cut nor without a reflector
  Nanos minimum{};       // without any wait
  Nanos mean{};          // of the probes that are answered
  double loss = 0;       // bursts included
};

// What happened, for comparison with what was noticed.
struct Truth {
  Happening kind = Happening::cut;
  std::vector<std::string> paths;    // where it shows; empty for a target's events
  std::vector<std::string> targets;  // likewise
  WallTime from;
  WallTime to;
  Nanos size{};     // by how much, where the kind has a size; congestion: the largest mean queue
  double loss = 0;  // likewise
  std::string words;
};

// A scenario without its chances: a function of time. Borrows nothing.
class World {
 public:
  // The events may come in any order; scenario() has them in order of time.
  explicit World(Scenario scenario);

  [[nodiscard]] const Scenario& scenario() const { return scenario_; }
  [[nodiscard]] std::vector<Weather> weather(WallTime time) const;  // by path
  // What one flow of a session sees of its path's weather: events of its target or ECMP member too.
  [[nodiscard]] Weather seen(std::size_t path, std::size_t target, std::uint16_t flow,
                             Weather weather, WallTime time) const;
  // Of weather that was seen() at `time`.
  [[nodiscard]] TrueDelay true_delay(std::size_t path, std::size_t target, std::uint16_t flow,
                                     const Weather& weather, WallTime time) const;
  [[nodiscard]] TrueDelay true_delay(std::string_view path, std::string_view target,
                                     WallTime time) const;  // of flow 0
  // The round trip without any wait.
  [[nodiscard]] Nanos minimum(std::size_t path, std::size_t target, std::uint16_t flow,
                              const Weather& weather) const;
  // Far clock minus ours.
  [[nodiscard]] Nanos clock_offset(std::size_t target, WallTime time) const;
  [[nodiscard]] bool answers(std::size_t target, WallTime time) const;
  [[nodiscard]] bool paused(WallTime time) const;
  // Every event of the scenario until its end, and the congestion that load makes (looked for every
  // 10 minutes, where the mean queue exceeds 1 ms), by start.
  [[nodiscard]] std::vector<Truth> truths() const;

 private:
  [[nodiscard]] double demand(WallTime time) const;
  void spill(std::vector<Weather>& weather) const;
  void queue(std::size_t path, Weather& weather) const;
  static void add(const EventModel& event, Weather& weather);
  static void add_to_some(const EventModel& event, Weather& weather);

  Scenario scenario_;
};

// A queue above this is congestion to the truth.
inline constexpr Nanos congested_queue{1'000'000};

}  // namespace strait::probe::simulated
