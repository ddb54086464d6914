// SPDX-License-Identifier: Apache-2.0
// What `strait capture` says to people.
#include <fmt/format.h>

#include <algorithm>

#include "cli/capture/report.hpp"
#include "exporters/text_table.hpp"

namespace strait::cli {
namespace {

namespace passive = probe::passive;
using exporters::Colour;
using exporters::TextTable;

// A cell that has nothing to show.
constexpr const char* nothing = "-";

TextTable::Cell right(std::string text) { return {std::move(text), Colour::none, true}; }

std::string flow_time(const std::optional<Nanos>& time) {
  return time ? strait::to_text(*time) : nothing;
}

std::string quantile_cell_of(const Sketch& rtt, double q) {
  if (rtt.empty()) return nothing;
  const auto value = flow_quantile(rtt, q);
  return value ? strait::to_text(*value) : "n/a";
}

// "timestamp", "sequence", or both where the directions differ.
std::string methods_text(const passive::FlowReport& flow) {
  std::string text;
  for (const passive::SenderReport* const sender : {&flow.client, &flow.server}) {
    if (sender->best().empty()) continue;
    const auto name = std::string{to_string(sender->best_method())};
    if (text == name) continue;
    text += (text.empty() ? "" : "/") + name;
  }
  return text.empty() ? nothing : text;
}

void add_sender_cells(std::vector<TextTable::Cell>& row, const passive::SenderReport& sender) {
  row.push_back(right(flow_time(sender.best().min())));
  row.push_back(right(quantile_cell_of(sender.best(), 0.5)));
  row.push_back(right(quantile_cell_of(sender.best(), 0.95)));
}

std::vector<TextTable::Cell> header_row() {
  std::vector<TextTable::Cell> row{{"client"}, {"server"}};
  for (const char* const name : {"octets", "sent again", "handshake", "to server min", "p50", "p95",
                                 "to client min", "p50", "p95"}) {
    row.push_back(right(name));
  }
  row.push_back({"by"});
  return row;
}

std::vector<TextTable::Cell> flow_row(const passive::FlowReport& flow) {
  const std::uint64_t again = losses(flow.client.signs) + losses(flow.server.signs);
  std::vector<TextTable::Cell> row;
  row.push_back({strait::to_string(flow.client.end) + (flow.client_known ? "" : "?")});
  row.push_back({strait::to_string(flow.server.end)});
  row.push_back(right(std::to_string(flow.client.octets + flow.server.octets)));
  row.push_back(right(std::to_string(again)));
  row.push_back(right(flow_time(flow.handshake())));
  add_sender_cells(row, flow.client);
  add_sender_cells(row, flow.server);
  row.push_back({methods_text(flow)});
  return row;
}

// "960 tcp, 3 truncated": what there is any of.
template <class Counts, class Name>
std::string list_of(const Counts& counts, const Name& name) {
  std::string text;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts.at(i) == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", counts.at(i), name(i));
  }
  return text;
}

struct Lack {
  std::uint64_t count;
  const char* what;
};

std::string lacks_text(std::initializer_list<Lack> lacks) {
  std::string text;
  for (const Lack& lack : lacks) {
    if (lack.count > 0)
      text += fmt::format("{}{} {}", text.empty() ? "" : "; ", lack.count, lack.what);
  }
  return text;
}

}  // namespace

bool is_damaged(const CaptureSum& sum) {
  return std::ranges::any_of(sum.files, [](const auto& each) { return each.tally.damaged > 0; });
}

std::string to_table(std::span<const passive::FlowReport> flows, bool colours) {
  TextTable table;
  table.add_row(header_row());
  for (const passive::FlowReport& flow : flows) table.add_row(flow_row(flow));
  return table.render("", colours);
}

std::string to_text(const CaptureSum& sum) {
  std::uint64_t untimed = 0;
  std::uint64_t dropped = 0;
  for (const FileTally& each : sum.files) {
    untimed += each.tally.untimed;
    dropped += each.tally.dropped;
  }
  const auto kinds = list_of(sum.meter.by_verdict, [](std::size_t i) {
    return to_string(static_cast<passive::Verdict>(i));
  });
  std::string text = fmt::format("packets: {}", sum.meter.packets);
  if (!kinds.empty()) text += fmt::format(" ({})", kinds);
  constexpr auto misfit = static_cast<std::size_t>(passive::Exchange::misfit);
  const auto lost =
      lacks_text({{dropped, "dropped by the capture"},
                  {untimed, "without a time"},
                  {sum.meter.by_exchange.at(misfit), "of a STAMP port, but no test packets"}});
  if (!lost.empty()) text += "; " + lost;
  text += fmt::format("\nflows: {}", sum.meter.flows);
  if (sum.meter.evicted > 0) {
    text += fmt::format(", {} cut short to make room (--max-flows)", sum.meter.evicted);
  }
  const auto trips = list_of(sum.tcp.by_method, [](std::size_t i) {
    return "by " + std::string{to_string(static_cast<passive::Method>(i))};
  });
  text += "\nround trips: " + (trips.empty() ? "none" : trips);
  const auto spin = list_of(sum.tcp.by_spin, [](std::size_t i) {
    return to_string(static_cast<passive::SpinVerdict>(i));
  });
  if (!spin.empty()) text += "\nspin bits of QUIC: " + spin;
  const auto lacks =
      lacks_text({{sum.tcp.refused, "refused, for more than one packet may be the cause"},
                  {sum.tcp.untracked, "segments without room"},
                  {sum.tcp.no_room, "round trips without room"},
                  {sum.tcp.backwards, "packets older than the one before"},
                  {sum.tcp.out_of_window, "numbers out of any window"}});
  if (!lacks.empty()) text += "\n  " + lacks;
  return text + '\n';
}

std::string damage_text(const CaptureSum& sum) {
  std::string text;
  for (const FileTally& each : sum.files) {
    const auto& tally = each.tally;
    for (const passive::Damage& damage : tally.damages) {
      text += fmt::format("strait: {}: octet {}: {}\n", each.file, damage.offset, damage.what);
    }
    if (tally.damaged > tally.damages.size()) {
      text += fmt::format("strait: {}: {} more damaged places\n", each.file,
                          tally.damaged - tally.damages.size());
    }
    if (tally.skipped_octets > 0) {
      text += fmt::format("strait: {}: {} octets passed over\n", each.file, tally.skipped_octets);
    }
  }
  return text;
}

}  // namespace strait::cli
