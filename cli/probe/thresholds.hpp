// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "core/duration.hpp"
#include "core/result.hpp"

namespace strait::cli {

// Beyond which a target is in trouble.
struct Thresholds {
  struct Rtt {
    double q = 0.5;  // 0.95 for p95
    Nanos limit{};
  };
  std::optional<Rtt> rtt;
  std::optional<double> loss;  // per cent
};

// Reads "p95=50ms", "loss=1%" or both with a comma between.
[[nodiscard]] Result<Thresholds> parse_thresholds(std::string_view text);

}  // namespace strait::cli
