// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "analyzer/evidence.hpp"
#include "analyzer/pool.hpp"
#include "analyzer/timeline.hpp"

namespace strait::analyzer {

// How much less the probes of a span tell of a percentile than as many independent ones would.
// Queues make neighbours alike, so the windows scatter more than chance lets them: windows are
// taken as the clusters of a sample (Woodruff 1952; Kish 1965, section 5.4), and the variance of
// the share of probes at or below the percentile is that between windows. It holds for whatever
// happens inside a window; that neighbouring windows are alike it does not see.
struct DesignEffect {
  double effect = 1;  // variance over that of independent probes; below 1 only by chance
  // What `effect` must be multiplied by because it was itself estimated, from few windows: the
  // square of Student's t over the normal deviate.
  double penalty = 1;
  bool estimated = false;     // else both are 1: too few windows, or nothing that could scatter
  std::uint64_t windows = 0;  // slots that had probes; below least_windows nothing is estimated

  // Of `probes`, how many independent ones they are worth.
  [[nodiscard]] std::uint64_t worth(std::uint64_t probes) const;
};

// Fewer slots of time than this do not show how alike they are.
inline constexpr std::uint64_t least_windows = 4;

// Of each percentile of `all` (made from `pool`, the merged windows of `entries`), in that order.
[[nodiscard]] std::vector<DesignEffect> design_effects(std::span<const Lane::Entry> entries,
                                                       std::span<const Stream> pool,
                                                       std::span<const Percentile> all,
                                                       double confidence);

// Of the loss, likewise, and how it came.
struct LossPattern {
  DesignEffect effect;
  std::uint64_t windows_with_loss = 0;  // slots
  std::uint64_t most_in_window = 0;     // lost probes of the worst slot
};
[[nodiscard]] LossPattern loss_pattern(std::span<const Lane::Entry> entries,
                                       std::span<const Stream> pool, double confidence);

}  // namespace strait::analyzer
