// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>

namespace strait::probe {

// SplitMix64 (Steele, Lea, Flood 2014): 64 bits of state, which is what 10,000 sessions can afford.
// For schedules and numbers that need not be secret.
[[nodiscard]] inline std::uint64_t next_random(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// From the system's entropy.
[[nodiscard]] inline std::uint64_t entropy_word() {
  std::random_device entropy;
  const std::uint64_t high = entropy();
  return high << 32 | entropy();
}

}  // namespace strait::probe
