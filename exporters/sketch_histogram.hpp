// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/client_metric.h>

#include <cstdint>
#include <span>

#include "core/sketch.hpp"

namespace strait::exporters {

// The upper bounds of a classic Prometheus histogram, chosen among the bounds of a sketch's buckets
// so that every count is exact: bound i is 2^(keys[i]/32) s, a bucket bound of schema 5 and finer.
inline constexpr int bound_schema = 5;

// Nearest to 0.5, 1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 65, 80, 100, 150, 200, 300, 500 ms, 1, 2 s.
[[nodiscard]] std::span<const std::int32_t> delay_bounds();
// Nearest to 1, 10, 50, 100, 500 us, 1, 10, 100 ms, 1 s.
[[nodiscard]] std::span<const std::int32_t> lag_bounds();

// Seconds: the `le` label of a bound.
[[nodiscard]] double bound_seconds(std::int32_t key);

// Cumulative counts at the bounds, total count and sum. A sketch coarser than `bound_schema` only
// has some of the bounds; the others are left out rather than guessed.
[[nodiscard]] prometheus::ClientMetric::Histogram histogram(const Sketch& sketch,
                                                            std::span<const std::int32_t> bounds);

}  // namespace strait::exporters
