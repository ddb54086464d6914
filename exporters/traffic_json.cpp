// SPDX-License-Identifier: Apache-2.0
#include "exporters/traffic_json.hpp"

#include "exporters/json_lines.hpp"
#include "exporters/json_writer.hpp"

namespace strait::exporters {
namespace {

JsonWriter traffic_line(const char* type) {
  JsonWriter json;
  json.begin_object().member("strait", json_version).member("type", type);
  return json;
}

std::string row_line(const analyzer::TrafficRow& row) {
  JsonWriter json = traffic_line("traffic_row");
  json.member("prefix", std::string_view{strait::to_string(row.prefix)});
  if (row.asn.value() != 0) json.member("asn", row.asn.value());
  if (!row.country.empty()) json.member("country", std::string_view{row.country});
  if (!row.region.empty()) json.member("region", std::string_view{row.region});
  return json.member("packets_to", row.packets_to)
      .member("octets_to", row.octets_to)
      .member("packets_from", row.packets_from)
      .member("octets_from", row.octets_from)
      .end_object()
      .take();
}

}  // namespace

std::string to_json_lines(const analyzer::Traffic& traffic) {
  JsonWriter json = traffic_line("traffic");
  json.member("from", traffic.from)
      .member("to", traffic.to)
      .member("octets_elsewhere", traffic.octets_elsewhere)
      .key("sources")
      .begin_array();
  for (const std::string& source : traffic.sources) json.value(std::string_view{source});
  std::string lines = json.end_array().end_object().take() + '\n';
  for (const analyzer::TrafficRow& row : traffic.rows) lines += row_line(row) + '\n';
  return lines;
}

}  // namespace strait::exporters
