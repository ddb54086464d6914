// SPDX-License-Identifier: Apache-2.0
#include "analyzer/pool.hpp"

#include <algorithm>
#include <cmath>

#include "analyzer/quantile_interval.hpp"

namespace strait::analyzer {
namespace {

constexpr double rounding = 1e-9;  // of summed shares; far below one probe's

double total_weight(std::span<const Stream> pool) {
  double total = 0;
  for (const Stream& stream : pool) {
    if (stream.probes() > 0) total += stream.weight;
  }
  return total;
}

Nanos middle_of(Nanos lower, Nanos upper) {
  return Nanos{std::llround(
      std::sqrt(static_cast<double>(lower.count()) * static_cast<double>(upper.count())))};
}

// Calls `visit(lower, middle, upper, count)` for each bucket, with bounds no wider than [min, max].
template <class Visit>
void each_bucket(const Sketch& sketch, Visit visit) {
  const auto least = sketch.min();
  const auto most = sketch.max();
  if (!least || !most) return;
  const auto within = [min = *least, max = *most](Nanos delay) {
    return std::clamp(delay, min, max);
  };
  if (const auto zeros = sketch.zero_count(); zeros > 0) {
    visit(*least, within(Nanos{0}), within(Nanos{0}), zeros);
  }
  for (const auto& [key, count] : sketch.buckets()) {
    const Nanos lower = Sketch::upper_bound(key - 1, sketch.schema());
    const Nanos upper = Sketch::upper_bound(key, sketch.schema());
    visit(within(lower), within(middle_of(lower, upper)), within(upper), count);
  }
}

Nanos pick(Curve::Edge edge, Nanos lower, Nanos middle, Nanos upper) {
  if (edge == Curve::Edge::lower) return lower;
  return edge == Curve::Edge::middle ? middle : upper;
}

// Sorts by delay and turns each step's own share into the share up to it.
template <class Steps>
void accumulate(Steps& steps) {
  std::ranges::sort(steps, {}, [](const auto& step) { return step.delay; });
  double sum = 0;
  for (auto& step : steps) step.share = sum += step.share;
}

template <class Steps>
auto first_reaching(const Steps& steps, double share) {
  return std::ranges::lower_bound(steps, share - rounding, {},
                                  [](const auto& step) { return step.share; });
}

}  // namespace

bool too_uncertain(std::uint64_t kept_apart, std::uint64_t answered) {
  return kept_apart > answered / 2;
}

bool too_uncertain(std::span<const Stream> pool) {
  std::uint64_t kept_apart = 0;
  std::uint64_t answered = 0;
  for (const Stream& stream : pool) {
    kept_apart += stream.kept_apart;
    answered += stream.answered();
  }
  return too_uncertain(kept_apart, answered);
}

std::uint64_t effective_probes(std::span<const Stream> pool) {
  double squares = 0;
  for (const Stream& stream : pool) {
    if (stream.probes() <= 0) continue;
    squares += stream.weight * stream.weight / stream.probes();
  }
  if (squares <= 0) return 0;
  const double weight = total_weight(pool);
  return static_cast<std::uint64_t>(std::floor((weight * weight / squares) + 1e-6));
}

Curve::Curve(std::span<const Stream> pool, Edge edge) : edge_{edge} {
  const auto has_probes = [](const Stream& stream) { return stream.probes() > 0; };
  const auto streams = std::ranges::count_if(pool, has_probes);
  empty_ = streams == 0;
  if (streams == 1) {
    const Stream& stream = *std::ranges::find_if(pool, has_probes);
    single_ = Single{.rtt = &stream.rtt,
                     .min = stream.rtt.min().value_or(Nanos{0}),
                     .max = stream.rtt.max().value_or(Nanos{0}),
                     .share = 1 / stream.probes()};
    return;
  }
  const double weight = total_weight(pool);
  for (const Stream& stream : pool) {
    if (stream.probes() <= 0) continue;
    const double share = stream.weight / weight / stream.probes();
    each_bucket(stream.rtt, [&](Nanos lower, Nanos middle, Nanos upper, std::uint64_t count) {
      steps_.push_back({pick(edge, lower, middle, upper), share * static_cast<double>(count)});
    });
  }
  accumulate(steps_);
}

Nanos Curve::Single::delay_of(std::int32_t key, Edge edge) const {
  const Nanos lower = Sketch::upper_bound(key - 1, rtt->schema());
  const Nanos upper = Sketch::upper_bound(key, rtt->schema());
  return std::clamp(pick(edge, lower, middle_of(lower, upper), upper), min, max);
}

Nanos Curve::Single::at(double wanted, Edge edge) const {
  const double place = std::max(std::ceil((wanted - rounding) / share), 1.0);
  if (place > static_cast<double>(rtt->count())) return infinite_delay;
  const auto rank = static_cast<std::uint64_t>(place);
  if (rank <= rtt->zero_count()) return edge == Edge::lower ? min : std::clamp(Nanos{0}, min, max);
  const auto value = rtt->at_rank(rank);
  return value ? delay_of(Sketch::key_of(*value, rtt->schema()), edge) : infinite_delay;
}

std::optional<Nanos> Curve::at(double share) const {
  if (empty_) return std::nullopt;
  if (single_) return single_->at(share, edge_);
  const auto step = first_reaching(steps_, share);
  return step == steps_.end() ? infinite_delay : step->delay;  // RFC 2681 section 4.1
}

std::vector<Percentile> point_percentiles(std::span<const Stream> pool,
                                          std::span<const double> quantiles) {
  const std::uint64_t n = effective_probes(pool);
  if (n == 0) return {};
  const Curve middle{pool, Curve::Edge::middle};
  double probes = 0;
  for (const Stream& stream : pool) probes += stream.probes();
  std::vector<Percentile> all;
  for (const double q : quantiles) {
    Percentile percentile;
    percentile.q = q;
    percentile.value = middle.at(q).value_or(infinite_delay);
    percentile.probes = static_cast<std::uint64_t>(probes + rounding);
    percentile.worth = n;
    all.push_back(percentile);
  }
  return all;
}

void set_intervals(std::span<Percentile> all, std::span<const Stream> pool, double confidence) {
  const Curve lower{pool, Curve::Edge::lower};
  const Curve upper{pool, Curve::Edge::upper};
  for (Percentile& percentile : all) {
    const auto share = [n = static_cast<double>(percentile.worth)](std::uint64_t rank) {
      return static_cast<double>(rank) / n;
    };
    const RankInterval ranks = quantile_ranks(percentile.worth, percentile.q, confidence);
    if (ranks.low) percentile.low = lower.at(share(*ranks.low));
    if (ranks.high) percentile.high = upper.at(share(*ranks.high));
  }
}

std::vector<Percentile> percentiles(std::span<const Stream> pool, std::span<const double> quantiles,
                                    double confidence) {
  std::vector<Percentile> all = point_percentiles(pool, quantiles);
  set_intervals(all, pool, confidence);
  return all;
}

std::optional<Nanos> delay_variation(std::span<const Stream> pool, double q) {
  struct Step {
    Nanos delay;
    double share;
  };
  std::vector<Step> steps;
  std::uint64_t answered = 0;
  double weight = 0;
  for (const Stream& stream : pool) {
    const auto min = stream.rtt.min();
    if (!min) continue;
    answered += stream.rtt.count();
    weight += stream.weight;
    const double share = stream.weight / static_cast<double>(stream.rtt.count());
    each_bucket(stream.rtt, [&, least = *min](Nanos, Nanos middle, Nanos, std::uint64_t count) {
      steps.push_back({middle - least, share * static_cast<double>(count)});
    });
  }
  if (static_cast<double>(answered) < 1 / (1 - q) - rounding) return std::nullopt;
  for (Step& step : steps) step.share /= weight;
  accumulate(steps);
  const auto step = first_reaching(steps, q);
  return step == steps.end() ? steps.back().delay : step->delay;
}

std::optional<PacketVariation> packet_variation(std::span<const Stream> pool) {
  PacketVariation variation;
  for (const Stream& stream : pool) variation.pairs += stream.rtt.count();
  if (variation.pairs == 0) return std::nullopt;
  const Curve curve{pool, Curve::Edge::middle};
  const auto at = [&](double q) {
    const bool enough = static_cast<double>(variation.pairs) >= 1 / (1 - q) - rounding;
    return enough ? curve.at(q) : std::nullopt;
  };
  variation.p50 = at(0.5);
  variation.p95 = at(0.95);
  variation.p99 = at(0.99);
  return variation;
}

}  // namespace strait::analyzer
