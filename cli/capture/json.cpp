// SPDX-License-Identifier: Apache-2.0
// The JSON lines of `strait capture`, and its CSV.
#include <fmt/format.h>

#include <cmath>
#include <string_view>

#include "analyzer/quantile_interval.hpp"
#include "cli/capture/report.hpp"
#include "exporters/json_writer.hpp"

namespace strait::cli {
namespace {

namespace passive = probe::passive;
using exporters::JsonWriter;

std::string quantile_name(double q) {
  return fmt::format("p{}", static_cast<int>(std::lround(q * 100)));
}

std::string_view protocol_name(std::uint8_t number) {
  if (number == passive::protocol_tcp) return "tcp";
  return number == passive::protocol_udp ? "udp" : "icmp";  // of either version
}

// Count, quantiles and extremes by name, times in nanoseconds.
template <class Write>
void for_each_figure(const Sketch& rtt, const Write& write) {
  write("min", rtt.min());
  for (const double q : flow_quantiles) write(quantile_name(q), flow_quantile(rtt, q));
  write("max", rtt.max());
  write("mean", rtt.mean());
}

// The counts of what one sender's segments show, by name.
template <class Write>
void for_each_sign(const passive::SenderSigns& signs, const Write& write) {
  write("retransmitted", signs.retransmitted);
  write("filled_late", signs.filled_late);
  write("reordered", signs.reordered);
  write("duplicate_acks", signs.duplicate_acks);
  write("keep_alives", signs.keep_alives);
  write("window_probes", signs.window_probes);
  write("unseen", signs.unseen);
  write("refused", signs.refused);
  write("untracked", signs.untracked);
  write("maybe_delayed", signs.maybe_delayed);
  write("unanswered", signs.unanswered);
}

void write_sender(JsonWriter& json, const char* name, const passive::SenderReport& sender) {
  json.key(name)
      .begin_object()
      .member("packets", sender.packets)
      .member("octets", sender.octets)
      .member("handshake_ns", sender.handshake);
  write_round_trips(json, "timestamp", sender.by_timestamp);
  write_round_trips(json, "sequence", sender.by_sequence);
  write_round_trips(json, "question", sender.by_question);
  json.member("complete", sender.complete).member("clock_tick_ns", sender.clock_tick);
  for_each_sign(sender.signs,
                [&json](const char* sign, std::uint32_t count) { json.member(sign, count); });
  json.end_object();
}

void write_quic(JsonWriter& json, const std::optional<passive::QuicReport>& quic) {
  if (!quic) return;
  json.key("quic")
      .begin_object()
      .member("version", std::uint64_t{quic->version})
      .member("spin", to_string(quic->spin))
      .member("packets", quic->counts.packets)
      .member("changes", quic->counts.changes)
      .member("in_turn", quic->counts.in_turn)
      .member("out_of_turn", quic->counts.out_of_turn)
      .member("overtaken", quic->counts.overtaken)
      .member("unclear", quic->counts.unclear)
      .member("paused", quic->counts.paused)
      .member("jumps", quic->counts.jumps)
      .member("withheld", quic->withheld)
      .member("id_changes", quic->id_changes)
      .end_object();
}

JsonWriter capture_line(const char* type) {
  JsonWriter json;
  json.begin_object().member("strait", 1).member("type", type);
  return json;
}

void write_files(JsonWriter& json, const CaptureSum& sum) {
  json.key("files").begin_array();
  for (const FileTally& each : sum.files) {
    json.begin_object()
        .member("file", std::string_view{each.file})
        .member("packets", each.tally.packets)
        .member("untimed", each.tally.untimed)
        .member("dropped", each.tally.dropped)
        .member("damaged", each.tally.damaged)
        .member("skipped_octets", each.tally.skipped_octets);
    json.key("damage").begin_array();
    for (const passive::Damage& damage : each.tally.damages) {
      json.begin_object()
          .member("offset", damage.offset)
          .member("reason", std::string_view{damage.what})
          .end_object();
    }
    json.end_array().end_object();
  }
  json.end_array();
}

void add_csv_sender(std::string& line, const passive::SenderReport& sender) {
  const auto time = [&line](const std::optional<Nanos>& value) {
    line += ',';
    if (value) line += std::to_string(value->count());
  };
  line += fmt::format(",{},{}", sender.packets, sender.octets);
  time(sender.handshake);
  const Sketch& rtt = sender.best();
  line += fmt::format(",{},{}", rtt.empty() ? "" : to_string(sender.best_method()), rtt.count());
  for_each_figure(rtt, [&](const std::string&, const std::optional<Nanos>& value) { time(value); });
  for_each_sign(sender.signs,
                [&line](const char*, std::uint32_t count) { line += fmt::format(",{}", count); });
}

}  // namespace

void write_round_trips(JsonWriter& json, const char* name, const Sketch& rtt) {
  json.key(name).begin_object().member("count", rtt.count());
  for_each_figure(rtt, [&](const std::string& figure, const std::optional<Nanos>& value) {
    json.member(figure + "_ns", value);
  });
  json.end_object();
}

std::optional<Nanos> flow_quantile(const Sketch& rtt, double q) {
  if (rtt.count() < analyzer::probes_needed(q)) return std::nullopt;
  return rtt.quantile(q);
}

std::uint64_t losses(const passive::SenderSigns& signs) {
  return std::uint64_t{signs.retransmitted} + signs.filled_late;
}

std::string to_json(const passive::RoundTrip& trip) {
  return capture_line("round_trip")
      .member("time", trip.time)
      .member("sender", std::string_view{strait::to_string(trip.sender)})
      .member("answerer", std::string_view{strait::to_string(trip.answerer)})
      .member("method", to_string(trip.method))
      .member("rtt_ns", trip.rtt)
      .member("maybe_delayed", trip.maybe_delayed)
      .end_object()
      .take();
}

std::string to_json(const passive::FlowReport& flow) {
  JsonWriter json = capture_line("flow");
  json.member("protocol", protocol_name(flow.protocol))
      .member("client", std::string_view{strait::to_string(flow.client.end)})
      .member("server", std::string_view{strait::to_string(flow.server.end)})
      .member("client_known", flow.client_known)
      .member("first", flow.first)
      .member("last", flow.last)
      .member("start", to_string(flow.start))
      .member("ending", to_string(flow.ending))
      .member("handshake_ns", flow.handshake());
  write_quic(json, flow.quic);
  write_sender(json, "to_server", flow.client);
  write_sender(json, "to_client", flow.server);
  return json.end_object().take();
}

std::string to_json(const CaptureSum& sum) {
  JsonWriter json = capture_line("capture");
  json.member("packets", sum.meter.packets);
  json.key("packets_by_kind").begin_object();
  for (std::size_t i = 0; i < passive::verdicts; ++i) {
    json.member(to_string(static_cast<passive::Verdict>(i)), sum.meter.by_verdict.at(i));
  }
  json.end_object();
  json.key("packets_by_exchange").begin_object();
  for (std::size_t i = 0; i < passive::exchanges; ++i) {
    json.member(to_string(static_cast<passive::Exchange>(i)), sum.meter.by_exchange.at(i));
  }
  json.end_object().member("flows", sum.meter.flows).member("evicted", sum.meter.evicted);
  json.key("round_trips").begin_object();
  for (std::size_t i = 0; i < passive::methods; ++i) {
    json.member(to_string(static_cast<passive::Method>(i)), sum.tcp.by_method.at(i));
  }
  json.end_object();
  json.key("spin").begin_object();
  for (std::size_t i = 0; i < passive::spin_verdicts; ++i) {
    json.member(to_string(static_cast<passive::SpinVerdict>(i)), sum.tcp.by_spin.at(i));
  }
  json.end_object()
      .member("refused", sum.tcp.refused)
      .member("untracked", sum.tcp.untracked)
      .member("no_room", sum.tcp.no_room)
      .member("backwards", sum.tcp.backwards)
      .member("out_of_window", sum.tcp.out_of_window)
      .member("memory_octets", sum.memory_bytes);
  write_round_trips(json, "to_servers", sum.to_servers);
  write_round_trips(json, "to_clients", sum.to_clients);
  write_files(json, sum);
  return json.end_object().take();
}

std::string flow_csv_header() {
  std::string line = "protocol,client,server,client_known,first,last,start,ending";
  for (const char* const side : {"to_server", "to_client"}) {
    const auto add = [&](const std::string& name) { line += fmt::format(",{}_{}", side, name); };
    for (const char* const name : {"packets", "octets", "handshake_ns", "method", "count"}) {
      add(name);
    }
    for_each_figure(Sketch{}, [&](const std::string& figure, const std::optional<Nanos>&) {
      add(figure + "_ns");
    });
    for_each_sign({}, [&](const char* sign, std::uint32_t) { add(sign); });
  }
  return line;
}

std::string to_csv(const passive::FlowReport& flow) {
  std::string line = fmt::format(
      "{},{},{},{},{},{},{},{}", protocol_name(flow.protocol), strait::to_string(flow.client.end),
      strait::to_string(flow.server.end), flow.client_known, strait::to_string(flow.first),
      strait::to_string(flow.last), to_string(flow.start), to_string(flow.ending));
  add_csv_sender(line, flow.client);
  add_csv_sender(line, flow.server);
  return line;
}

}  // namespace strait::cli
