// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <array>
#include <limits>
#include <string>
#include <utility>

#include "exporters/metric_table.hpp"

namespace strait::exporters {
namespace {

using analyzer::Evidence;
using analyzer::Percentile;
using prometheus::MetricType;
using Samples = MetricSpec::Samples;

Labels labels_of(const Evidence& evidence) {
  return {{"path", evidence.path}, {"region", evidence.traffic_class}};
}

Labels labels_of(const Evidence& evidence, double q) {
  Labels labels = labels_of(evidence);
  labels.push_back({"quantile", fmt::format("{}", q)});
  return labels;
}

// A percentile whose rank falls among the lost probes is not a time.
double delay_in_seconds(Nanos delay) {
  return delay == analyzer::infinite_delay ? std::numeric_limits<double>::infinity()
                                           : in_seconds(delay);
}

// The client library's convention for a summary: count and sum since the start, quantiles of now.
void add_totals(const Snapshot& snapshot, const Evidence& evidence,
                prometheus::ClientMetric::Summary& summary) {
  for (const SessionSnapshot& session : snapshot.sessions) {
    if (session.total.session.path != evidence.path) continue;
    if (session.region != evidence.traffic_class) continue;
    summary.sample_count += session.total.rtt.count();
    summary.sample_sum += in_seconds(session.total.rtt.sum());
  }
}

void rtt_window(const Snapshot& snapshot, Samples& samples) {
  for (const Evidence& evidence : snapshot.newest) {
    prometheus::ClientMetric metric;
    metric.label = labels_of(evidence);
    for (const Percentile& p : evidence.rtt) {
      if (p.adequate()) metric.summary.quantile.push_back({p.q, delay_in_seconds(p.value)});
    }
    if (metric.summary.quantile.empty()) continue;
    add_totals(snapshot, evidence, metric.summary);
    samples.push_back(std::move(metric));
  }
}

template <std::optional<Nanos> Percentile::* bound>
void rtt_bound(const Snapshot& snapshot, Samples& samples) {
  for (const Evidence& evidence : snapshot.newest) {
    for (const Percentile& p : evidence.rtt) {
      const std::optional<Nanos>& value = p.*bound;
      if (!p.adequate() || !value) continue;
      samples.push_back(untyped(labels_of(evidence, p.q), delay_in_seconds(*value)));
    }
  }
}

template <double analyzer::Proportion::* member>
void loss(const Snapshot& snapshot, Samples& samples) {
  for (const Evidence& evidence : snapshot.newest) {
    if (evidence.loss.trials == 0) continue;
    samples.push_back(gauge(labels_of(evidence), evidence.loss.*member));
  }
}

template <std::optional<Nanos> Evidence::* member>
void delay(const Snapshot& snapshot, Samples& samples) {
  for (const Evidence& evidence : snapshot.newest) {
    const std::optional<Nanos>& value = evidence.*member;
    if (value) samples.push_back(gauge(labels_of(evidence), in_seconds(*value)));
  }
}

void ipdv(const Snapshot& snapshot, Samples& samples) {
  for (const Evidence& evidence : snapshot.newest) {
    if (!evidence.ipdv) continue;
    const analyzer::PacketVariation& all = *evidence.ipdv;
    for (const auto& [q, value] :
         {std::pair{0.5, all.p50}, std::pair{0.95, all.p95}, std::pair{0.99, all.p99}}) {
      if (value) samples.push_back(untyped(labels_of(evidence, q), in_seconds(*value)));
    }
  }
}

void ipdv_pairs(const Snapshot& snapshot, Samples& samples) {
  for (const Evidence& evidence : snapshot.newest) {
    if (!evidence.ipdv) continue;
    samples.push_back(gauge(labels_of(evidence), static_cast<double>(evidence.ipdv->pairs)));
  }
}

void end_of_window(const Snapshot& snapshot, Samples& samples) {
  for (const Evidence& evidence : snapshot.newest) {
    if (evidence.windows == 0) continue;
    samples.push_back(gauge(labels_of(evidence), in_seconds(evidence.to)));
  }
}

constexpr std::array table{
    MetricSpec{"strait_rtt_window_seconds", MetricType::Summary,
               "Round-trip time in the newest window; only percentiles that the sample carries.",
               rtt_window},
    MetricSpec{"strait_rtt_window_low_seconds", MetricType::Untyped,
               "Lower confidence bound of each percentile of strait_rtt_window_seconds.",
               rtt_bound<&Percentile::low>},
    MetricSpec{"strait_rtt_window_high_seconds", MetricType::Untyped,
               "Upper confidence bound of each percentile of strait_rtt_window_seconds.",
               rtt_bound<&Percentile::high>},
    MetricSpec{"strait_rtt_window_min_seconds", MetricType::Gauge,
               "Smallest round-trip time in the newest window.", delay<&Evidence::min>},
    MetricSpec{"strait_pdv_window_seconds", MetricType::Gauge,
               "Packet delay variation in the newest window, 99th percentile (RFC 5481).",
               delay<&Evidence::pdv>},
    MetricSpec{"strait_ipdv_window_seconds", MetricType::Untyped,
               "Difference between the round trips of probes sent one after the other, in the "
               "newest window (RFC 5481).",
               ipdv},
    MetricSpec{"strait_ipdv_window_pairs", MetricType::Gauge,
               "Pairs of probes that strait_ipdv_window_seconds rests on.", ipdv_pairs},
    MetricSpec{"strait_loss_ratio", MetricType::Gauge,
               "Share of the probes of the newest window that were lost.",
               loss<&analyzer::Proportion::value>},
    MetricSpec{"strait_loss_low_ratio", MetricType::Gauge,
               "Lower bound of strait_loss_ratio (Wilson score interval).",
               loss<&analyzer::Proportion::low>},
    MetricSpec{"strait_loss_high_ratio", MetricType::Gauge,
               "Upper bound of strait_loss_ratio (Wilson score interval).",
               loss<&analyzer::Proportion::high>},
    MetricSpec{"strait_window_end_timestamp_seconds", MetricType::Gauge,
               "End of the newest closed window.", end_of_window},
};

}  // namespace

std::span<const MetricSpec> window_metrics() { return table; }

}  // namespace strait::exporters
