// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/members.hpp"
#include "core/clock.hpp"
#include "core/window.hpp"

namespace strait::analyzer {

// The delay of a probe that was lost. A percentile whose rank falls among the lost has this value.
inline constexpr Nanos infinite_delay = Nanos::max();

// A percentile of the delay of all probes, a lost one counting as +infinity (RFC 2681 section 4.1),
// with its distribution-free confidence interval (binomial order statistics), widened to the bounds
// of the sketch's buckets. `low` or `high` is nothing where the probes are too few to bound it on
// that side; `high` is infinite_delay where the lost probes reach it.
struct Percentile {
  double q = 0.5;  // 0.95 for p95
  Nanos value{};
  std::optional<Nanos> low;
  std::optional<Nanos> high;
  std::uint64_t probes = 0;  // that it rests on: samples, and the lost that go with them
  std::uint64_t worth = 0;   // as many independent ones, which the interval is made for

  [[nodiscard]] bool adequate() const { return low.has_value() && high.has_value(); }
  [[nodiscard]] bool infinite() const { return value == infinite_delay; }
};

// A proportion with its Wilson score interval, which is that of `worth` independent trials.
struct Proportion {
  double value = 0;
  double low = 0;
  double high = 1;
  std::uint64_t hits = 0;
  std::uint64_t trials = 0;
  std::uint64_t worth = 0;
};

// The flows of one session over the span of the evidence.
struct StreamFlows {
  std::string target;
  Protocol protocol = Protocol::icmp;
  std::uint8_t dscp = 0;
  FlowMembers by_flow;
};

// The one-way delays of one stream over the span of the evidence, where both clocks allowed them
// (RFC 7679). What the clocks may be off by is in both, with opposite signs.
struct OneWayDelays {
  std::string target;
  Protocol protocol = Protocol::stamp;
  std::uint8_t dscp = 0;
  std::uint64_t samples = 0;
  Nanos forward{};  // median
  Nanos reverse{};
  Nanos error{};  // the largest of any sample: both clocks, added up

  [[nodiscard]] Nanos asymmetry() const { return forward - reverse; }
  // Half of the asymmetry is each way's share of it, so it may be off by twice the clocks' error.
  [[nodiscard]] Nanos asymmetry_error() const { return 2 * error; }
};

// How much the round trips of each two probes differ that were sent one after the other, whichever
// is longer (RFC 3393, RFC 5481 section 4.1). A lost probe is in no pair.
struct PacketVariation {
  std::uint64_t pairs = 0;
  // Each nothing below 1 / (1 - q) pairs, where it would be the greatest.
  std::optional<Nanos> p50;
  std::optional<Nanos> p95;
  std::optional<Nanos> p99;
};

// A least round trip beside what light in fibre needs along the great circle from the site to the
// target.
struct GreatCircle {
  std::string target;    // the one that comes nearest to its own
  Nanos round_trip{};    // there and back along it
  double stretch = 0;    // the least round trip over that
  double detour_km = 0;  // fibre, one way, that would make the difference: at most so far round
};

enum class Adequacy : std::uint8_t { adequate, insufficient };

// What is known of one path for one traffic class, over one span of time.
struct Evidence {
  std::string path;
  std::string traffic_class;
  std::string method;            // of captured traffic's round trips, "timestamp"; empty: probes
  WallTime from;                 // both the epoch when `windows` is 0
  WallTime to;                   // end of the newest window
  std::uint64_t windows = 0;     // slots of time with at least one window
  std::uint64_t samples = 0;     // replies, without those that are kept apart:
  std::uint64_t kept_apart = 0;  // their timestamps are too uncertain
  std::vector<Percentile> rtt;   // p50, p90, p95, p99; empty when nothing was sent
  std::optional<Nanos> min;
  std::optional<Nanos> pdv;  // RFC 5481: p99 of D(i) - D(min), each target with its own D(min)
  std::optional<PacketVariation> ipdv;  // where it is asked for, and known
  Proportion loss;
  std::uint64_t windows_with_loss = 0;  // slots; few of many: the loss came in bursts
  std::uint64_t most_lost = 0;          // probes of one slot
  std::optional<Nanos> floor;     // RTT floor: the path's segments, plus beyond them when known
  std::optional<double> stretch;  // min / floor, of the target that comes nearest to its floor
  // Fibre, one way, that would make the difference between `min` and `floor` of that target: at
  // most so long a way round, for equipment and queues are in it too.
  std::optional<double> detour_km;
  std::optional<GreatCircle> great_circle;  // where the positions of site and target are known
  std::vector<OneWayDelays> one_way;  // of the streams that have any, where they are asked for
  Nanos age{};                        // now minus `to`; 0 when `windows` is 0
  Adequacy adequacy = Adequacy::insufficient;
  std::string adequacy_reason;  // "41 probes, p95 needs 72"
  bool below_floor = false;     // impossible: wrong target, clock or spoofed reply
  StampSource source = StampSource::user;
  Nanos uncertainty{};
  std::vector<StreamFlows> flows;  // of each session that has several
  std::vector<std::string> notes;  // a sentence each: targets or windows left out, and why

  // How many ECMP members a session's round trips come from at most; 0 when that is not known.
  [[nodiscard]] std::size_t mixed_members() const {
    std::size_t most = 0;
    for (const StreamFlows& stream : flows) most = std::max(most, stream.by_flow.members.size());
    return most;
  }

  [[nodiscard]] const Percentile* percentile(double q) const {
    for (const Percentile& p : rtt) {
      if (p.q == q) return &p;
    }
    return nullptr;
  }
};

}  // namespace strait::analyzer
