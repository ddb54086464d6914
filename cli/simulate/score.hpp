// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "probe/simulated/world.hpp"

namespace strait::cli {

// What one way of choosing paths got, over the windows of a simulation.
struct Choice {
  double delay_ms = 0;  // sum of the true mean round trips, of the windows that have one
  std::uint64_t windows = 0;
  std::uint64_t dead = 0;  // windows on a path that did not answer
  std::uint64_t changes = 0;
  std::optional<std::string> path;  // now

  [[nodiscard]] std::optional<double> mean_ms() const {
    if (windows == 0) return std::nullopt;
    return delay_ms / static_cast<double>(windows);
  }
};

// One traffic class: what strait chose, what plain BGP would have used throughout, and an oracle
// that knows the true delays and changes whenever another path is better.
struct ClassScore {
  std::string region;
  Choice strait;
  Choice plain;
  Choice oracle;
};

// Keeps score against the truth. The delay of a path for a class is the mean over its targets, by
// weight; where one of them is unreachable over it, the path is dead for the class.
class Score {
 public:
  explicit Score(const probe::simulated::World& world);

  // `chosen`: by class, the path in force at `time`; a class without one is on its default path.
  void count(WallTime time, const std::map<std::string, std::string, std::less<>>& chosen);
  [[nodiscard]] const std::vector<ClassScore>& classes() const { return classes_; }

 private:
  [[nodiscard]] std::optional<double> delay(std::size_t path, std::string_view region,
                                            const std::vector<probe::simulated::Weather>& weather,
                                            WallTime time) const;
  void take(Choice& choice, const std::optional<std::string>& path,
            const std::vector<std::optional<double>>& delays) const;

  const probe::simulated::World& world_;
  std::vector<ClassScore> classes_;
};

}  // namespace strait::cli
