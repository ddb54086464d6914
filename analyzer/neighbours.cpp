// SPDX-License-Identifier: Apache-2.0
#include "analyzer/neighbours.hpp"

#include <algorithm>
#include <cmath>

namespace strait::analyzer {
namespace {

constexpr std::uint64_t least_pairs = 30;
constexpr double most_effect = 1e6;

double in_ns(Nanos time) { return static_cast<double>(time.count()); }

// The width of a bucket over its upper bound: both of two values may be off by half of it.
double width(int schema) { return 1 - std::exp2(-std::ldexp(1.0, -schema)); }

bool too_many_slots(std::span<const Lane::Entry> entries) {
  return !entries.empty() &&
         static_cast<std::uint64_t>(entries.back().slot - entries.front().slot) >=
             between_windows_tell;
}

}  // namespace

double mean_difference(const Sketch& sketch) {
  const auto n = static_cast<double>(sketch.count());
  if (n < 2) return 0;
  auto below = static_cast<double>(sketch.zero_count());
  double sum = 0;
  double mean = 0;
  for (const auto& [key, count] : sketch.buckets()) {
    const auto here = static_cast<double>(count);
    const double value = in_ns(Sketch::upper_bound(key, sketch.schema()));
    // The values of ranks below + 1 to below + here, each times 2 rank - n - 1.
    sum += value * here * (2 * below + here - n);
    mean += value * here / n;
    below += here;
  }
  return std::max(2 * sum / (n * (n - 1)) - width(sketch.schema()) * mean, 0.0);
}

double neighbour_effect(std::span<const Lane::Entry> entries) {
  if (too_many_slots(entries)) return 1;
  std::uint64_t all = 0;
  double neighbours = 0;
  double any_two = 0;
  for (const Lane::Entry& entry : entries) {
    const Window& window = *entry.window;
    if (window.ipdv.empty()) continue;
    const auto pairs = static_cast<double>(window.ipdv.count());
    all += window.ipdv.count();
    neighbours += in_ns(window.ipdv.sum());
    any_two += pairs * mean_difference(window.rtt);
  }
  if (all < least_pairs || any_two <= 0) return 1;
  // What chance leaves open, about one standard error, is not taken for likeness.
  const double error = 1 / std::sqrt(static_cast<double>(all));
  const double ratio = std::min(neighbours / any_two * (1 + error), 1.0);
  const double rho = 1 - ratio * ratio;
  return std::min((1 + rho) / std::max(1 - rho, 1 / most_effect), most_effect);
}

}  // namespace strait::analyzer
