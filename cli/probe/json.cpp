// SPDX-License-Identifier: Apache-2.0
// The JSON lines of `strait probe`.
#include <algorithm>
#include <array>
#include <string>

#include "cli/probe/one_way.hpp"
#include "cli/probe/refusals.hpp"
#include "cli/probe/report.hpp"
#include "exporters/json_lines.hpp"
#include "exporters/json_writer.hpp"

namespace strait::cli {
namespace {

using exporters::JsonWriter;

void write_quantile(JsonWriter& json, const ReportedQuantile& quantile) {
  if (quantile.enough && quantile.infinite) {
    json.value("inf");
  } else if (quantile.value) {
    json.value(quantile.value->count());
  } else {
    json.null();
  }
}

using QuantileLabels = std::array<std::string, reported_quantiles.size()>;

const QuantileLabels& quantile_labels() {
  static const QuantileLabels labels = [] {
    QuantileLabels all;
    std::ranges::transform(reported_quantiles, all.begin(), quantile_label);
    return all;
  }();
  return labels;
}

void write_bounds(JsonWriter& json, const ReportedQuantile& quantile) {
  if (!quantile.enough) {
    json.null();
    return;
  }
  json.begin_array().value(quantile.low).value(quantile.high).end_array();
}

void write_rtt(JsonWriter& json, const Window& window) {
  std::array<ReportedQuantile, reported_quantiles.size()> quantiles;
  std::ranges::transform(reported_quantiles, quantiles.begin(),
                         [&](double q) { return reported_quantile(window, q); });
  const auto for_each = [&](const auto& write) {
    for (std::size_t i = 0; i < quantiles.size(); ++i) {
      json.key(quantile_labels().at(i));
      write(quantiles.at(i));
    }
  };
  json.key("rtt_ns").begin_object();
  const auto optional_count = [&json](const char* name, const std::optional<Nanos>& value) {
    json.key(name);
    if (value) {
      json.value(value->count());
    } else {
      json.null();
    }
  };
  optional_count("min", window.rtt.min());
  for_each([&](const ReportedQuantile& quantile) { write_quantile(json, quantile); });
  optional_count("max", window.rtt.max());
  optional_count("mean", window.rtt.mean());
  json.end_object();
  json.key("rtt_95_ns").begin_object();
  for_each([&](const ReportedQuantile& quantile) { write_bounds(json, quantile); });
  json.end_object();
  json.key("probes_needed").begin_object();
  for_each([&](const ReportedQuantile& quantile) { json.value(quantile.needed); });
  json.end_object();
}

}  // namespace

std::string to_json(const TargetReport& report) {
  const Counts& counts = report.window.counts;
  JsonWriter json;
  json.begin_object()
      .member("strait", 1)
      .member("type", "probe")
      .member("target", std::string_view{report.target});
  if (const std::string& path = report.window.session.path; !path.empty()) {
    json.member("path", std::string_view{path});
  }
  json.member("address", std::string_view{report.address.to_string()})
      .member("protocol", strait::to_string(report.window.session.protocol))
      .member("dscp", static_cast<unsigned>(report.window.session.dscp))
      .member("octets", report.size)
      .member("start", report.window.start)
      .member("timestamps", strait::to_string(report.window.source))
      .member("sent", counts.sent)
      .member("received", counts.received)
      .member("lost", counts.lost)
      .member("late", counts.late)
      .member("duplicate", counts.duplicate)
      .member("reordered", counts.reordered)
      .member("missed", counts.missed)
      .member("kept_apart", report.window.uncertain.count())
      .member("uncertainty_ns", report.window.uncertainty);
  json.key("errors").begin_object();
  for (const auto& [kind, count] : counts.errors) json.member(kind, count);
  json.end_object();
  if (!report.rejections.empty()) write_rejections(json, report.rejections);
  if (const auto limit = report.reply_rate.looks_limited()) {
    json.member("looks_limited_per_second", *limit);
  }
  exporters::write_far(json, report.window.far);
  write_rtt(json, report.window);
  if (const auto variation = packet_variation_of(report.window)) {
    exporters::write_packet_variation(json, variation);
  }
  write_one_way(json, report.window);
  if (report.floor)
    json.member("floor_ns", report.floor->count()).member("stretch", stretch(report));
  if (report.flows.size() > 1) exporters::write_members(json, members_of(report));
  return json.end_object().take();
}

std::string to_json(const probe::Outcome& outcome) {
  JsonWriter json;
  json.begin_object()
      .member("strait", 1)
      .member("type", "outcome")
      .member("target", std::string_view{outcome.key->target});
  if (const std::string& path = outcome.key->path; !path.empty()) {
    json.member("path", std::string_view{path});
  }
  json.member("flow", outcome.key->flow)
      .member("sequence", outcome.sequence)
      .member("fate", probe::to_string(outcome.fate))
      .member("sent", outcome.sent);
  const auto delay = [&json](const char* name, const std::optional<Nanos>& value) {
    if (value) json.member(name, value->count());
  };
  delay("rtt_ns", outcome.rtt);
  delay("forward_ns", outcome.forward);
  delay("reverse_ns", outcome.reverse);
  if (outcome.hop_limit != 0) json.member("hop_limit", static_cast<unsigned>(outcome.hop_limit));
  if (outcome.rtt) {
    json.member("timestamps", strait::to_string(outcome.source))
        .member("uncertainty_ns", outcome.uncertainty);
  }
  if (outcome.kept_apart) json.member("kept_apart", true);
  if (outcome.reordered) json.member("reordered", true);
  if (outcome.refused) {
    json.member("refused", probe::to_string(outcome.refused->kind))
        .member("refused_by", std::string_view{outcome.refused->by.to_string()});
  }
  return json.end_object().take();
}

}  // namespace strait::cli
