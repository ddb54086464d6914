// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>

#include "core/passive_method.hpp"
#include "exporters/metric_table.hpp"
#include "exporters/sketch_histogram.hpp"

namespace strait::exporters {
namespace {

using prometheus::MetricType;
using Samples = MetricSpec::Samples;

// What carries the packets of captured traffic.
std::string carrier(PassiveMethod method) {
  switch (method) {
    case PassiveMethod::echo:
      return "icmp";
    case PassiveMethod::query:
      return "dns";
    case PassiveMethod::stamp:
      return "stamp";
    case PassiveMethod::quic_handshake:
    case PassiveMethod::spin:
    case PassiveMethod::spin_whole:
      return "quic";
    case PassiveMethod::handshake:
    case PassiveMethod::timestamp:
    case PassiveMethod::sequence:
    case PassiveMethod::sack:
      break;
  }
  return "tcp";
}

Labels labels_of(const SessionSnapshot& session) {
  const SessionKey& key = session.total.session;
  const auto method = passive_method(key.protocol);
  Labels labels{{"path", key.path},
                {"region", session.region},
                {"target", key.target},
                {"protocol", method ? carrier(*method) : std::string{to_string(key.protocol)}},
                {"dscp", std::to_string(key.dscp)}};
  if (method) labels.push_back({"method", std::string{to_string(*method)}});
  return labels;
}

// Whether it sends probes, and something can be lost, late or kept apart.
bool sends(const SessionSnapshot& session) {
  return !passive_method(session.total.session.protocol);
}

Labels labels_of(const SessionSnapshot& session, const char* name, std::string value) {
  Labels labels = labels_of(session);
  labels.push_back({name, std::move(value)});
  return labels;
}

// A counter exists from the first closed window on: before that nothing has been counted.
template <std::uint64_t Counts::* member>
void count_of(const Snapshot& snapshot, Samples& samples) {
  for (const SessionSnapshot& session : snapshot.sessions) {
    if (session.newest && sends(session))
      samples.push_back(counter(labels_of(session), session.total.counts.*member));
  }
}

void probe_errors(const Snapshot& snapshot, Samples& samples) {
  for (const SessionSnapshot& session : snapshot.sessions) {
    if (!sends(session)) continue;
    for (const auto& [reason, count] : session.total.counts.errors) {
      samples.push_back(counter(labels_of(session, "reason", reason), count));
    }
  }
}

void add_histogram(Labels labels, const Sketch& sketch, std::span<const std::int32_t> bounds,
                   Samples& samples) {
  if (sketch.empty()) return;
  prometheus::ClientMetric metric;
  metric.label = std::move(labels);
  metric.histogram = histogram(sketch, bounds);
  samples.push_back(std::move(metric));
}

void rtt(const Snapshot& snapshot, Samples& samples) {
  for (const SessionSnapshot& session : snapshot.sessions) {
    add_histogram(labels_of(session), session.total.rtt, delay_bounds(), samples);
  }
}

void one_way_delay(const Snapshot& snapshot, Samples& samples) {
  for (const SessionSnapshot& session : snapshot.sessions) {
    const Window& total = session.total;
    add_histogram(labels_of(session, "direction", "forward"), total.forward, delay_bounds(),
                  samples);
    add_histogram(labels_of(session, "direction", "reverse"), total.reverse, delay_bounds(),
                  samples);
  }
}

void kept_apart(const Snapshot& snapshot, Samples& samples) {
  for (const SessionSnapshot& session : snapshot.sessions) {
    if (!session.newest || !sends(session)) continue;
    samples.push_back(counter(labels_of(session), session.total.uncertain.count()));
  }
}

void schedule_lag(const Snapshot& snapshot, Samples& samples) {
  for (const SessionSnapshot& session : snapshot.sessions) {
    add_histogram(labels_of(session), session.total.lag, lag_bounds(), samples);
  }
}

void timestamp_uncertainty(const Snapshot& snapshot, Samples& samples) {
  for (const SessionSnapshot& session : snapshot.sessions) {
    if (!session.newest || session.newest->rtt.empty() || !sends(session)) continue;
    samples.push_back(
        gauge(labels_of(session, "source", std::string{to_string(session.newest->source)}),
              in_seconds(session.newest->uncertainty)));
  }
}

void far_dscp(const Snapshot& snapshot, Samples& samples) {
  for (const SessionSnapshot& session : snapshot.sessions) {
    if (!session.newest || !session.newest->far.dscp) continue;
    samples.push_back(gauge(labels_of(session), *session.newest->far.dscp));
  }
}

void one_way_usable(const Snapshot& snapshot, Samples& samples) {
  for (const SessionSnapshot& session : snapshot.sessions) {
    if (!session.newest || session.newest->clocks.state == ClockState::untold) continue;
    const ClockState state = session.newest->clocks.state;
    samples.push_back(gauge(labels_of(session, "state", std::string{to_string(state)}),
                            state == ClockState::usable ? 1 : 0));
  }
}

void one_way_error(const Snapshot& snapshot, Samples& samples) {
  for (const SessionSnapshot& session : snapshot.sessions) {
    if (!session.newest || session.newest->forward.empty()) continue;
    samples.push_back(gauge(labels_of(session), in_seconds(session.newest->clocks.error)));
  }
}

constexpr std::array table{
    MetricSpec{"strait_probes_total", MetricType::Counter, "Probes sent.", count_of<&Counts::sent>},
    MetricSpec{"strait_replies_total", MetricType::Counter,
               "First good replies that came within the time-out.", count_of<&Counts::received>},
    MetricSpec{"strait_replies_late_total", MetricType::Counter,
               "Replies to probes that had already been counted as lost.", count_of<&Counts::late>},
    MetricSpec{"strait_replies_duplicate_total", MetricType::Counter,
               "Further replies to a probe that had been answered (RFC 5560).",
               count_of<&Counts::duplicate>},
    MetricSpec{"strait_replies_reordered_total", MetricType::Counter,
               "Replies that arrived behind one to a later probe (RFC 4737).",
               count_of<&Counts::reordered>},
    MetricSpec{"strait_probes_lost_total", MetricType::Counter,
               "Probes without a reply within the time-out.", count_of<&Counts::lost>},
    MetricSpec{"strait_slots_missed_total", MetricType::Counter,
               "Slots of the schedule in which no probe could be sent.", count_of<&Counts::missed>},
    MetricSpec{"strait_probe_errors_total", MetricType::Counter,
               "What was wrong with probes, replies and their TLVs, by reason.", probe_errors},
    MetricSpec{"strait_rtt_seconds", MetricType::Histogram,
               "Round-trip time without the time spent in the reflector.", rtt},
    MetricSpec{"strait_one_way_delay_seconds", MetricType::Histogram,
               "One-way delay, where both clocks allow it.", one_way_delay},
    MetricSpec{"strait_one_way_usable", MetricType::Gauge,
               "1 where both clocks allowed one-way delays in all of the newest window, else 0.",
               one_way_usable},
    MetricSpec{"strait_one_way_error_seconds", MetricType::Gauge,
               "What the clocks of both ends may be off by, added up, in the newest window.",
               one_way_error},
    MetricSpec{"strait_schedule_lag_seconds", MetricType::Histogram,
               "Actual minus intended send time.", schedule_lag},
    MetricSpec{"strait_timestamp_uncertainty_seconds", MetricType::Gauge,
               "Largest timestamp uncertainty of a sample in the newest window.",
               timestamp_uncertainty},
    MetricSpec{"strait_samples_kept_apart_total", MetricType::Counter,
               "Replies whose timestamps were too uncertain for strait_rtt_seconds.", kept_apart},
    MetricSpec{"strait_far_dscp", MetricType::Gauge,
               "DSCP with which probes arrived at the far end, as its reflector told.", far_dscp},
};

}  // namespace

std::span<const MetricSpec> session_metrics() { return table; }

}  // namespace strait::exporters
