// SPDX-License-Identifier: Apache-2.0
#include "exporters/sketch_histogram.hpp"

#include <array>
#include <chrono>
#include <cmath>

namespace strait::exporters {
namespace {

// round(32 log2(seconds)) of the values named in the header.
constexpr std::array<std::int32_t, 20> delay_keys{-351, -319, -287, -245, -213, -194, -181,
                                                  -170, -162, -149, -138, -126, -117, -106,
                                                  -88,  -74,  -56,  -32,  0,    32};
constexpr std::array<std::int32_t, 9> lag_keys{-638, -532, -458, -426, -350, -318, -212, -106, 0};

// True when 2^(key/32) is also a bound of `schema`.
bool is_bound(std::int32_t key, int schema) {
  if (schema >= bound_schema) return true;
  const std::int32_t step = std::int32_t{1} << (bound_schema - schema);
  return key % step == 0;
}

// The key, at `schema`, of the bucket that ends at 2^(key/32).
std::int32_t key_at(std::int32_t key, int schema) {
  if (schema >= bound_schema) return key * (std::int32_t{1} << (schema - bound_schema));
  return key / (std::int32_t{1} << (bound_schema - schema));
}

}  // namespace

std::span<const std::int32_t> delay_bounds() { return delay_keys; }
std::span<const std::int32_t> lag_bounds() { return lag_keys; }

double bound_seconds(std::int32_t key) { return std::exp2(static_cast<double>(key) / 32); }

prometheus::ClientMetric::Histogram histogram(const Sketch& sketch,
                                              std::span<const std::int32_t> bounds) {
  prometheus::ClientMetric::Histogram result;
  result.sample_count = sketch.count();
  result.sample_sum = std::chrono::duration<double>(sketch.sum()).count();
  result.bucket.reserve(bounds.size());

  const std::vector<Sketch::Bucket> buckets = sketch.buckets();
  auto next = buckets.begin();
  std::uint64_t below = sketch.zero_count();  // values <= 0 are below every bound
  for (const std::int32_t bound : bounds) {
    if (!is_bound(bound, sketch.schema())) continue;
    const std::int32_t last = key_at(bound, sketch.schema());
    for (; next != buckets.end() && next->key <= last; ++next) below += next->count;
    result.bucket.push_back({below, bound_seconds(bound)});
  }
  return result;
}

}  // namespace strait::exporters
