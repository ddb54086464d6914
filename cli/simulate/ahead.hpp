// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/window.hpp"
#include "probe/simulated/simulation.hpp"

namespace strait::cli {

// A simulation on a thread of its own, a bounded number of steps ahead of whoever takes them: what
// is decided of the windows changes none of them.
class SimulateAhead {
 public:
  struct Step {
    WallTime middle;
    WallTime end;
    std::vector<Window> windows;
  };

  explicit SimulateAhead(probe::simulated::Simulation simulation);
  SimulateAhead(const SimulateAhead&) = delete;
  SimulateAhead& operator=(const SimulateAhead&) = delete;
  SimulateAhead(SimulateAhead&&) = delete;
  SimulateAhead& operator=(SimulateAhead&&) = delete;
  ~SimulateAhead();

  // Waits for the next one; nothing when the scenario is over. Throws what the simulation threw.
  [[nodiscard]] std::optional<Step> next();
  [[nodiscard]] const probe::simulated::World& world() const { return simulation_.world(); }

 private:
  // Handed over so many at a time, that the threads seldom meet.
  static constexpr std::size_t steps_together = 32;
  static constexpr std::size_t most_ahead = 8;  // times as many
  using Steps = std::vector<Step>;

  void work(const std::stop_token& stop);
  [[nodiscard]] Steps make();

  probe::simulated::Simulation simulation_;
  Steps taken_;  // by the reader
  std::size_t position_ = 0;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Steps> ready_;
  bool over_ = false;
  std::exception_ptr failure_;
  std::jthread thread_;  // the last member: it uses the others
};

}  // namespace strait::cli
