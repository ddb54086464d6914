// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "analyzer/evidence.hpp"
#include "analyzer/verdict.hpp"

namespace strait::exporters {

struct TextOptions {
  bool colours = false;  // only when asked for: a terminal, and no NO_COLOR
};

// One table per traffic class: percentiles with their confidence intervals, loss, floor, stretch.
// Every time has its unit; a percentile that the sample does not carry reads `insufficient`, one
// that falls among the lost probes reads `lost`.
[[nodiscard]] std::string to_text(std::span<const analyzer::Evidence> evidence,
                                  const TextOptions& options);

// Each verdict with its reason, then the ranking of its paths.
[[nodiscard]] std::string to_text(std::span<const analyzer::Verdict> verdicts,
                                  const TextOptions& options);

}  // namespace strait::exporters
