// SPDX-License-Identifier: Apache-2.0
#include "analyzer/paired.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "analyzer/pool.hpp"
#include "analyzer/quantile_interval.hpp"
#include "analyzer/words.hpp"

namespace strait::analyzer {
namespace {

using Pair = std::array<Pool, 2>;

// Keeps the streams that both sides sent in this slot.
void keep_common(Pair& pair) {
  const auto in = [](const Pool& pool, const Stream& wanted) {
    return std::ranges::any_of(
        pool, [&](const Stream& stream) { return stream.probes() > 0 && stream.same_as(wanted); });
  };
  const Pool first = pair[0];
  std::erase_if(pair[0], [&](const Stream& stream) { return !in(pair[1], stream); });
  std::erase_if(pair[1], [&](const Stream& stream) { return !in(first, stream); });
  drop_silent(pair);
}

Pair pair_of(const Lane& a, const Lane& b, Slot slot) {
  Pair pair{a.pool({slot, slot}), b.pool({slot, slot})};
  keep_common(pair);
  return pair;
}

bool enough(const Pair& pair, double q) {
  const double least = 1 / (1 - q);
  return std::ranges::all_of(pair, [&](const Pool& pool) {
    return !too_uncertain(pool) && static_cast<double>(effective_probes(pool)) >= least - 1e-6;
  });
}

double number(std::optional<Nanos> delay) {
  if (!delay || *delay == infinite_delay) return std::numeric_limits<double>::infinity();
  return static_cast<double>(delay->count());
}

std::optional<Nanos> finite(double ns) {
  if (!std::isfinite(ns)) return std::nullopt;
  return Nanos{std::llround(ns)};
}

double percentile_of(const Pool& pool, double q) {
  return number(Curve{pool, Curve::Edge::middle}.at(q));
}

// Nothing where the pairs are too few to bound their median on both sides.
std::optional<Comparison> across(std::span<const double> differences,
                                 const PairedOptions& options) {
  const auto median = median_interval(differences, options.confidence);
  if (!median || !median->low || !median->high) return std::nullopt;
  return Comparison{.method = Comparison::Method::across_windows,
                    .difference = finite(median->median),
                    .low = finite(*median->low),
                    .high = finite(*median->high),
                    .a_is_lost = *median->low == std::numeric_limits<double>::infinity(),
                    .pairs = differences.size(),
                    .reason = fmt::format("{} pairs of windows", differences.size())};
}

Comparison within(const Pair& newest, std::uint64_t pairs, const PairedOptions& options) {
  const double each = (1 + options.confidence) / 2;
  const std::uint64_t needed = probes_needed(options.q, each);
  const std::uint64_t least = std::min(effective_probes(newest[0]), effective_probes(newest[1]));
  if (least < needed) {
    return {.pairs = pairs,
            .reason = fmt::format("{} pairs of windows, {} are needed; {} probes in the newest, {} "
                                  "are needed to compare {} inside it",
                                  pairs, probes_needed(0.5, options.confidence), least, needed,
                                  quantile_name(options.q))};
  }
  const std::array quantile{options.q};
  const Percentile a = percentiles(newest[0], quantile, each).front();
  const Percentile b = percentiles(newest[1], quantile, each).front();
  return {.method = Comparison::Method::within_window,
          .difference = finite(number(a.value) - number(b.value)),
          .low = finite(number(a.low) - number(b.high)),
          .high = finite(number(a.high) - number(b.low)),
          .a_is_lost = std::isinf(number(a.low)) && std::isfinite(number(b.high)),
          .pairs = pairs,
          .reason = fmt::format("one pair of windows, {} probes or more", least)};
}

}  // namespace

std::optional<MedianInterval> median_interval(std::span<const double> differences,
                                              double confidence) {
  if (differences.empty()) return std::nullopt;
  std::vector<double> sorted(differences.begin(), differences.end());
  std::ranges::sort(sorted);
  const std::size_t n = sorted.size();
  const double middle = sorted[n / 2];
  const double before = sorted[(n - 1) / 2];
  const RankInterval ranks = quantile_ranks(n, 0.5, confidence);
  MedianInterval interval{.median = before == middle ? middle : (before + middle) / 2};
  if (ranks.low) interval.low = sorted[*ranks.low - 1];
  if (ranks.high) interval.high = sorted[*ranks.high - 1];
  return interval;
}

Comparison compare(const Timeline& timeline, std::string_view traffic_class, std::string_view a,
                   std::string_view b, Slot newest, const PairedOptions& options) {
  const Lane& lane_a = timeline.lane(traffic_class, a);
  const Lane& lane_b = timeline.lane(traffic_class, b);
  const Pair now = pair_of(lane_a, lane_b, newest);
  if (now[0].empty() || now[1].empty()) {
    return {.reason = "no common target answered in the newest window"};
  }
  if (std::ranges::any_of(now, [](const Pool& pool) { return too_uncertain(pool); })) {
    return {.reason = "timestamps too uncertain: most replies of the newest window are kept apart"};
  }
  if (!enough(now, options.q)) {
    return {.reason = fmt::format("the newest window has fewer than {:.0f} probes per path",
                                  std::ceil(1 / (1 - options.q) - 1e-6))};
  }
  std::vector<double> differences;
  for (Slot slot = newest - options.windows + 1; slot <= newest; ++slot) {
    const Pair pair = slot == newest ? now : pair_of(lane_a, lane_b, slot);
    if (!enough(pair, options.q)) continue;
    const double difference = percentile_of(pair[0], options.q) - percentile_of(pair[1], options.q);
    if (!std::isnan(difference)) differences.push_back(difference);  // infinite on both sides
  }
  if (auto settled = across(differences, options)) return *std::move(settled);
  return within(now, differences.size(), options);
}

}  // namespace strait::analyzer
