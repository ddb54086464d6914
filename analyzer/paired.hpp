// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "analyzer/slot_pools.hpp"
#include "analyzer/timeline.hpp"
#include "core/duration.hpp"

namespace strait::analyzer {

// Two paths compared on one percentile: `a` minus `b`, measured in the same slots of time over the
// same targets. A bound that would be infinite (lost probes) is nothing.
struct Comparison {
  enum class Method : std::uint8_t { none, across_windows, within_window };
  Method method = Method::none;
  std::optional<Nanos> difference = std::nullopt;
  std::optional<Nanos> low = std::nullopt;
  std::optional<Nanos> high = std::nullopt;
  bool a_is_lost = false;  // a's percentile is infinite in most pairs (its bound is no number)
  std::uint64_t pairs = 0;
  std::string reason;               // "9 pairs of windows", or why there is no comparison
  std::vector<double> differences;  // of those pairs, ns, ascending
};

// If `a` really were not above `b` by `wanted`: the chance of as many pairs that are, or more (sign
// test), or of bounds that far apart in `streak` windows running. 1 without a comparison.
[[nodiscard]] double chance_of(const Comparison& comparison, Nanos wanted, double confidence,
                               unsigned streak);

struct PairedOptions {
  Objective objective;
  double confidence = 0.95;
  unsigned windows = 9;  // newest slots to look at
};

// With enough pairs (6 at 95 %), the interval of the median of the differences by order statistics:
// windows, not probes, are the units, so what happens inside a window may be as correlated as it
// likes. With fewer, the newest pair alone, each side's interval at (1 + confidence) / 2 so that
// both hold together (Bonferroni); this says nothing about the next window, so repeat it. Otherwise
// none, with the reason. A window counts when it has 1 / (1 - q) probes, below which the percentile
// would only be its maximum.
[[nodiscard]] Comparison compare(const Timeline& timeline, std::string_view traffic_class,
                                 std::string_view a, std::string_view b, Slot newest,
                                 const PairedOptions& options);
// The same from pools that are kept from one comparison to the next; their objective must be that
// of the options.
[[nodiscard]] Comparison compare(SlotPools& pools, std::string_view a, std::string_view b,
                                 Slot newest, const PairedOptions& options);

// The median of the differences (in ns, maybe infinite) and its interval; low and high are nothing
// with too few.
struct MedianInterval {
  double median = 0;
  std::optional<double> low = std::nullopt;
  std::optional<double> high = std::nullopt;
};
[[nodiscard]] std::optional<MedianInterval> median_interval(std::span<const double> differences,
                                                            double confidence);

}  // namespace strait::analyzer
