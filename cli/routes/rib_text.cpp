// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/rib_text.hpp"

#include <fmt/format.h>

#include "exporters/json_lines.hpp"
#include "exporters/json_writer.hpp"
#include "exporters/text_table.hpp"

namespace strait::cli {
namespace {

using exporters::JsonWriter;
using exporters::TextTable;
using routes::PathAttributes;
using routes::Rib;
using routes::RibRoute;

std::string_view word_of(routes::Origin origin) {
  switch (origin) {
    case routes::Origin::igp:
      return "igp";
    case routes::Origin::egp:
      return "egp";
    case routes::Origin::incomplete:
      break;
  }
  return "incomplete";
}

std::string community_text(std::uint32_t community) {
  return fmt::format("{}:{}", community >> 16U, community & 0xffffU);
}

std::string large_text(const routes::LargeCommunity& community) {
  return fmt::format("{}:{}:{}", community.global, community.local1, community.local2);
}

std::string hex(std::span<const std::byte> octets) {
  std::string text;
  for (const std::byte octet : octets) text += fmt::format("{:02x}", std::to_integer<int>(octet));
  return text;
}

// Everything of a route that is there.
std::string words_of(const Rib& rib, const RibRoute& route) {
  const PathAttributes all = rib.decode(route);
  const routes::RibPeer& peer = rib.peer(route);
  if (peer.local()) return "not BGP";
  std::string text = fmt::format("from {} AS{}", peer.address.to_string(), peer.asn.value());
  if (route.path_id != 0) text += fmt::format(" path-id {}", route.path_id);
  text += fmt::format(", path {}", all.as_path.empty() ? "empty" : to_string(all.as_path));
  text += fmt::format(", {}, next hop {}", word_of(all.origin), all.next_hop.to_string());
  if (all.local_pref) text += fmt::format(", local-pref {}", all.local_pref->value());
  if (all.med) text += fmt::format(", MED {}", all.med->value());
  if (all.aggregator) {
    text += fmt::format(", aggregated by AS{} {}", all.aggregator->asn.value(),
                        all.aggregator->address.to_string());
  }
  if (all.only_to_customer) text += fmt::format(", OTC AS{}", all.only_to_customer->value());
  std::string communities;
  for (const auto each : all.communities) communities += " " + community_text(each);
  for (const auto& each : all.large_communities) communities += " " + large_text(each);
  if (!communities.empty()) text += ", communities" + communities;
  if (rib.head(route).marked()) text += ", marked: never raised";
  return text;
}

// "; rpki invalid (asn); bogon-prefix private-asn"
std::string words_of(const RouteRemarks& remarks) {
  std::string text;
  if (remarks.rov) {
    text += fmt::format("; rpki {}", routes::to_string(remarks.rov->state));
    if (!remarks.rov->reason.empty()) text += fmt::format(" ({})", remarks.rov->reason);
  }
  if (!remarks.region.empty()) text += fmt::format("; region {}", remarks.region);
  std::string names;
  for (const routes::ProblemKind& kind : routes::problem_kinds()) {
    if (remarks.problems.has(kind.problem)) names += fmt::format(" {}", kind.name);
  }
  return names.empty() ? text : text + ";" + names;
}

void add_remarks(JsonWriter& json, const RouteRemarks& remarks) {
  json.key("problems").begin_array();
  for (const routes::ProblemKind& kind : routes::problem_kinds()) {
    if (remarks.problems.has(kind.problem)) json.value(kind.name);
  }
  json.end_array();
  if (!remarks.region.empty()) json.member("region", remarks.region);
  if (!remarks.rov) return;
  json.member("rpki", routes::to_string(remarks.rov->state));
  if (!remarks.rov->reason.empty()) json.member("rpki_reason", remarks.rov->reason);
}

template <class Name>
void add_counts(JsonWriter& json, std::string_view key,
                const std::map<Name, std::uint64_t>& counts) {
  json.key(key).begin_object();
  for (const auto& [name, times] : counts) json.member(name, times);
  json.end_object();
}

void add_as_path(JsonWriter& json, const PathAttributes& all) {
  json.member("as_path", to_string(all.as_path)).member("origin", word_of(all.origin));
}

void add_lists(JsonWriter& json, const PathAttributes& all) {
  json.key("communities").begin_array();
  for (const auto each : all.communities) json.value(community_text(each));
  json.end_array().key("large_communities").begin_array();
  for (const auto& each : all.large_communities) json.value(large_text(each));
  json.end_array().key("extended_communities").begin_array();
  for (const auto each : all.extended_communities) json.value(fmt::format("{:016x}", each));
  json.end_array().key("cluster_list").begin_array();
  for (const auto each : all.cluster_list) {
    json.value(boost::asio::ip::address_v4{each}.to_string());
  }
  json.end_array().key("unknown").begin_array();
  for (const routes::UnknownAttribute& each : all.unknown) {
    json.begin_object()
        .member("code", each.code)
        .member("flags", each.flags)
        .member("value", hex(each.value))
        .end_object();
  }
  json.end_array();
}

template <class Number>
std::optional<std::uint32_t> plain(const std::optional<Number>& number) {
  return number ? std::optional{number->value()} : std::nullopt;
}

void add_attributes(JsonWriter& json, const PathAttributes& all) {
  add_as_path(json, all);
  json.member("next_hop", all.next_hop.to_string())
      .member("local_pref", plain(all.local_pref))
      .member("med", plain(all.med))
      .member("atomic_aggregate", all.atomic_aggregate)
      .member("otc", plain(all.only_to_customer));
  json.key("aggregator");
  if (all.aggregator) {
    json.begin_object()
        .member("asn", all.aggregator->asn.value())
        .member("address", all.aggregator->address.to_string())
        .end_object();
  } else {
    json.null();
  }
  add_lists(json, all);
}

JsonWriter begin(std::string_view type) {
  JsonWriter json;
  json.begin_object().member("strait", exporters::json_version).member("type", type);
  return json;
}

void add_route(JsonWriter& json, const Rib& rib, const Prefix& prefix, const RibRoute& route) {
  const routes::RibPeer& peer = rib.peer(route);
  json.member("prefix", strait::to_string(prefix))
      .member("peer", peer.address.to_string())
      .member("peer_asn", peer.asn.value())
      .member("path_id", route.path_id);
  add_attributes(json, rib.decode(route));
}

void add_skipped(JsonWriter& json, const routes::RibReadReport& report) {
  json.key("skipped").begin_object();
  for (const auto& [reason, times] : report.skipped) json.member(reason, times);
  json.end_object().key("damage").begin_array();
  for (const routes::SkippedPart& part : report.damage) {
    json.begin_object().member("offset", part.offset).member("reason", part.reason).end_object();
  }
  json.end_array();
}

}  // namespace

std::string to_text(const routes::RibDump& dump, const RibSummary& summary) {
  const routes::RibReadReport& report = dump.report;
  std::string text = fmt::format(
      "taken {}, {} records, {} routes read, {} withdrawn\n"
      "{} prefixes: {} IPv4, {} IPv6; {} different sets of attributes; {} routes that are not "
      "BGP's\n",
      strait::to_string(dump.taken), report.records, report.routes, report.withdrawn,
      summary.prefixes_v4 + summary.prefixes_v6, summary.prefixes_v4, summary.prefixes_v6,
      dump.rib.attributes().size(), report.local);
  TextTable table;
  const auto number = [](std::uint64_t value) {
    return TextTable::Cell{.text = fmt::to_string(value), .right = true};
  };
  const auto head = [](const char* word) { return TextTable::Cell{.text = word, .right = true}; };
  table.add_row({{.text = "peer"},
                 head("AS"),
                 head("BGP ID"),
                 head("IPv4"),
                 head("IPv6"),
                 head("only here")});
  for (std::size_t i = 0; i < summary.peers.size(); ++i) {
    const routes::RibPeer& peer = dump.rib.peers()[i];
    table.add_row({{.text = peer.address.to_string()},
                   number(peer.asn.value()),
                   {.text = boost::asio::ip::address_v4{peer.bgp_id}.to_string(), .right = true},
                   number(summary.peers[i].routes_v4),
                   number(summary.peers[i].routes_v6),
                   number(summary.peers[i].alone)});
  }
  text += table.render("", false);
  for (const auto& [state, times] : summary.rov) {
    text += fmt::format("rpki {}: {} routes\n", state, times);
  }
  for (const auto& [problem, times] : summary.problems) {
    text += fmt::format("{}: {} routes\n", problem, times);
  }
  for (const auto& [region, times] : summary.regions) {
    text += fmt::format("region {}: {} prefixes\n", region, times);
  }
  for (const auto& [reason, times] : summary.no_region) {
    text += fmt::format("no region, {}: {} prefixes\n", reason, times);
  }
  for (const auto& [reason, times] : report.skipped) {
    text += fmt::format("skipped {}: {}\n", times, reason);
  }
  return text;
}

std::string to_json(const routes::RibDump& dump, const RibSummary& summary) {
  const routes::RibReadReport& report = dump.report;
  JsonWriter json = begin("rib_summary");
  json.member("taken", dump.taken)
      .member("records", report.records)
      .member("routes_read", report.routes)
      .member("withdrawn", report.withdrawn)
      .member("local", report.local)
      .member("damaged", report.damaged)
      .member("other_records", report.other_records)
      .member("discarded_attributes", report.discarded)
      .member("prefixes_v4", summary.prefixes_v4)
      .member("prefixes_v6", summary.prefixes_v6)
      .member("attribute_sets", dump.rib.attributes().size());
  json.key("peers").begin_array();
  for (std::size_t i = 0; i < summary.peers.size(); ++i) {
    const routes::RibPeer& peer = dump.rib.peers()[i];
    json.begin_object()
        .member("address", peer.address.to_string())
        .member("asn", peer.asn.value())
        .member("bgp_id", boost::asio::ip::address_v4{peer.bgp_id}.to_string())
        .member("routes_v4", summary.peers[i].routes_v4)
        .member("routes_v6", summary.peers[i].routes_v6)
        .member("only_here", summary.peers[i].alone)
        .end_object();
  }
  json.end_array();
  add_counts(json, "rpki", summary.rov);
  add_counts(json, "problems", summary.problems);
  add_counts(json, "regions", summary.regions);
  add_counts(json, "no_region", summary.no_region);
  add_skipped(json, report);
  return json.end_object().take() + "\n";
}

std::string route_text(const Rib& rib, const Prefix& prefix, const RibRoute& route, bool best,
                       const RouteRemarks& remarks) {
  return fmt::format("{} {} {}{}\n", best ? '*' : ' ', strait::to_string(prefix),
                     words_of(rib, route), rib.peer(route).local() ? "" : words_of(remarks));
}

std::string route_json(const Rib& rib, const Prefix& prefix, const RibRoute& route,
                       std::optional<bool> best, const RouteRemarks* remarks) {
  JsonWriter json = begin("route");
  add_route(json, rib, prefix, route);
  if (best) json.member("best", *best);
  if (remarks != nullptr) add_remarks(json, *remarks);
  return json.end_object().take() + "\n";
}

std::string placement_text(const Placement& placement) {
  return fmt::format("  region {}: {}\n", placement.region, placement.reason);
}

std::string placement_json(const Prefix& prefix, const Placement& placement) {
  JsonWriter json = begin("region");
  json.member("prefix", strait::to_string(prefix))
      .member("region", placement.region)
      .member("reason", placement.reason);
  return json.end_object().take() + "\n";
}

std::string vrp_text(const routes::Vrp& vrp) {
  return fmt::format("  VRP {} up to /{} of AS{}\n", strait::to_string(vrp.prefix), vrp.max_length,
                     vrp.asn.value());
}

std::string vrp_json(const routes::Vrp& vrp) {
  JsonWriter json = begin("vrp");
  json.member("prefix", strait::to_string(vrp.prefix))
      .member("max_length", vrp.max_length)
      .member("asn", vrp.asn.value());
  return json.end_object().take() + "\n";
}

std::string decision_text(const Rib& rib, const routes::RibEntry& entry,
                          const routes::Decision& decision) {
  if (!decision.rival) return "  the only route\n";
  if (decision.open()) {
    return "  the oldest of several that are equal up to there, which a dump does not tell\n";
  }
  const auto name = [&](std::size_t i) {
    const routes::RibPeer& peer = rib.peer(entry.routes[i]);
    return peer.local() ? "not BGP" : peer.address.to_string();
  };
  return fmt::format(
      "  {} over {} by {}{}\n", name(decision.best), name(*decision.rival), decision.rung,
      decision.assumes_equal_cost ? ", if the interior costs are equal (a dump does not say)" : "");
}

std::string decision_json(const Rib& rib, const routes::RibEntry& entry,
                          const routes::Decision& decision) {
  JsonWriter json = begin("decision");
  std::optional<std::string> best;
  if (!decision.open()) best = rib.peer(entry.routes[decision.best]).address.to_string();
  json.member("prefix", strait::to_string(entry.prefix))
      .member("best", best)
      .member("rung", decision.rung)
      .member("assumes_equal_cost", decision.assumes_equal_cost);
  return json.end_object().take() + "\n";
}

std::string change_text(std::string_view what, const Rib& rib, const Prefix& prefix,
                        const RibRoute& route, const RouteRemarks* remarks) {
  return fmt::format("{} {} {}{}\n", what, strait::to_string(prefix), words_of(rib, route),
                     remarks == nullptr || rib.peer(route).local() ? "" : words_of(*remarks));
}

std::string change_json(std::string_view what, const Rib& rib, const Prefix& prefix,
                        const RibRoute& route, const RouteRemarks* remarks) {
  JsonWriter json = begin("route_change");
  json.member("change", what);
  add_route(json, rib, prefix, route);
  if (remarks != nullptr) add_remarks(json, *remarks);
  return json.end_object().take() + "\n";
}

}  // namespace strait::cli
