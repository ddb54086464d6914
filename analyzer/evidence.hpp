// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/window.hpp"

namespace strait::analyzer {

// The delay of a probe that was lost. A percentile whose rank falls among the lost has this value.
inline constexpr Nanos infinite_delay = Nanos::max();

// A percentile with its distribution-free confidence interval (binomial order statistics). `low` or
// `high` is nothing where the sample is too small to bound it on that side.
struct Percentile {
  double q = 0.5;  // 0.95 for p95
  Nanos value{};
  std::optional<Nanos> low;
  std::optional<Nanos> high;

  [[nodiscard]] bool adequate() const { return low.has_value() && high.has_value(); }
};

// A proportion with its Wilson score interval.
struct Proportion {
  double value = 0;
  double low = 0;
  double high = 1;
  std::uint64_t hits = 0;
  std::uint64_t trials = 0;
};

enum class Adequacy : std::uint8_t { adequate, insufficient };

// What is known of one path for one traffic class, over one span of time.
struct Evidence {
  std::string path;
  std::string traffic_class;
  WallTime from;
  WallTime to;  // end of the newest window
  std::uint64_t windows = 0;
  std::uint64_t samples = 0;              // replies
  std::vector<Percentile> rtt;            // p50, p90, p95, p99; a lost probe counts as +infinity
  std::optional<Nanos> min;
  std::optional<Nanos> pdv;               // RFC 5481: p99 of D(i) - D(min)
  Proportion loss;
  std::optional<Nanos> floor;             // RTT floor of the path's segments
  std::optional<double> stretch;          // min / floor
  Nanos age{};                            // now minus `to`
  Adequacy adequacy = Adequacy::insufficient;
  std::string adequacy_reason;            // "41 samples, p95 needs 72"
  bool below_floor = false;               // impossible: wrong target, clock or spoofed reply
  StampSource source = StampSource::user;
  Nanos uncertainty{};

  [[nodiscard]] const Percentile* percentile(double q) const {
    for (const Percentile& p : rtt) {
      if (p.q == q) return &p;
    }
    return nullptr;
  }
};

}  // namespace strait::analyzer
