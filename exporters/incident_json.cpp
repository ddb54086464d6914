// SPDX-License-Identifier: Apache-2.0
#include "exporters/json_lines.hpp"
#include "exporters/json_writer.hpp"

namespace strait::exporters {
namespace {

void write_texts(JsonWriter& json, std::string_view key, const std::vector<std::string>& texts) {
  json.key(key).begin_array();
  for (const std::string& text : texts) json.value(std::string_view{text});
  json.end_array();
}

void write_change(JsonWriter& json, const analyzer::Change& change) {
  json.begin_object()
      .member("path", change.session.path)
      .member("target", change.session.target)
      .member("protocol", to_string(change.session.protocol))
      .member("dscp", change.session.dscp)
      .member("flow", change.session.flow)
      .member("from", change.from)
      .member("to", change.to)
      .member("noticed", change.noticed)
      .member("size_ns", change.size)
      .member("size_low_ns", change.size_low)
      .member("size_high_ns", change.size_high)
      .member("loss", change.loss)
      .member("loss_low", change.loss_low)
      .member("loss_high", change.loss_high)
      .end_object();
}

}  // namespace

std::string to_json(const analyzer::Incident& incident) {
  JsonWriter json;
  json.begin_object()
      .member("strait", json_version)
      .member("type", "incident")
      .member("kind", to_string(incident.kind))
      .member("from", incident.from)
      .member("to", incident.to);
  write_texts(json, "paths", incident.paths);
  write_texts(json, "explained_by", incident.explained_by);
  write_texts(json, "or_else", incident.or_else);
  json.member("one_flow", incident.one_flow)
      .member("one_target", incident.one_target)
      .member("diurnal", incident.diurnal);
  json.key("changes").begin_array();
  for (const analyzer::Change& change : incident.changes) write_change(json, change);
  json.end_array().end_object();
  return json.take();
}

}  // namespace strait::exporters
