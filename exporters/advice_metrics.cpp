// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "analyzer/grain.hpp"
#include "exporters/metric_table.hpp"

namespace strait::exporters {
namespace {

using analyzer::Evidence;
using analyzer::Verdict;
using prometheus::MetricType;
using Samples = MetricSpec::Samples;

void path_info(const Snapshot& snapshot, Samples& samples) {
  for (const PathSnapshot& each : snapshot.paths) {
    const routes::Path& path = each.path;
    samples.push_back(gauge({{"path", path.name},
                             {"upstream_asn", std::to_string(path.upstream_asn.value())},
                             {"segments", fmt::format("{}", fmt::join(path.segments, ","))},
                             {"countries", fmt::format("{}", fmt::join(path.countries, ","))},
                             {"risk_groups", fmt::format("{}", fmt::join(path.risk_groups, ","))},
                             {"engine", each.engine}},
                            1));
  }
}

// Up when any session of the path got a reply in its newest window.
void path_up(const Snapshot& snapshot, Samples& samples) {
  for (const PathSnapshot& each : snapshot.paths) {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    for (const SessionSnapshot& session : snapshot.sessions) {
      if (session.total.session.path != each.path.name || !session.newest) continue;
      sent += session.newest->counts.sent;
      received += session.newest->counts.received;
    }
    if (sent > 0) samples.push_back(gauge({{"path", each.path.name}}, received > 0 ? 1 : 0));
  }
}

void path_floor(const Snapshot& snapshot, Samples& samples) {
  for (const PathSnapshot& each : snapshot.paths) {
    const Nanos floor = 2 * each.path.one_way_floor;
    if (floor > Nanos::zero())
      samples.push_back(gauge({{"path", each.path.name}}, in_seconds(floor)));
  }
}

template <class State>  // of a pin or an MTU
Labels labels_of_check(const State& state) {
  return {{"path", state.path}, {"family", state.v6 ? "ipv6" : "ipv4"}};
}

void pin_ok(const Snapshot& snapshot, Samples& samples) {
  for (const probe::PinState& pin : snapshot.pins) {
    const bool ok = pin.standing == probe::PinStanding::ok;
    if (!ok && pin.standing != probe::PinStanding::failed) continue;
    samples.push_back(gauge(labels_of_check(pin), ok ? 1 : 0));
  }
}

void pin_checked(const Snapshot& snapshot, Samples& samples) {
  for (const probe::PinState& pin : snapshot.pins) {
    if (pin.checked) samples.push_back(gauge(labels_of_check(pin), in_seconds(*pin.checked)));
  }
}

void mtu_ok(const Snapshot& snapshot, Samples& samples) {
  for (const probe::MtuState& mtu : snapshot.mtus) {
    const bool ok = mtu.standing == probe::MtuStanding::ok;
    if (!ok && mtu.standing != probe::MtuStanding::too_small) continue;
    samples.push_back(gauge(labels_of_check(mtu), ok ? 1 : 0));
  }
}

void mtu_octets(const Snapshot& snapshot, Samples& samples) {
  for (const probe::MtuState& mtu : snapshot.mtus) {
    if (mtu.octets) samples.push_back(gauge(labels_of_check(mtu), *mtu.octets));
  }
}

// From the start on for every path whose pin is checked, so that the first refusal is an increase.
void windows_refused(const Snapshot& snapshot, Samples& samples) {
  for (const PathSnapshot& each : snapshot.paths) {
    const auto& refused = snapshot.windows_refused;
    const auto found = refused.find(each.path.name);
    const bool checked = std::ranges::find(snapshot.pins, each.path.name, &probe::PinState::path) !=
                         snapshot.pins.end();
    if (!checked && found == refused.end()) continue;
    samples.push_back(counter({{"path", each.path.name}, {"reason", "pin-failed"}},
                              found == refused.end() ? 0 : found->second));
  }
}

Labels labels_of(const Evidence& evidence) {
  return {{"class", evidence.traffic_class}, {"path", evidence.path}};
}

void evidence_samples(const Snapshot& snapshot, Samples& samples) {
  for (const Evidence& evidence : snapshot.evidence) {
    samples.push_back(gauge(labels_of(evidence), static_cast<double>(evidence.samples)));
  }
}

void evidence_adequate(const Snapshot& snapshot, Samples& samples) {
  for (const Evidence& evidence : snapshot.evidence) {
    samples.push_back(
        gauge(labels_of(evidence), evidence.adequacy == analyzer::Adequacy::adequate ? 1 : 0));
  }
}

void evidence_below_floor(const Snapshot& snapshot, Samples& samples) {
  for (const Evidence& evidence : snapshot.evidence) {
    if (!evidence.floor || !evidence.min) continue;
    samples.push_back(gauge(labels_of(evidence), evidence.below_floor ? 1 : 0));
  }
}

Labels labels_of(const Evidence& evidence, const analyzer::StreamFlows& stream) {
  Labels labels = labels_of(evidence);
  labels.push_back({"target", stream.target});
  labels.push_back({"protocol", std::string{to_string(stream.protocol)}});
  labels.push_back({"dscp", std::to_string(stream.dscp)});
  return labels;
}

void ecmp_members(const Snapshot& snapshot, Samples& samples) {
  for (const Evidence& evidence : snapshot.evidence) {
    for (const analyzer::StreamFlows& stream : evidence.flows) {
      const std::size_t members = stream.by_flow.members.size();
      if (members == 0) continue;
      samples.push_back(gauge(labels_of(evidence, stream), static_cast<double>(members)));
    }
  }
}

template <std::optional<Nanos> analyzer::FlowFigures::* member>
void flow_delay(const Snapshot& snapshot, Samples& samples) {
  for (const Evidence& evidence : snapshot.evidence) {
    for (const analyzer::StreamFlows& stream : evidence.flows) {
      for (const analyzer::FlowFigures& flow : stream.by_flow.flows) {
        const std::optional<Nanos>& delay = flow.*member;
        if (!delay) continue;
        Labels labels = labels_of(evidence, stream);
        labels.push_back({"flow", std::to_string(flow.flow)});
        samples.push_back(gauge(std::move(labels), in_seconds(*delay)));
      }
    }
  }
}

Labels labels_of(const Verdict& verdict) {
  Labels labels{{"class", verdict.traffic_class}};
  if (verdict.path) labels.push_back({"path", *verdict.path});
  return labels;
}

void recommendation_info(const Snapshot& snapshot, Samples& samples) {
  for (const Verdict& verdict : snapshot.verdicts) {
    Labels labels = labels_of(verdict);
    labels.push_back({"ruling", std::string{to_string(verdict.ruling)}});
    samples.push_back(gauge(std::move(labels), 1));
  }
}

template <std::optional<Nanos> Verdict::* member>
void gain(const Snapshot& snapshot, Samples& samples) {
  for (const Verdict& verdict : snapshot.verdicts) {
    const std::optional<Nanos>& value = verdict.*member;
    if (value) samples.push_back(gauge(labels_of(verdict), in_seconds(*value)));
  }
}

void last_change(const Snapshot& snapshot, Samples& samples) {
  for (const auto& [traffic_class, memory] : snapshot.memory) {
    if (!memory.changed) continue;
    samples.push_back(gauge({{"class", traffic_class}}, in_seconds(*memory.changed)));
  }
}

void local_preference(const Snapshot& snapshot, Samples& samples) {
  if (!snapshot.plan) return;
  for (const routes::Preference& preference : snapshot.plan->preferences) {
    samples.push_back(gauge({{"class", preference.traffic_class}, {"path", preference.path}},
                            preference.local_pref.value()));
  }
}

void plan_prefixes(const Snapshot& snapshot, Samples& samples) {
  if (!snapshot.plan) return;
  for (const routes::Preference& preference : snapshot.plan->preferences) {
    samples.push_back(gauge({{"class", preference.traffic_class}, {"path", preference.path}},
                            static_cast<double>(preference.prefixes.size())));
  }
}

void plan_blocked(const Snapshot& snapshot, Samples& samples) {
  if (snapshot.plan) samples.push_back(gauge({}, snapshot.plan->blocked() ? 1 : 0));
}

void plan_waits(const Snapshot& snapshot, Samples& samples) {
  if (snapshot.plan_waits) samples.push_back(gauge({}, *snapshot.plan_waits ? 1 : 0));
}

void plan_expires(const Snapshot& snapshot, Samples& samples) {
  if (snapshot.plan) samples.push_back(gauge({}, in_seconds(snapshot.plan->expires)));
}

// None where no class may be taken apart.
bool has_parts(const Coverage& each) { return each.measured + each.unmeasured > 0; }

void parts(const Snapshot& snapshot, Samples& samples) {
  for (const Coverage& each : snapshot.coverage) {
    if (!has_parts(each)) continue;
    const auto add = [&](analyzer::PartStanding standing, std::size_t count) {
      samples.push_back(
          gauge({{"class", each.traffic_class}, {"standing", std::string{to_string(standing)}}},
                static_cast<double>(count)));
    };
    add(analyzer::PartStanding::unmeasured, each.unmeasured);
    add(analyzer::PartStanding::as_whole, each.measured - each.split - each.left_out);
    add(analyzer::PartStanding::split, each.split);
    add(analyzer::PartStanding::left_out, each.left_out);
  }
}

void part_share(const Coverage& each, std::string_view parts, double share, Samples& samples) {
  samples.push_back(gauge({{"class", each.traffic_class}, {"parts", std::string{parts}}}, share));
}

void part_prefixes(const Snapshot& snapshot, Samples& samples) {
  for (const Coverage& each : snapshot.coverage) {
    if (!has_parts(each) || each.prefixes == 0) continue;
    const auto all = static_cast<double>(each.prefixes);
    part_share(each, "measured", static_cast<double>(each.in_measured) / all, samples);
    part_share(each, "split", static_cast<double>(each.in_split) / all, samples);
  }
}

void part_weight(const Snapshot& snapshot, Samples& samples) {
  for (const Coverage& each : snapshot.coverage) {
    if (!has_parts(each)) continue;
    part_share(each, "measured", each.weight_in_measured, samples);
    part_share(each, "split", each.weight_in_split, samples);
  }
}

Labels labels_of(const TargetWeight& weight) {
  return {{"class", weight.traffic_class}, {"target", weight.target}};
}

void target_weight(const Snapshot& snapshot, Samples& samples) {
  for (const TargetWeight& each : snapshot.weights) {
    samples.push_back(gauge(labels_of(each), each.weight));
  }
}

void target_weight_by_traffic(const Snapshot& snapshot, Samples& samples) {
  for (const TargetWeight& each : snapshot.weights) {
    if (each.by_traffic) samples.push_back(gauge(labels_of(each), *each.by_traffic ? 1 : 0));
  }
}

constexpr std::array table{
    MetricSpec{"strait_path_info", MetricType::Gauge,
               "What a path is made of; the value is always 1.", path_info},
    MetricSpec{"strait_path_up", MetricType::Gauge,
               "1 when a probe was answered over the path in the newest window, else 0.", path_up},
    MetricSpec{"strait_path_floor_seconds", MetricType::Gauge,
               "Round-trip time that the fibre of the path's segments takes by itself.",
               path_floor},
    MetricSpec{"strait_path_pin_ok", MetricType::Gauge,
               "1 when the path's upstream answered the newest check of the pin, 0 when another "
               "router did.",
               pin_ok},
    MetricSpec{"strait_path_pin_checked_timestamp_seconds", MetricType::Gauge,
               "When a check of the path's pin was last answered.", pin_checked},
    MetricSpec{"strait_path_mtu_ok", MetricType::Gauge,
               "1 when the path took a packet of its configured MTU, 0 when it takes less.",
               mtu_ok},
    MetricSpec{"strait_path_mtu_octets", MetricType::Gauge,
               "Longest IP packet that the path was seen to take, or is said to.", mtu_octets},
    MetricSpec{"strait_windows_refused_total", MetricType::Counter,
               "Windows that are no evidence of their path, by reason.", windows_refused},
    MetricSpec{"strait_evidence_samples", MetricType::Gauge,
               "Replies that the newest evidence rests on.", evidence_samples},
    MetricSpec{"strait_evidence_adequate", MetricType::Gauge,
               "1 when the evidence carries a decision, 0 when it is insufficient.",
               evidence_adequate},
    MetricSpec{"strait_evidence_below_floor", MetricType::Gauge,
               "1 when a reply was faster than light in fibre allows: wrong target or clock.",
               evidence_below_floor},
    MetricSpec{"strait_ecmp_members", MetricType::Gauge,
               "Ways that the flows of a session take; the percentiles mix them.", ecmp_members},
    MetricSpec{"strait_flow_rtt_min_seconds", MetricType::Gauge,
               "Smallest round-trip time of a flow over the span of the evidence.",
               flow_delay<&analyzer::FlowFigures::minimum>},
    MetricSpec{"strait_flow_rtt_median_seconds", MetricType::Gauge,
               "Median round-trip time of a flow over the span of the evidence.",
               flow_delay<&analyzer::FlowFigures::median>},
    MetricSpec{"strait_target_weight", MetricType::Gauge,
               "What a target counts in its class, beside the other targets of it.", target_weight},
    MetricSpec{"strait_target_weight_by_traffic", MetricType::Gauge,
               "1 when strait_target_weight is the share of captured traffic, 0 when that cannot "
               "be used.",
               target_weight_by_traffic},
    MetricSpec{"strait_recommendation_info", MetricType::Gauge,
               "The newest verdict of a traffic class; the value is always 1.",
               recommendation_info},
    MetricSpec{"strait_recommended_local_preference", MetricType::Gauge,
               "BGP local preference that the newest plan gives a class on a path.",
               local_preference},
    MetricSpec{"strait_recommendation_gain_seconds", MetricType::Gauge,
               "What the newest verdict gains, point estimate of the paired difference.",
               gain<&Verdict::gain>},
    MetricSpec{"strait_recommendation_gain_low_seconds", MetricType::Gauge,
               "Lower confidence bound of strait_recommendation_gain_seconds.",
               gain<&Verdict::gain_low>},
    MetricSpec{"strait_recommendation_gain_high_seconds", MetricType::Gauge,
               "Upper confidence bound of strait_recommendation_gain_seconds.",
               gain<&Verdict::gain_high>},
    MetricSpec{"strait_recommendation_last_change_timestamp_seconds", MetricType::Gauge,
               "When the recommended path of a class last changed.", last_change},
    MetricSpec{"strait_parts", MetricType::Gauge,
               "Parts of a class that targets are in, by what became of them.", parts},
    MetricSpec{"strait_parts_prefixes_ratio", MetricType::Gauge,
               "Share of a class's prefixes in the RIB that lies in its measured or split parts.",
               part_prefixes},
    MetricSpec{"strait_parts_weight_ratio", MetricType::Gauge,
               "Share of the weight of a class's targets that lies in its measured or split parts.",
               part_weight},
    MetricSpec{"strait_plan_prefixes", MetricType::Gauge,
               "Prefixes to which the newest plan gives the preference.", plan_prefixes},
    MetricSpec{"strait_plan_blocked", MetricType::Gauge,
               "1 when a guard forbids to apply the newest plan, else 0.", plan_blocked},
    MetricSpec{"strait_plan_waiting", MetricType::Gauge,
               "1 when a plan waits for an approval, else 0.", plan_waits},
    MetricSpec{"strait_plan_expires_timestamp_seconds", MetricType::Gauge,
               "When the newest plan must be withdrawn unless it is renewed.", plan_expires},
};

}  // namespace

std::span<const MetricSpec> advice_metrics() { return table; }

}  // namespace strait::exporters
