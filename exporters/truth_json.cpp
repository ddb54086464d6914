// SPDX-License-Identifier: Apache-2.0
#include "exporters/truth_json.hpp"

#include "exporters/json_lines.hpp"
#include "exporters/json_writer.hpp"

namespace strait::exporters {
namespace {

void write_names(JsonWriter& json, std::string_view key, const std::vector<std::string>& names) {
  json.key(key).begin_array();
  for (const std::string& name : names) json.value(std::string_view{name});
  json.end_array();
}

}  // namespace

std::string to_json(const probe::simulated::Truth& truth) {
  JsonWriter json;
  json.begin_object()
      .member("strait", json_version)
      .member("type", "truth")
      .member("kind", to_string(truth.kind));
  write_names(json, "paths", truth.paths);
  write_names(json, "targets", truth.targets);
  json.member("from", truth.from)
      .member("to", truth.to)
      .member("size_ns", truth.size)
      .member("loss", truth.loss)
      .member("words", std::string_view{truth.words})
      .end_object();
  return json.take();
}

}  // namespace strait::exporters
