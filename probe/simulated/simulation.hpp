// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/window.hpp"
#include "probe/simulated/dice.hpp"
#include "probe/simulated/world.hpp"

namespace strait::probe::simulated {

// The windows that a prober would have made in a scenario: every probe is drawn singly, its loss
// and its wait by chance around what the World says of the middle of its window. Between windows
// the waits of a path swell and fade together (a log-normal level with a memory of 10 minutes), so
// neighbouring windows are alike, as they are in a network.
// The same scenario and seed give the same windows on every machine whose log() and cos() round
// alike. Each session has dice of its own: a path more changes nothing of the others.
class Simulation {
 public:
  explicit Simulation(const Scenario& scenario) : Simulation{scenario, scenario.seed} {}
  Simulation(Scenario scenario, std::uint64_t seed);

  [[nodiscard]] const World& world() const { return world_; }
  [[nodiscard]] WallTime time() const { return time_; }  // the start of the next windows
  [[nodiscard]] bool done() const { return time_ >= world_.scenario().end(); }
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }
  // One window of each session, in the order of path, target and flow; fewer where windows are
  // missing, none during a pause.
  [[nodiscard]] std::vector<Window> next();

 private:
  struct Session {
    std::size_t path = 0;
    std::size_t target = 0;
    std::uint16_t flow = 0;
    Dice dice;
    bool in_burst = false;
    std::optional<Nanos> before;  // the round trip of the probe before; nothing: lost, or none
  };
  // What holds for all probes of one window.
  struct Draw {
    double minimum_ns = 0;
    double jitter_ns = 0;
    double queue_ns = 0;
    double buffer_ns = 0;
    bool full = false;
    double loss = 0;
    double heavy_tail = 0;
  };
  struct Chances {  // of a burst, from one probe to the next
    double begins = 0;
    double ends = 0;
    double loss = 0;
  };

  void shift_levels();
  [[nodiscard]] Draw draw_of(const Session& session, const Weather& of_path) const;
  [[nodiscard]] Chances chances_of(const Session& session) const;
  [[nodiscard]] static double wait(Dice& dice, const Draw& draw);
  [[nodiscard]] Window window_of(Session& session, const Weather& weather) const;
  static void keep(Nanos rtt, Window& window, Session& session);
  void fill(Window& window, Session& session, const Draw& draw) const;
  void stamp(Window& window, const Session& session) const;

  World world_;
  WallTime time_;
  std::vector<Session> sessions_;
  std::vector<Dice> path_dice_;
  std::vector<double> levels_;  // by path: the logarithm of what the waits are multiplied by
};

}  // namespace strait::probe::simulated
