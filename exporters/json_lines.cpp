// SPDX-License-Identifier: Apache-2.0
#include "exporters/json_lines.hpp"

#include "exporters/json_writer.hpp"

namespace strait::exporters {
namespace {

JsonWriter begin(std::string_view type) {
  JsonWriter json;
  json.begin_object().member("strait", json_version).member("type", type);
  return json;
}

void write_session(JsonWriter& json, const SessionKey& session) {
  json.member("path", session.path)
      .member("target", session.target)
      .member("protocol", to_string(session.protocol))
      .member("dscp", session.dscp)
      .member("flow", session.flow);
}

void write_by_kind(JsonWriter& json, const CountsByKind& counts) {
  json.begin_object();
  for (const auto& [kind, count] : counts) json.member(kind, count);
  json.end_object();
}

void write_counts(JsonWriter& json, const Counts& counts) {
  json.key("counts").begin_object();
  json.member("scheduled", counts.scheduled)
      .member("missed", counts.missed)
      .member("sent", counts.sent)
      .member("received", counts.received)
      .member("lost", counts.lost)
      .member("late", counts.late)
      .member("duplicate", counts.duplicate)
      .member("reordered", counts.reordered);
  json.key("errors");
  write_by_kind(json, counts.errors);
  json.end_object();
}

void write_sketch(JsonWriter& json, std::string_view name, const Sketch& sketch) {
  json.key(name);
  if (sketch.empty()) {
    json.null();
    return;
  }
  json.begin_object()
      .member("count", sketch.count())
      .member("min_ns", sketch.min())
      .member("mean_ns", sketch.mean())
      .member("p50_ns", sketch.quantile(0.5))
      .member("p90_ns", sketch.quantile(0.9))
      .member("p95_ns", sketch.quantile(0.95))
      .member("p99_ns", sketch.quantile(0.99))
      .member("max_ns", sketch.max())
      .member("sum_ns", sketch.sum())
      .member("schema", sketch.schema())
      .member("zero", sketch.zero_count());
  json.key("buckets").begin_array();
  for (const Sketch::Bucket& bucket : sketch.buckets()) {
    json.begin_array().value(bucket.key).value(bucket.count).end_array();
  }
  json.end_array().end_object();
}

void write_flow(JsonWriter& json, const analyzer::FlowFigures& flow) {
  json.begin_object()
      .member("flow", flow.flow)
      .member("samples", flow.samples)
      .member("lost", flow.lost)
      .member("min_ns", flow.minimum)
      .member("median_ns", flow.median)
      .end_object();
}

void write_flows(JsonWriter& json, const analyzer::StreamFlows& stream) {
  json.begin_object()
      .member("target", stream.target)
      .member("protocol", to_string(stream.protocol))
      .member("dscp", stream.dscp);
  write_members(json, stream.by_flow);
  json.end_object();
}

void write_loss(JsonWriter& json, const analyzer::Evidence& evidence) {
  const analyzer::Proportion& loss = evidence.loss;
  json.key("loss");
  if (loss.trials == 0) {
    json.null();
    return;
  }
  json.begin_object()
      .member("ratio", loss.value)
      .member("low", loss.low)
      .member("high", loss.high)
      .member("lost", loss.hits)
      .member("sent", loss.trials)
      .member("worth", loss.worth)
      .member("windows", evidence.windows_with_loss)
      .member("most_in_window", evidence.most_lost)
      .end_object();
}

void write_great_circle(JsonWriter& json, const std::optional<analyzer::GreatCircle>& circle) {
  json.key("great_circle");
  if (!circle) {
    json.null();
    return;
  }
  json.begin_object()
      .member("target", circle->target)
      .member("rtt_ns", circle->round_trip)
      .member("stretch", circle->stretch)
      .member("detour_km", circle->detour_km)
      .end_object();
}

void write_one_way(JsonWriter& json, const std::vector<analyzer::OneWayDelays>& all) {
  json.key("one_way").begin_array();
  for (const analyzer::OneWayDelays& each : all) {
    json.begin_object()
        .member("target", each.target)
        .member("protocol", to_string(each.protocol))
        .member("dscp", each.dscp)
        .member("samples", each.samples)
        .member("forward_p50_ns", each.forward)
        .member("reverse_p50_ns", each.reverse)
        .member("clock_error_ns", each.error)
        .member("asymmetry_ns", each.asymmetry())
        .member("asymmetry_error_ns", each.asymmetry_error())
        .end_object();
  }
  json.end_array();
}

void write_far_view(JsonWriter& json, const FarView& far) {
  json.begin_object();
  if (far.dscp) json.member("dscp", static_cast<unsigned>(*far.dscp));
  if (!far.seen_as.empty()) json.member("seen_as", std::string_view{far.seen_as});
  if (!far.clock.empty()) json.member("clock", std::string_view{far.clock});
  if (!far.empty()) json.member("counts", far.counts);
  if (far.left_late) {
    json.member("left_late_ns", far.left_late->count());
    json.member("left_by", std::string_view{far.left_by});
  }
  json.end_object();
}

}  // namespace

void write_members(JsonWriter& json, const analyzer::FlowMembers& by_flow) {
  json.key("members").begin_array();
  for (const analyzer::EcmpMember& member : by_flow.members) {
    json.begin_object().key("flows").begin_array();
    for (const std::uint16_t flow : member.flows) json.value(flow);
    json.end_array()
        .member("min_ns", member.minimum)
        .member("median_ns", member.median)
        .member("samples", member.samples)
        .end_object();
  }
  json.end_array();
  for (const auto& [name, flows] :
       {std::pair{"flows", &by_flow.flows}, {"unplaced", &by_flow.unplaced}}) {
    json.key(name).begin_array();
    for (const analyzer::FlowFigures& flow : *flows) write_flow(json, flow);
    json.end_array();
  }
}

void write_packet_variation(JsonWriter& json,
                            const std::optional<analyzer::PacketVariation>& variation) {
  json.key("ipdv");
  if (!variation) {
    json.null();
    return;
  }
  json.begin_object()
      .member("pairs", variation->pairs)
      .member("p50_ns", variation->p50)
      .member("p95_ns", variation->p95)
      .member("p99_ns", variation->p99)
      .end_object();
}

void write_clocks_view(JsonWriter& json, const Clocks& clocks) {
  json.begin_object();
  if (clocks.state != ClockState::untold) {
    json.member("state", to_string(clocks.state)).member("error_ns", clocks.error);
  }
  if (clocks.raw_forward) json.member("raw_forward_ns", *clocks.raw_forward);
  if (clocks.raw_reverse) json.member("raw_reverse_ns", *clocks.raw_reverse);
  json.end_object();
}

std::string to_json(const Clocks& clocks) {
  JsonWriter json;
  write_clocks_view(json, clocks);
  return json.take();
}

void write_clocks(JsonWriter& json, const Clocks& clocks) {
  if (clocks.state == ClockState::untold) return;
  json.key("clocks");
  write_clocks_view(json, clocks);
}

std::string to_json(const CountsByKind& counts) {
  JsonWriter json;
  write_by_kind(json, counts);
  return json.take();
}

std::string to_json(const FarView& far) {
  JsonWriter json;
  write_far_view(json, far);
  return json.take();
}

void write_far(JsonWriter& json, const FarView& far) {
  if (far.empty()) return;
  json.key("far");
  write_far_view(json, far);
}

std::string to_json(const Window& window) {
  JsonWriter json = begin("window");
  write_session(json, window.session);
  json.member("start", window.start).member("length_ns", window.length);
  write_counts(json, window.counts);
  write_sketch(json, "rtt", window.rtt);
  write_sketch(json, "forward", window.forward);
  write_sketch(json, "reverse", window.reverse);
  write_sketch(json, "lag", window.lag);
  write_sketch(json, "uncertain", window.uncertain);
  write_sketch(json, "ipdv", window.ipdv);
  json.member("source", to_string(window.source)).member("uncertainty_ns", window.uncertainty);
  write_far(json, window.far);
  write_clocks(json, window.clocks);
  return json.end_object().take();
}

std::string to_json(const analyzer::OneWayChange& change) {
  JsonWriter json = begin("one-way-change");
  write_session(json, change.session);
  json.member("at", change.at)
      .member("shift", to_string(change.shift))
      .member("reference", change.reference)
      .member("steps", change.steps);
  if (change.shift != analyzer::OneWayShift::too_few) {
    json.member("forward_ns", change.forward)
        .member("reverse_ns", change.reverse)
        .member("error_ns", change.error)
        .member("drift", change.drift);
  }
  return json.end_object().take();
}

std::string to_json(const analyzer::Evidence& evidence) {
  JsonWriter json = begin("evidence");
  json.member("path", evidence.path).member("class", evidence.traffic_class);
  json.key("method");
  if (evidence.method.empty()) {
    json.null();
  } else {
    json.value(std::string_view{evidence.method});
  }
  json.member("from", evidence.from)
      .member("to", evidence.to)
      .member("windows", evidence.windows)
      .member("samples", evidence.samples)
      .member("kept_apart", evidence.kept_apart);
  json.key("rtt").begin_array();
  for (const analyzer::Percentile& p : evidence.rtt) {
    json.begin_object()
        .member("q", p.q)
        .member("value_ns", p.value)
        .member("low_ns", p.low)
        .member("high_ns", p.high)
        .member("adequate", p.adequate())
        .member("probes", p.probes)
        .member("worth", p.worth)
        .end_object();
  }
  json.end_array().member("min_ns", evidence.min).member("pdv_ns", evidence.pdv);
  write_packet_variation(json, evidence.ipdv);
  write_loss(json, evidence);
  json.member("floor_ns", evidence.floor)
      .member("stretch", evidence.stretch)
      .member("detour_km", evidence.detour_km);
  write_great_circle(json, evidence.great_circle);
  write_one_way(json, evidence.one_way);
  json.member("age_ns", evidence.age)
      .member("adequate", evidence.adequacy == analyzer::Adequacy::adequate)
      .member("adequacy_reason", evidence.adequacy_reason)
      .member("below_floor", evidence.below_floor)
      .member("source", to_string(evidence.source))
      .member("uncertainty_ns", evidence.uncertainty)
      .member("mixed_members", evidence.mixed_members());
  json.key("flows").begin_array();
  for (const analyzer::StreamFlows& stream : evidence.flows) write_flows(json, stream);
  json.end_array();
  json.key("notes").begin_array();
  for (const std::string& note : evidence.notes) json.value(note);
  json.end_array();
  return json.end_object().take();
}

std::string to_json(const analyzer::Verdict& verdict) {
  JsonWriter json = begin("verdict");
  json.member("class", verdict.traffic_class)
      .member("whole", verdict.whole.empty() ? std::nullopt : std::optional{verdict.whole})
      .member("at", verdict.at)
      .member("ruling", to_string(verdict.ruling))
      .member("path", verdict.path)
      .member("previous", verdict.previous)
      .member("reason", verdict.reason)
      .member("gain_ns", verdict.gain)
      .member("gain_low_ns", verdict.gain_low)
      .member("gain_high_ns", verdict.gain_high)
      .member("gain_wanted_ns", verdict.gain_wanted)
      .member("rival", verdict.rival)
      .member("streak", verdict.streak)
      .member("chance", verdict.chance)
      .member("hold_until", verdict.hold_until);
  json.key("ranking").begin_array();
  for (const analyzer::Ranked& ranked : verdict.ranking) {
    json.begin_object()
        .member("path", ranked.path)
        .member("eligible", ranked.eligible)
        .member("reason", ranked.reason)
        .member("difference_ns", ranked.difference)
        .member("difference_low_ns", ranked.difference_low)
        .member("difference_high_ns", ranked.difference_high)
        .end_object();
  }
  return json.end_array().end_object().take();
}

std::string to_json(const analyzer::DecisionMemory& memory) {
  JsonWriter json = begin("memory");
  json.key("classes").begin_object();
  for (const auto& [traffic_class, each] : memory) {
    json.key(traffic_class)
        .begin_object()
        .member("path", each.path)
        .member("changed", each.changed)
        .member("challenger", each.challenger)
        .member("streak", each.streak)
        .member("better", each.better)
        .member("judged", each.judged)
        .member("displaced", each.displaced)
        .member("forced", each.forced)
        .member("penalty", each.penalty)
        .member("against", each.against)
        .end_object();
  }
  return json.end_object().end_object().take();
}

}  // namespace strait::exporters
