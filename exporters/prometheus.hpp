// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "exporters/snapshot.hpp"

namespace strait::exporters {

// Turns the newest snapshot into metrics at scrape time, so that a scrape never sees half an update
// and a path that has gone disappears by itself. Safe to call from several threads.
class PrometheusCollector final : public prometheus::Collectable {
 public:
  explicit PrometheusCollector(std::shared_ptr<const SnapshotCell> cell) : cell_{std::move(cell)} {}

  // Families without a sample are left out.
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  std::shared_ptr<const SnapshotCell> cell_;
};

[[nodiscard]] std::vector<prometheus::MetricFamily> collect(const Snapshot& snapshot);

// The text exposition format 0.0.4. Same samples as prometheus::TextSerializer; an order of
// magnitude faster, numbers in their shortest exact form, and help texts are escaped.
[[nodiscard]] std::string to_text_format(const std::vector<prometheus::MetricFamily>& families);

inline constexpr std::string_view text_format_content_type =
    "text/plain; version=0.0.4; charset=utf-8";

}  // namespace strait::exporters
