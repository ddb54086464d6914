// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "core/config.hpp"

namespace strait::analyzer {

inline constexpr std::array reported_quantiles{0.50, 0.90, 0.95, 0.99};

// What decides between paths that lose alike.
enum class Aim : std::uint8_t {
  delay,   // a percentile of the round trip
  jitter,  // by how much that percentile lies above each target's least (RFC 5481 section 4.2)
  loss,    // nothing: only a certain difference in loss does
};

struct Objective {
  Aim aim = Aim::delay;
  double q = 0.95;  // one of the reported quantiles

  friend auto operator<=>(const Objective&, const Objective&) = default;
};

// Reads `objective` of a table: p50, p90, p95, p99, jitter or loss.
[[nodiscard]] std::optional<Objective> read_objective(ConfigTable& table);
[[nodiscard]] std::string to_text(const Objective& objective);

}  // namespace strait::analyzer
