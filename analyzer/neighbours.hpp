// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "analyzer/timeline.hpp"

namespace strait::analyzer {

// E|X - Y| of two probes of a sketch, drawn without order (Gini's mean difference), in ns: at least
// so much, for a sketch hides differences within a bucket and makes one of what lies on both sides
// of a bound. 0 below 2 probes.
[[nodiscard]] double mean_difference(const Sketch& sketch);

// By how much probes may tell less than as many independent ones because each is like the one
// before: 1 or more. Where neighbours differ (Window::ipdv) by R times what two probes of their
// window do, one standard error more than was seen, an autoregressive series of Gaussian cause has
// the correlation rho = 1 - R^2, and no share of its probes has more than (1 + rho) / (1 - rho)
// times the variance of independent ones. 1 where there are fewer than 30 pairs, or more slots than
// between_windows_tell: these show better how alike probes are (design_effects).
[[nodiscard]] double neighbour_effect(std::span<const Lane::Entry> entries);

inline constexpr std::uint64_t between_windows_tell = 60;

}  // namespace strait::analyzer
