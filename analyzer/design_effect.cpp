// SPDX-License-Identifier: Apache-2.0
#include "analyzer/design_effect.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/erf.hpp>
#include <cmath>
#include <numbers>

#include "analyzer/quiet_math.hpp"

namespace strait::analyzer {
namespace {

// Square of Student's t over the normal deviate. Remembers the last one: the percentiles of a span
// and those of the next have the same windows, and the inverse costs more than all the rest.
double penalty(double degrees, double confidence) {
  struct Known {
    double degrees = 0;
    double confidence = 0;
    double penalty = 1;
  };
  thread_local Known known;
  if (known.degrees == degrees && known.confidence == confidence) return known.penalty;
  const boost::math::students_t_distribution<double, Quiet> student{degrees};
  const double t = boost::math::quantile(student, (1 + confidence) / 2);
  const double z = std::numbers::sqrt2 * boost::math::erf_inv(confidence);
  known = {.degrees = degrees, .confidence = confidence, .penalty = t * t / (z * z)};
  return known.penalty;
}

// What a window has of its stream: probes, and those of them that are hits.
struct Share {
  std::size_t stream = 0;
  double probes = 0;
  double hits = 0;
};

// The variance of a weighted share of hits, between the slots that the probes came in. The share of
// a stream is a ratio (its probes are no constant), so a slot's part is what it has too many.
class Clusters {
 public:
  explicit Clusters(std::span<const Stream> pool) : totals_(pool.size()), weights_(pool.size()) {
    double sum = 0;
    for (const Stream& stream : pool) sum += stream.probes() > 0 ? stream.weight : 0;
    for (std::size_t i = 0; i < pool.size(); ++i) weights_[i] = pool[i].weight / sum;
  }
  void reserve(std::size_t shares) { shares_.reserve(shares); }
  void add(Slot slot, const Share& share) {
    if (share.probes <= 0) return;
    totals_[share.stream].probes += share.probes;
    totals_[share.stream].hits += share.hits;
    shares_.emplace_back(slot, share);
  }

  [[nodiscard]] DesignEffect effect(double confidence) const {
    DesignEffect found;
    double squares = 0;
    for (std::size_t i = 0; i < shares_.size();) {
      const Slot slot = shares_[i].first;
      double excess = 0;
      for (; i < shares_.size() && shares_[i].first == slot; ++i) excess += part(shares_[i].second);
      squares += excess * excess;
      ++found.windows;
    }
    const double independent = variance_of_independent();
    if (found.windows < least_windows || independent <= 0) return found;
    const auto n = static_cast<double>(found.windows);
    found.estimated = true;
    found.effect = squares * n / (n - 1) / independent;
    found.penalty = penalty(n - 1, confidence);
    return found;
  }

 private:
  [[nodiscard]] double part(const Share& share) const {
    const Share& total = totals_[share.stream];
    return weights_[share.stream] * (share.hits - share.probes * total.hits / total.probes) /
           total.probes;
  }
  [[nodiscard]] double variance_of_independent() const {
    double sum = 0;
    for (std::size_t i = 0; i < totals_.size(); ++i) {
      const Share& total = totals_[i];
      if (total.probes <= 0) continue;
      const double share = total.hits / total.probes;
      sum += weights_[i] * weights_[i] * share * (1 - share) / total.probes;
    }
    return sum;
  }
  std::vector<Share> totals_;                   // by stream
  std::vector<double> weights_;                 // by stream, sum 1
  std::vector<std::pair<Slot, Share>> shares_;  // in order of slot
};

std::optional<std::size_t> stream_of(std::span<const Stream> pool, const Lane::Entry& entry) {
  const SessionKey& session = entry.window->session;
  for (std::size_t i = 0; i < pool.size(); ++i) {
    if (pool[i].target == entry.target && pool[i].protocol == session.protocol &&
        pool[i].dscp == session.dscp) {
      return i;
    }
  }
  return std::nullopt;  // of a target that was left out
}

// A sketch only knows how many are at or below the ends of its buckets.
enum class Edge : std::uint8_t { above, below };

Nanos end_of_bucket(Nanos value, Edge edge) {
  if (value <= Nanos{0}) return value;
  const std::int32_t key = Sketch::key_of(value, Sketch::default_schema);
  return Sketch::upper_bound(edge == Edge::above ? key : key - 1, Sketch::default_schema);
}

double probes_of(const Window& window) {
  return static_cast<double>(window.rtt.count() + window.counts.lost);
}

// A window of one of the streams.
struct Part {
  Slot slot;
  std::size_t stream;
  const Window* window;
};

std::vector<Part> parts_of(std::span<const Lane::Entry> entries, std::span<const Stream> pool) {
  std::vector<Part> parts;
  parts.reserve(entries.size());
  for (const Lane::Entry& entry : entries) {
    if (const auto stream = stream_of(pool, entry)) {
      parts.push_back({.slot = entry.slot, .stream = *stream, .window = entry.window});
    }
  }
  return parts;
}

// `values`: the percentiles, each at an end of its bucket, in ascending order.
std::vector<DesignEffect> effects_at(std::span<const Part> parts, std::span<const Stream> pool,
                                     std::span<const Nanos> values, double confidence) {
  std::vector<Clusters> clusters(values.size(), Clusters{pool});
  for (Clusters& each : clusters) each.reserve(parts.size());
  for (const auto& [slot, stream, window] : parts) {
    const double probes = probes_of(*window);
    const auto counts = window->rtt.counts_at_or_below(values);
    for (std::size_t i = 0; i < clusters.size(); ++i) {
      clusters[i].add(slot,
                      {.stream = stream, .probes = probes, .hits = static_cast<double>(counts[i])});
    }
  }
  std::vector<DesignEffect> effects;
  effects.reserve(values.size());
  for (const Clusters& each : clusters) effects.push_back(each.effect(confidence));
  return effects;
}

}  // namespace

std::uint64_t DesignEffect::worth(std::uint64_t probes) const {
  const auto whole = static_cast<double>(probes);
  return static_cast<std::uint64_t>(std::floor(whole / std::max(effect * penalty, 1.0) + 1e-6));
}

std::vector<DesignEffect> design_effects(std::span<const Lane::Entry> entries,
                                         std::span<const Stream> pool,
                                         std::span<const Percentile> all, double confidence) {
  const std::vector<Part> parts = parts_of(entries, pool);
  std::vector<Nanos> values;
  values.reserve(all.size());
  for (const Percentile& each : all) values.push_back(end_of_bucket(each.value, Edge::above));
  std::vector<DesignEffect> effects = effects_at(parts, pool, values, confidence);
  // With everything at or below a bucket's upper end there is nothing that could scatter.
  values.clear();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!effects[i].estimated) values.push_back(end_of_bucket(all[i].value, Edge::below));
  }
  if (values.empty()) return effects;
  const auto others = effects_at(parts, pool, values, confidence);
  auto other = others.begin();
  for (DesignEffect& effect : effects) {
    if (!effect.estimated) effect = *other++;
  }
  return effects;
}

LossPattern loss_pattern(std::span<const Lane::Entry> entries, std::span<const Stream> pool,
                         double confidence) {
  LossPattern pattern;
  Clusters clusters{pool};
  std::optional<Slot> slot;
  std::uint64_t lost = 0;
  for (const Lane::Entry& entry : entries) {
    const auto stream = stream_of(pool, entry);
    if (!stream) continue;
    const Window& window = *entry.window;
    const std::uint64_t here = window.counts.lost;
    lost = slot == entry.slot ? lost + here : here;
    slot = entry.slot;
    if (here > 0 && lost == here) ++pattern.windows_with_loss;
    pattern.most_in_window = std::max(pattern.most_in_window, lost);
    clusters.add(entry.slot,
                 {.stream = *stream,
                  .probes = probes_of(window) + static_cast<double>(window.uncertain.count()),
                  .hits = static_cast<double>(here)});
  }
  pattern.effect = clusters.effect(confidence);
  return pattern;
}

}  // namespace strait::analyzer
