// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "probe/random.hpp"

namespace strait::probe::simulated {

// Random numbers that are the same on every machine: the standard's distributions are not, each
// library draws them in its own way.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_{seed} {}

  // In (0, 1).
  [[nodiscard]] double uniform() {
    return (static_cast<double>(next_random(state_) >> 11U) + 0.5) * 0x1p-53;
  }
  [[nodiscard]] bool chance(double p) { return p > 0 && uniform() < p; }
  [[nodiscard]] double exponential(double mean) { return -mean * std::log(uniform()); }
  // Pareto of shape 1.5 (it has a mean, 2 x scale, but no variance), less its least value.
  [[nodiscard]] double pareto(double scale) {
    return scale * (std::pow(uniform(), -2.0 / 3.0) - 1);
  }
  [[nodiscard]] double normal() {  // Box and Muller 1958
    return std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  std::uint64_t state_;
};

// A seed for one of many streams that do not disturb each other.
[[nodiscard]] inline std::uint64_t seed_of(std::uint64_t seed, std::uint64_t stream) {
  std::uint64_t state = seed ^ (stream * 0xd1342543de82ef95);
  static_cast<void>(next_random(state));
  return next_random(state);
}

}  // namespace strait::probe::simulated
