// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/plan_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/clock.hpp"
#include "exporters/json_lines.hpp"
#include "exporters/json_writer.hpp"

namespace strait::cli {
namespace {

using exporters::Coverage;
using exporters::JsonWriter;

void write_parts(JsonWriter& json, const Advice& advice) {
  json.key("parts").begin_array();
  for (const analyzer::PartVerdict& part : advice.parts) {
    if (part.standing != analyzer::PartStanding::split) continue;
    const analyzer::Verdict& verdict = part.verdict;
    json.begin_object()
        .member("part", verdict.traffic_class)
        .member("whole", verdict.whole)
        .member("grain", to_string(part.level))
        .member("path", verdict.path)
        .member("targets", part.targets)
        .member("weight", part.weight)
        .member("gain_ns", verdict.gain)
        .member("gain_low_ns", verdict.gain_low)
        .member("gain_high_ns", verdict.gain_high)
        .member("reason", verdict.reason)
        .end_object();
  }
  json.end_array();
}

void write_coverage(JsonWriter& json, const Advice& advice) {
  json.key("coverage").begin_array();
  for (const Coverage& each : advice.coverage) {
    json.begin_object()
        .member("class", each.traffic_class)
        .member("prefixes", each.prefixes)
        .member("preferred", each.preferred)
        .member("in_measured_parts", each.in_measured)
        .member("in_split_parts", each.in_split)
        .member("weight_in_measured_parts", each.weight_in_measured)
        .member("weight_in_split_parts", each.weight_in_split)
        .member("by_traffic", each.by_traffic)
        .member("traffic_share", each.traffic_share)
        .member("measured_parts", each.measured)
        .member("unmeasured_parts", each.unmeasured)
        .member("split_parts", each.split)
        .member("left_out_parts", each.left_out)
        .end_object();
  }
  json.end_array().key("unplaced").begin_array();
  for (const std::string& target : advice.parts_known->unplaced) json.value(target);
  json.end_array();
}

double percent(std::size_t some, std::size_t all) {
  return all == 0 ? 0 : 100 * static_cast<double>(some) / static_cast<double>(all);
}

std::string coverage_line(const Coverage& each) {
  std::string weight = each.by_traffic ? "of its traffic" : "of its targets' weight";
  if (each.traffic_share) {
    weight += fmt::format(" ({:.1f} % of all)", 100 * *each.traffic_share);
  }
  return fmt::format(
      "  {}: {} parts measured of {}, {} split, {} left out; of its {} prefixes {} ({:.1f} %) lie "
      "in measured parts, {} ({:.1f} %) in split ones, {} are preferred; {} {:.1f} % and {:.1f} "
      "%\n",
      each.traffic_class, each.measured, each.measured + each.unmeasured, each.split, each.left_out,
      each.prefixes, each.in_measured, percent(each.in_measured, each.prefixes), each.in_split,
      percent(each.in_split, each.prefixes), each.preferred, weight, 100 * each.weight_in_measured,
      100 * each.weight_in_split);
}

}  // namespace

std::string coverage_text(const Advice& advice) {
  if (advice.parts.empty()) return {};
  std::string text = "coverage:\n";
  for (const Coverage& each : advice.coverage) text += coverage_line(each);
  const std::vector<std::string>& unplaced = advice.parts_known->unplaced;
  if (!unplaced.empty()) {
    text += fmt::format(
        "  {} targets are in no part, their addresses in no prefix of their "
        "class: {}\n",
        unplaced.size(), fmt::join(unplaced, " "));
  }
  return text;
}

std::string to_json(const routes::Plan& plan, const Advice& advice) {
  JsonWriter json;
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
  json.end_array();
  write_parts(json, advice);
  write_coverage(json, advice);
  return json.end_object().take();
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
