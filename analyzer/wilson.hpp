// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "analyzer/evidence.hpp"

namespace strait::analyzer {

// The proportion hits / trials with its Wilson score interval (E. B. Wilson, 1927), which stays in
// [0, 1] and is honest at 0 hits. No trials: value 0, interval [0, 1]. `hits` above `trials` counts
// as all.
// How many standard deviations hold that share of a normal distribution: 1.96 for 0.95.
[[nodiscard]] double normal_deviate(double confidence);

[[nodiscard]] Proportion wilson(std::uint64_t hits, std::uint64_t trials, double confidence = 0.95);

// The same where the trials tell no more than `worth` independent ones.
[[nodiscard]] Proportion wilson_of(std::uint64_t hits, std::uint64_t trials, std::uint64_t worth,
                                   double confidence);

}  // namespace strait::analyzer
