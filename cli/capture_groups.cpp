// SPDX-License-Identifier: Apache-2.0
#include "cli/capture_groups.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cli/capture_report.hpp"
#include "exporters/json_writer.hpp"
#include "exporters/text_table.hpp"

namespace strait::cli {
namespace {

namespace passive = probe::passive;
using exporters::Colour;
using exporters::TextTable;

constexpr std::size_t most_groups = 100'000;
// The longest prefixes that are routed nearly everywhere.
constexpr std::uint8_t routed_v4 = 24;
constexpr std::uint8_t routed_v6 = 48;

template <class Octets>
void clear_beyond(Octets& octets, std::uint8_t length) {
  for (std::size_t i = length / 8U; i < octets.size(); ++i) octets.at(i) = 0;
}

// Lengths are whole octets.
Prefix group_of(const Address& address, GroupBy by) {
  const bool host = by == GroupBy::host;
  if (address.is_v4()) {
    auto octets = address.to_v4().to_bytes();
    const std::uint8_t length = host ? 32 : routed_v4;
    clear_beyond(octets, length);
    return {boost::asio::ip::address_v4{octets}, length};
  }
  auto octets = address.to_v6().to_bytes();
  const std::uint8_t length = host ? 128 : routed_v6;
  clear_beyond(octets, length);
  return {boost::asio::ip::address_v6{octets}, length};
}

std::string group_name(const Prefix& prefix) {
  const bool host = prefix.length == (prefix.network.is_v4() ? 32 : 128);
  return host ? prefix.network.to_string() : strait::to_string(prefix);
}

using GroupRank = std::pair<std::int64_t, std::uint64_t>;

GroupRank rank_of_group(const EndGroup& group, FlowRank rank) {
  const std::uint64_t octets = group.octets_to + group.octets_from;
  if (rank == FlowRank::octets) return {0, octets};
  if (rank == FlowRank::retransmissions) {
    return {static_cast<std::int64_t>(group.sent_again), octets};
  }
  return {flow_quantile(group.rtt, 0.95).value_or(Nanos{-1}).count(), octets};
}

TextTable::Cell number_cell(std::string text) { return {std::move(text), Colour::none, true}; }

TextTable::Cell delay_cell_of(const std::optional<Nanos>& time, bool any) {
  if (!any) return number_cell("-");
  return number_cell(time ? strait::to_text(*time) : "n/a");
}

}  // namespace

void EndGroups::add(const passive::FlowReport& flow) {
  add(flow.server, flow.client);
  add(flow.client, flow.server);
}

// `to` is in the group; `from` sent to it, and its data made the round trips.
void EndGroups::add(const passive::SenderReport& to, const passive::SenderReport& from) {
  const Prefix prefix = group_of(to.end.address, by_);
  auto found = groups_.find(prefix);
  if (found == groups_.end()) {
    if (groups_.size() == most_groups) {
      ++without_room_;
      return;
    }
    found = groups_.try_emplace(prefix).first;
    found->second.prefix = prefix;
  }
  EndGroup& group = found->second;
  ++group.flows;
  group.packets_to += from.packets;
  group.octets_to += from.octets;
  group.packets_from += to.packets;
  group.octets_from += to.octets;
  group.sent_again += losses(from.signs);
  if (from.handshake) group.handshakes.record(*from.handshake);
  group.rtt.merge(from.best());
}

std::vector<EndGroup> EndGroups::top(std::optional<std::uint32_t> most, FlowRank rank) const {
  std::vector<std::pair<GroupRank, const EndGroup*>> ranked;
  ranked.reserve(groups_.size());
  for (const auto& [prefix, group] : groups_)
    ranked.emplace_back(rank_of_group(group, rank), &group);
  std::ranges::stable_sort(ranked, [](const auto& a, const auto& b) { return b.first < a.first; });
  std::vector<EndGroup> first;
  for (const auto& [key, group] : ranked) {
    if (most && first.size() == *most) break;
    first.push_back(*group);
  }
  return first;
}

std::string to_json(const EndGroup& group) {
  exporters::JsonWriter json;
  json.begin_object()
      .member("strait", 1)
      .member("type", "group")
      .member("group", std::string_view{group_name(group.prefix)})
      .member("flows", group.flows)
      .member("packets_to", group.packets_to)
      .member("octets_to", group.octets_to)
      .member("packets_from", group.packets_from)
      .member("octets_from", group.octets_from)
      .member("sent_again", group.sent_again);
  write_round_trips(json, "handshake", group.handshakes);
  write_round_trips(json, "rtt", group.rtt);
  return json.end_object().take();
}

std::string group_csv_header() {
  return "group,flows,packets_to,octets_to,packets_from,octets_from,sent_again,count,min_ns,p50_ns,"
         "p90_ns,p95_ns,p99_ns,max_ns";
}

std::string to_csv(const EndGroup& group) {
  std::string line = fmt::format("{},{},{},{},{},{},{},{}", group_name(group.prefix), group.flows,
                                 group.packets_to, group.octets_to, group.packets_from,
                                 group.octets_from, group.sent_again, group.rtt.count());
  const auto time = [&line](const std::optional<Nanos>& value) {
    line += ',';
    if (value) line += std::to_string(value->count());
  };
  time(group.rtt.min());
  for (const double q : flow_quantiles) time(flow_quantile(group.rtt, q));
  time(group.rtt.max());
  return line;
}

std::string to_table(std::span<const EndGroup> groups, bool colours) {
  TextTable table;
  std::vector<TextTable::Cell> header{{"end"}};
  for (const char* const name :
       {"flows", "octets to", "from", "sent again", "round trips", "min", "p50", "p95", "p99"}) {
    header.push_back(number_cell(name));
  }
  table.add_row(std::move(header));
  for (const EndGroup& group : groups) {
    std::vector<TextTable::Cell> row{{group_name(group.prefix)}};
    for (const std::uint64_t count :
         {group.flows, group.octets_to, group.octets_from, group.sent_again, group.rtt.count()}) {
      row.push_back(number_cell(std::to_string(count)));
    }
    const bool any = !group.rtt.empty();
    row.push_back(delay_cell_of(group.rtt.min(), any));
    for (const double q : {0.5, 0.95, 0.99}) {
      row.push_back(delay_cell_of(flow_quantile(group.rtt, q), any));
    }
    table.add_row(std::move(row));
  }
  return table.render("", colours);
}

}  // namespace strait::cli
