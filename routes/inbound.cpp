// SPDX-License-Identifier: Apache-2.0
#include "routes/inbound.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

#include "routes/route_filter.hpp"

namespace strait::routes {
namespace {

constexpr std::uint32_t most_prepends = 10;

std::optional<std::uint32_t> number(std::string_view text, std::uint32_t max) {
  std::uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || value > max) return std::nullopt;
  return value;
}

std::optional<Lever> parse_lever(std::string_view text) {
  const auto space = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, space);
  const std::string_view rest = text.substr(std::min(space + 1, text.size()));
  Lever lever{.kind = Lever::Kind::withhold, .words = std::string{text}, .pulled = false};
  if (text == "withhold") return lever;
  if (word == "community" && parse_community(rest)) {
    lever.kind = Lever::Kind::community;
    return lever;
  }
  if (word == "med" && number(rest, std::numeric_limits<std::uint32_t>::max())) {
    lever.kind = Lever::Kind::med;
    return lever;
  }
  if (word == "prepend" && number(rest, most_prepends).value_or(0) > 0) {
    lever.kind = Lever::Kind::prepend;
    return lever;
  }
  return std::nullopt;
}

WayIn read_way(ConfigTable& table) {
  WayIn way;
  way.comes_back = table.boolean("comes_back").value_or(false);
  for (const std::string& text : table.texts("levers")) {
    if (auto lever = parse_lever(text)) {
      way.levers.push_back(std::move(*lever));
    } else {
      table.error("levers",
                  fmt::format("lever '{}': want \"community A:B\", \"med N\", \"prepend N\" with N "
                              "from 1 to {}, or \"withhold\"",
                              text, most_prepends));
    }
  }
  for (const std::string& text : table.texts("levers_pulled")) {
    const auto lever = std::ranges::find(way.levers, text, &Lever::words);
    if (lever == way.levers.end()) {
      table.error("levers_pulled", fmt::format("'{}' is not among the levers of this path", text));
    } else {
      lever->pulled = true;
    }
  }
  return way;
}

InboundTraffic read_traffic(ConfigTable table, const InboundOptions& known,
                            std::set<std::string>& seen) {
  InboundTraffic traffic;
  table.require("class");
  table.require("prefixes");
  traffic.traffic_class = table.text("class").value_or("");
  if (!traffic.traffic_class.empty() && !seen.insert(traffic.traffic_class).second) {
    table.error("class", fmt::format("class '{}' is there twice", traffic.traffic_class));
  }
  for (const std::string& text : table.texts("prefixes")) {
    if (const auto prefix = parse_prefix(text)) {
      traffic.prefixes.push_back(*prefix);
    } else {
      table.error("prefixes", prefix.error().message);
    }
  }
  traffic.by = table.text("by");
  if (traffic.by && !known.ways.contains(*traffic.by)) {
    table.error("by", fmt::format("no [[path]] has the name '{}'", *traffic.by));
  }
  return traffic;
}

std::string list_of(const std::vector<Prefix>& prefixes) {
  std::string text;
  for (const Prefix& prefix : prefixes) {
    text += (text.empty() ? "" : ", ") + strait::to_string(prefix);
  }
  return text;
}

std::string words_of(const Lever& lever, const InboundTraffic& traffic, std::string_view at,
                     Asn site_asn) {
  const std::string prefixes = list_of(traffic.prefixes);
  switch (lever.kind) {
    case Lever::Kind::community:
    case Lever::Kind::med:
      return fmt::format("announce {} to the upstream of {} with {}", prefixes, at, lever.words);
    case Lever::Kind::prepend:
      return fmt::format("announce {} to the upstream of {} with AS{} prepended ({})", prefixes, at,
                         site_asn.value(), lever.words);
    case Lever::Kind::withhold:
      break;
  }
  return fmt::format(
      "stop announcing {} to the upstream of {}; keep announcing a covering prefix there, or it is "
      "no way back any more when the others fail",
      prefixes, at);
}

}  // namespace

InboundOptions read_inbound(ConfigTable root) {
  InboundOptions options;
  for (ConfigTable& table : root.tables("path")) {
    WayIn way = read_way(table);
    if (const auto name = table.text("name")) options.ways.emplace(*name, std::move(way));
  }
  std::set<std::string> seen;
  for (const ConfigTable& table : root.tables("inbound")) {
    options.traffic.push_back(read_traffic(table, options, seen));
  }
  return options;
}

InboundStep inbound_step(const InboundTraffic& traffic, const WayIn& from,
                         std::string_view from_name, bool same_neighbor_as, Asn site_asn) {
  for (const Lever& lever : from.levers) {
    if (lever.pulled || (lever.kind == Lever::Kind::med && !same_neighbor_as)) continue;
    return {.possible = true, .words = words_of(lever, traffic, from_name, site_asn)};
  }
  if (from.levers.empty()) {
    return {.possible = false, .words = fmt::format("path {} has no 'levers'", from_name)};
  }
  return {.possible = false,
          .words = fmt::format("every lever of path {} that can work here is pulled", from_name)};
}

}  // namespace strait::routes
