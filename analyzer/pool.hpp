// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "analyzer/evidence.hpp"
#include "analyzer/target.hpp"
#include "core/sketch.hpp"

namespace strait::analyzer {

// The probes of one stream (target, protocol, DSCP) over one path, merged over some windows.
struct Stream {
  const Target* target = nullptr;
  Protocol protocol = Protocol::icmp;
  std::uint8_t dscp = 0;
  double weight = 1;  // of the whole stream, however many probes it has
  Sketch rtt;
  std::uint64_t lost = 0;
  std::uint64_t kept_apart = 0;  // replies whose timestamps are too uncertain for `rtt`

  [[nodiscard]] std::uint64_t answered() const { return rtt.count() + kept_apart; }
  [[nodiscard]] std::uint64_t decided() const { return answered() + lost; }
  // What the percentiles rest on. Replies that are kept apart are neither samples nor lost, so the
  // samples stand for all replies: lost probes count by the share of the replies that are samples,
  // and the share of the lost among the probes stays what it is.
  [[nodiscard]] double probes() const {
    const auto samples = static_cast<double>(rtt.count());
    const auto losses = static_cast<double>(lost);
    if (kept_apart == 0) return samples + losses;
    return samples + losses * (samples / static_cast<double>(answered()));
  }
  [[nodiscard]] bool same_as(const Stream& other) const {
    return target == other.target && protocol == other.protocol && dscp == other.dscp;
  }
};

using Pool = std::vector<Stream>;

// More than half of the replies are kept apart: the others need not be like them.
[[nodiscard]] bool too_uncertain(std::uint64_t kept_apart, std::uint64_t answered);
[[nodiscard]] bool too_uncertain(std::span<const Stream> pool);

// The number of equally weighted probes that would tell as much (Kish): (sum w)^2 / sum(w^2 / n).
// Equal to the number of probes when all streams have equal weights and counts.
[[nodiscard]] std::uint64_t effective_probes(std::span<const Stream> pool);

// A cumulative distribution over all probes of a pool, each stream with its weight, lost probes at
// +infinity. A sketch knows a delay only to its bucket, so there are three curves: one through the
// lower bounds, one through the middles, one through the upper bounds. Borrows the pool.
class Curve {
 public:
  enum class Edge : std::uint8_t { lower, middle, upper };
  Curve(std::span<const Stream> pool, Edge edge);

  // The smallest delay with at least `share` (0 to 1) of the probes at or below it; infinite_delay
  // when that share reaches into the lost ones. Nothing for a pool without probes.
  [[nodiscard]] std::optional<Nanos> at(double share) const;

 private:
  struct Step {
    Nanos delay;
    double share;  // of the probe mass up to here, 0 to 1
  };
  // Of one stream alone, as nearly always: its buckets are in order already, and only the one that
  // is asked for is looked up. Borrows the sketch.
  struct Single {
    const Sketch* rtt = nullptr;
    Nanos min{};
    Nanos max{};
    double share = 0;  // of one probe
    [[nodiscard]] Nanos delay_of(std::int32_t key, Edge edge) const;
    [[nodiscard]] Nanos at(double wanted, Edge edge) const;
  };
  Edge edge_;
  std::optional<Single> single_;
  std::vector<Step> steps_;
  bool empty_ = true;
};

// Percentiles of a pool without their intervals, in the order of `quantiles`; none without probes.
[[nodiscard]] std::vector<Percentile> point_percentiles(std::span<const Stream> pool,
                                                        std::span<const double> quantiles);

// Sets their intervals: of each, `worth` independent probes.
void set_intervals(std::span<Percentile> all, std::span<const Stream> pool, double confidence);

// Both, every probe taken for independent.
[[nodiscard]] std::vector<Percentile> percentiles(std::span<const Stream> pool,
                                                  std::span<const double> quantiles,
                                                  double confidence);

// RFC 5481 section 4.2: a percentile of D(i) - D(min) over the answered probes, each stream with
// its own minimum. Nothing below 1 / (1 - q) answered probes, where it would be the maximum.
[[nodiscard]] std::optional<Nanos> delay_variation(std::span<const Stream> pool, double q = 0.99);

// Percentiles over the pairs of streams whose `rtt` holds Window::ipdv, each stream with its
// weight. Nothing without a pair.
[[nodiscard]] std::optional<PacketVariation> packet_variation(std::span<const Stream> pool);

}  // namespace strait::analyzer
