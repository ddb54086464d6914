// SPDX-License-Identifier: Apache-2.0
#include "cli/capture/groups.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cli/capture/report.hpp"
#include "exporters/json_writer.hpp"
#include "exporters/text_table.hpp"

namespace strait::cli {
namespace {

namespace passive = probe::passive;
using exporters::Colour;
using exporters::TextTable;

constexpr std::size_t most_groups = 100'000;
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
  const bool own_server = places_.is_local(flow.server.end.address);
  const bool own_client = places_.is_local(flow.client.end.address);
  if (own_server && own_client) ++local_flows_;
  if (!own_server) add(flow.server, flow.client);
  if (!own_client) add(flow.client, flow.server);
}

EndGroup* EndGroups::group_of(const PlaceKey& key) {
  const auto found = groups_.find(key);
  if (found != groups_.end()) return &found->second;
  if (groups_.size() == most_groups) {
    ++without_room_;
    return nullptr;
  }
  return &groups_[key];
}

// `to` is in the group; `from` sent to it, and its data made the round trips.
void EndGroups::add(const passive::SenderReport& to, const passive::SenderReport& from) {
  const bool by_path = by_ == GroupBy::path;
  EndGroup* const there =
      group_of(by_path ? Places::key(from.path) : places_.key(by_, to.end.address));
  if (there != nullptr) {
    ++there->flows;
    there->packets_to += from.packets;
    there->octets_to += from.octets;
    there->sent_again += losses(from.signs);
    if (from.handshake) there->handshakes.record(*from.handshake);
    there->rtt.merge(from.best());
  }
  // What comes back may come another way.
  if (by_path && to.packets == 0) return;
  EndGroup* const back = by_path ? group_of(Places::key(to.path)) : there;
  if (back == nullptr) return;
  back->packets_from += to.packets;
  back->octets_from += to.octets;
}

std::vector<EndGroup> EndGroups::top(std::optional<std::uint32_t> most, FlowRank rank) const {
  std::vector<std::pair<GroupRank, const std::pair<const PlaceKey, EndGroup>*>> ranked;
  ranked.reserve(groups_.size());
  for (const auto& entry : groups_) ranked.emplace_back(rank_of_group(entry.second, rank), &entry);
  std::ranges::stable_sort(ranked, [](const auto& a, const auto& b) { return b.first < a.first; });
  std::vector<EndGroup> first;
  for (const auto& entry : ranked) {
    if (most && first.size() == *most) break;
    first.push_back(entry.second->second);
    first.back().name = places_.name(by_, entry.second->first);
  }
  return first;
}

std::string to_json(const EndGroup& group) {
  exporters::JsonWriter json;
  json.begin_object()
      .member("strait", 1)
      .member("type", "group")
      .member("group", std::string_view{group.name})
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
  std::string line = fmt::format("{},{},{},{},{},{},{},{}", group.name, group.flows,
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
    std::vector<TextTable::Cell> row{{group.name}};
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
