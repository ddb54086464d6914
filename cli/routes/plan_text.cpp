// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/plan_text.hpp"

#include <fmt/format.h>

#include "core/clock.hpp"
#include "exporters/json_lines.hpp"
#include "exporters/json_writer.hpp"

namespace strait::cli {

std::string to_json(const routes::Plan& plan) {
  exporters::JsonWriter json;
  json.begin_object()
      .member("strait", exporters::json_version)
      .member("type", "plan")
      .member("made", strait::to_string(plan.made))
      .member("expires", strait::to_string(plan.expires))
      .member("evidence_hash", plan.evidence_hash)
      .member("blocked", plan.blocked());
  json.key("preferences").begin_array();
  for (const routes::Preference& preference : plan.preferences) {
    json.begin_object()
        .member("class", preference.traffic_class)
        .member("path", preference.path)
        .member("protocol", preference.protocol)
        .member("local_pref", preference.local_pref.value())
        .member("prefixes", preference.prefixes.size())
        .member("reason", preference.reason)
        .end_object();
  }
  json.end_array().key("notes").begin_array();
  for (const routes::GuardNote& note : plan.notes) {
    json.begin_object()
        .member("guard", note.guard)
        .member("message", note.message)
        .member("blocks", note.blocks)
        .end_object();
  }
  return json.end_array().end_object().take();
}

std::string notes_text(std::span<const routes::GuardNote> notes) {
  std::string text;
  for (const routes::GuardNote& note : notes) {
    text +=
        fmt::format("{} {}: {}\n", note.blocks ? "BLOCKED by" : "guard", note.guard, note.message);
  }
  return text;
}

}  // namespace strait::cli
