// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/metric_family.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/duration.hpp"
#include "exporters/snapshot.hpp"

namespace strait::exporters {

// One row for each metric: what it is called and how it is read off a snapshot. To add a metric,
// add a row to the table of its subject and a line to docs/METRICS.md (a test compares the two).
struct MetricSpec {
  using Samples = std::vector<prometheus::ClientMetric>;

  std::string_view name;
  prometheus::MetricType type;
  std::string_view help;
  // Adds one sample for each label set that has a measurement. What has none is absent: not zero,
  // not NaN.
  void (*collect)(const Snapshot& snapshot, Samples& samples);
};

[[nodiscard]] std::span<const MetricSpec> session_metrics();   // per session, since the start
[[nodiscard]] std::span<const MetricSpec> window_metrics();    // per path and region, newest window
[[nodiscard]] std::span<const MetricSpec> advice_metrics();    // paths, evidence, verdicts, plan
[[nodiscard]] std::span<const MetricSpec> distance_metrics();  // stretch, detours, asymmetry
[[nodiscard]] std::span<const MetricSpec> service_metrics();   // engines, store, configuration

// The tables one after the other, in the order of /metrics.
[[nodiscard]] std::vector<MetricSpec> all_metrics();

[[nodiscard]] inline double in_seconds(Nanos time) {
  return std::chrono::duration<double>(time).count();
}
[[nodiscard]] inline double in_seconds(WallTime time) {  // since 1970-01-01 UTC
  return in_seconds(time.time_since_epoch());
}

using Labels = std::vector<prometheus::ClientMetric::Label>;

[[nodiscard]] inline prometheus::ClientMetric gauge(Labels labels, double value) {
  prometheus::ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value;
  return metric;
}

[[nodiscard]] inline prometheus::ClientMetric counter(Labels labels, std::uint64_t value) {
  prometheus::ClientMetric metric;
  metric.label = std::move(labels);
  metric.counter.value = static_cast<double>(value);
  return metric;
}

[[nodiscard]] inline prometheus::ClientMetric untyped(Labels labels, double value) {
  prometheus::ClientMetric metric;
  metric.label = std::move(labels);
  metric.untyped.value = value;
  return metric;
}

}  // namespace strait::exporters
