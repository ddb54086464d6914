// SPDX-License-Identifier: Apache-2.0
#include "analyzer/wilson.hpp"

#include <algorithm>
#include <boost/math/special_functions/erf.hpp>
#include <cassert>
#include <cmath>
#include <numbers>

namespace strait::analyzer {

double normal_deviate(double confidence) {
  return std::numbers::sqrt2 * boost::math::erf_inv(confidence);
}

Proportion wilson(std::uint64_t hits, std::uint64_t trials, double confidence) {
  return wilson_of(hits, trials, trials, confidence);
}

Proportion wilson_of(std::uint64_t hits, std::uint64_t trials, std::uint64_t worth,
                     double confidence) {
  assert(confidence > 0 && confidence < 1);
  if (trials == 0) return {};
  hits = std::min(hits, trials);
  worth = std::clamp<std::uint64_t>(worth, 1, trials);
  const auto n = static_cast<double>(worth);
  const double p = static_cast<double>(hits) / static_cast<double>(trials);
  const double z = normal_deviate(confidence);
  const double scale = 1 + (z * z / n);
  const double centre = (p + (z * z / (2 * n))) / scale;
  const double half = z / scale * std::sqrt((p * (1 - p) / n) + (z * z / (4 * n * n)));
  // At the ends the formula is exactly 0 or 1; rounding must not say otherwise.
  const double low = hits == 0 ? 0.0 : std::max(0.0, centre - half);
  const double high = hits == trials ? 1.0 : std::min(1.0, centre + half);
  return {.value = p, .low = low, .high = high, .hits = hits, .trials = trials, .worth = worth};
}

}  // namespace strait::analyzer
