// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

namespace strait::analyzer {

// Ranks, counted from 1, of the order statistics that enclose a quantile. Nothing where n is too
// small to bound it on that side.
struct RankInterval {
  std::optional<std::uint64_t> low;
  std::optional<std::uint64_t> high;

  friend bool operator==(const RankInterval&, const RankInterval&) = default;
};

// The distribution-free interval of the q-quantile (0 < q < 1) from n independent samples: each
// tail misses with a probability of at most (1 - confidence) / 2, by the exact binomial
// distribution (David and Nagaraja, Order Statistics, section 7.1). Exact at every n, not an
// approximation.
[[nodiscard]] RankInterval quantile_ranks(std::uint64_t n, double q, double confidence = 0.95);

// P(B >= k) for B ~ Binomial(n, p).
[[nodiscard]] double binomial_at_least(std::uint64_t k, std::uint64_t n, double p);

// The smallest n whose interval has both bounds: at 95 %, 6 for p50, 72 for p95, 368 for p99.
[[nodiscard]] std::uint64_t probes_needed(double q, double confidence = 0.95);

}  // namespace strait::analyzer
