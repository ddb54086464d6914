// SPDX-License-Identifier: Apache-2.0
#include "analyzer/paired.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "analyzer/pool.hpp"
#include "analyzer/quantile_interval.hpp"
#include "analyzer/words.hpp"

namespace strait::analyzer {
namespace {

// What both sides measured in one slot of the streams that both sent: borrowed where they sent the
// same ones, else cut down to those.
struct Pair {
  const SlotPool* a = nullptr;
  const SlotPool* b = nullptr;
  std::unique_ptr<std::array<SlotPool, 2>> own = nullptr;

  [[nodiscard]] bool empty() const { return a->empty() || b->empty(); }
  [[nodiscard]] bool uncertain() const { return a->uncertain() || b->uncertain(); }
  [[nodiscard]] std::uint64_t worth() const { return std::min(a->worth(), b->worth()); }
};

// Whether there is nothing to cut down: the same streams, each with probes and with an answer.
bool alike(const Pool& one, const Pool& other) {
  return std::ranges::equal(one, other, [](const Stream& a, const Stream& b) {
    return a.same_as(b) && a.probes() > 0 && b.probes() > 0 && a.answered() + b.answered() > 0;
  });
}

std::array<Pool, 2> common(const Pool& one, const Pool& other) {
  std::array<Pool, 2> both;
  for (const Stream& a : one) {
    const auto b = std::ranges::find_if(other, [&](const Stream& each) { return each.same_as(a); });
    if (b == other.end() || a.probes() <= 0 || b->probes() <= 0) continue;
    both[0].push_back(a);
    both[1].push_back(*b);
  }
  drop_silent(both);
  return both;
}

Pair pair_of(SlotPools::Row& a, SlotPools::Row& b, const Objective& objective, Slot slot) {
  Pair pair{.a = &a.at(slot), .b = &b.at(slot)};
  if (alike(pair.a->pool(), pair.b->pool())) return pair;
  auto [of_a, of_b] = common(pair.a->pool(), pair.b->pool());
  pair.own = std::make_unique<std::array<SlotPool, 2>>();
  *pair.own =
      std::array{SlotPool{std::move(of_a), objective}, SlotPool{std::move(of_b), objective}};
  pair.a = pair.own->data();
  pair.b = pair.own->data() + 1;
  return pair;
}

bool enough(const Pair& pair, double q) {
  return !pair.uncertain() && static_cast<double>(pair.worth()) >= 1 / (1 - q) - 1e-6;
}

double number(std::optional<Nanos> delay) {
  if (!delay || *delay == infinite_delay) return std::numeric_limits<double>::infinity();
  return static_cast<double>(delay->count());
}

std::optional<Nanos> finite(double ns) {
  if (!std::isfinite(ns)) return std::nullopt;
  return Nanos{std::llround(ns)};
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
                    .reason = fmt::format(FMT_COMPILE("{} pairs of windows"), differences.size()),
                    .differences = {differences.begin(), differences.end()}};
}

Comparison within(const Pair& newest, std::uint64_t pairs, const PairedOptions& options) {
  const double each = (1 + options.confidence) / 2;
  const double q = options.objective.q;
  const std::uint64_t needed = probes_needed(q, each);
  const std::uint64_t least = newest.worth();
  if (options.objective.aim != Aim::delay) {
    return {.pairs = pairs,
            .reason = fmt::format("{} pairs of windows, {} are needed", pairs,
                                  probes_needed(0.5, options.confidence)),
            .differences = {}};
  }
  if (least < needed) {
    return {.pairs = pairs,
            .reason = fmt::format("{} pairs of windows, {} are needed; {} probes in the newest, {} "
                                  "are needed to compare {} inside it",
                                  pairs, probes_needed(0.5, options.confidence), least, needed,
                                  quantile_name(q)),
            .differences = {}};
  }
  const std::array quantile{q};
  const Percentile a = percentiles(newest.a->pool(), quantile, each).front();
  const Percentile b = percentiles(newest.b->pool(), quantile, each).front();
  return {.method = Comparison::Method::within_window,
          .difference = finite(number(a.value) - number(b.value)),
          .low = finite(number(a.low) - number(b.high)),
          .high = finite(number(a.high) - number(b.low)),
          .a_is_lost = std::isinf(number(a.low)) && std::isfinite(number(b.high)),
          .pairs = pairs,
          .reason = fmt::format("one pair of windows, {} probes or more", least),
          .differences = {}};
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

double chance_of(const Comparison& comparison, Nanos wanted, double confidence, unsigned streak) {
  if (comparison.method == Comparison::Method::none) return 1;
  if (comparison.method == Comparison::Method::within_window) {
    return std::pow((1 - confidence) / 2, std::max(streak, 1U));
  }
  const auto& all = comparison.differences;
  const auto above = std::ranges::upper_bound(all, static_cast<double>(wanted.count()));
  const auto more = static_cast<std::uint64_t>(all.end() - above);
  return binomial_at_least(more, all.size(), 0.5);
}

Comparison compare(SlotPools& pools, std::string_view a, std::string_view b, Slot newest,
                   const PairedOptions& options) {
  SlotPools::Row& of_a = pools.row(a);
  SlotPools::Row& of_b = pools.row(b);
  const Pair now = pair_of(of_a, of_b, pools.objective(), newest);
  if (now.empty()) {
    return {.reason = "no common target answered in the newest window", .differences = {}};
  }
  if (now.uncertain()) {
    return {.reason = "timestamps too uncertain: most replies of the newest window are kept apart",
            .differences = {}};
  }
  if (!enough(now, options.objective.q)) {
    return {.reason = fmt::format("the newest window has fewer than {:.0f} probes per path",
                                  std::ceil(1 / (1 - options.objective.q) - 1e-6)),
            .differences = {}};
  }
  std::vector<double> differences;
  differences.reserve(options.windows);
  for (Slot slot = newest - options.windows + 1; slot <= newest; ++slot) {
    const Pair pair = pair_of(of_a, of_b, pools.objective(), slot);
    if (!enough(pair, options.objective.q)) continue;
    const double difference = pair.a->value() - pair.b->value();
    if (!std::isnan(difference)) differences.push_back(difference);  // infinite on both sides
  }
  if (auto settled = across(differences, options)) {
    std::ranges::sort(settled->differences);
    return *std::move(settled);
  }
  return within(now, differences.size(), options);
}

Comparison compare(const Timeline& timeline, std::string_view traffic_class, std::string_view a,
                   std::string_view b, Slot newest, const PairedOptions& options) {
  SlotPools pools{timeline, timeline.group_of(traffic_class), options.objective};
  return compare(pools, a, b, newest, options);
}

}  // namespace strait::analyzer
