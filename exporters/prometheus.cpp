// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus.hpp"

#include "exporters/metric_table.hpp"

namespace strait::exporters {

std::vector<MetricSpec> all_metrics() {
  std::vector<MetricSpec> all;
  for (const auto table : {session_metrics(), window_metrics(), advice_metrics(),
                           distance_metrics(), service_metrics()}) {
    all.insert(all.end(), table.begin(), table.end());
  }
  return all;
}

std::vector<prometheus::MetricFamily> collect(const Snapshot& snapshot) {
  std::vector<prometheus::MetricFamily> families;
  for (const MetricSpec& spec : all_metrics()) {
    prometheus::MetricFamily family{std::string{spec.name}, std::string{spec.help}, spec.type, {}};
    spec.collect(snapshot, family.metric);
    if (!family.metric.empty()) families.push_back(std::move(family));
  }
  return families;
}

std::vector<prometheus::MetricFamily> PrometheusCollector::Collect() const {
  return collect(*cell_->newest());
}

}  // namespace strait::exporters
