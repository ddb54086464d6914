// SPDX-License-Identifier: Apache-2.0
// What is said of a flow.
#include <array>

#include "probe/passive/flow_tracker.hpp"

namespace strait::probe::passive {
namespace {

// Enough to tell a clock of 1000 Hz from one of 1024.
constexpr std::uint32_t fewest_ticks = 100;

std::optional<Nanos> clock_tick(const Detail& detail) {
  const std::int32_t ticks = distance(detail.first_tsval, detail.newest_tsval);
  const std::int64_t time = detail.newest_tsval_time - detail.first_tsval_time;
  if (detail.first_tsval_time == 0 || ticks < static_cast<std::int32_t>(fewest_ticks) ||
      time <= 0) {
    return std::nullopt;
  }
  return Nanos{time / ticks};
}

SenderSigns signs_of(const Detail& detail) {
  return {.retransmitted = detail.retransmitted,
          .filled_late = detail.filled_late,
          .reordered = detail.reordered,
          .duplicate_acks = detail.duplicate_acks,
          .keep_alives = detail.keep_alives,
          .window_probes = detail.window_probes,
          .unseen = detail.unseen,
          .refused = detail.refused,
          .untracked = detail.untracked,
          .maybe_delayed = detail.maybe_delayed,
          .unanswered = detail.unanswered};
}

FlowEnding ending_of(const Flow& flow, FlowEnding ending) {
  if (ending != FlowEnding::open) return ending;
  if (flow.has(flow_flag::reset)) return FlowEnding::reset;
  const bool closed = flow.has(flow_flag::fin, 0) && flow.has(flow_flag::fin, 1);
  return closed ? FlowEnding::closed : FlowEnding::open;
}

}  // namespace

SenderReport FlowTracker::sender_report(const Flow& flow, unsigned side) {
  const Side& sender = flow.sides.at(side);
  SenderReport report;
  report.end = flow.key.end(side);
  report.packets = sender.packets;
  report.octets = sender.octets;
  if (sender.detail == 0) return report;
  Detail& detail = details_[sender.detail];
  auto by_timestamp = series_.content(detail.series[0]);
  auto by_sequence = series_.content(detail.series[1]);
  const bool tcp = flow.key.protocol == protocol_tcp;
  report.question = detail.question;
  (tcp ? report.by_timestamp : report.by_question) = std::move(by_timestamp.sketch);
  report.by_sequence = std::move(by_sequence.sketch);
  report.complete = by_timestamp.complete && by_sequence.complete;
  report.clock_tick = clock_tick(detail);
  report.signs = signs_of(detail);
  if (!tcp) report.signs.unanswered += waiting(detail);
  return report;
}

FlowReport FlowTracker::report(const Flow& flow, FlowEnding ending) {
  const unsigned client = flow.likely_client();
  FlowReport report;
  report.protocol = flow.key.protocol;
  report.first = WallTime{Nanos{flow.first}};
  report.last = WallTime{Nanos{flow.last}};
  report.start =
      flow.has(flow_flag::syn | flow_flag::syn_ack) ? FlowStart::handshake : FlowStart::middle;
  report.ending = ending_of(flow, ending);
  report.client_known = flow.has(flow_flag::client_known);
  report.client = sender_report(flow, client);
  report.server = sender_report(flow, 1 - client);
  if (flow.has(flow_flag::server_half)) report.client.handshake = Nanos{flow.handshake[0]};
  if (flow.has(flow_flag::client_half)) report.server.handshake = Nanos{flow.handshake[1]};
  if (flow.has(flow_flag::quic)) add_quic(flow, report);
  return report;
}

std::string_view to_string(Method method) {
  static constexpr std::array<std::string_view, methods> names{
      "handshake", "timestamp", "sequence",       "sack", "echo",
      "query",     "stamp",     "quic-handshake", "spin", "spin-whole"};
  return names.at(static_cast<std::size_t>(method));
}

std::string_view to_string(FlowStart start) {
  return start == FlowStart::handshake ? "handshake" : "middle";
}

std::string_view to_string(FlowEnding ending) {
  static constexpr std::array<std::string_view, 5> names{"open", "closed", "reset", "reused",
                                                         "evicted"};
  return names.at(static_cast<std::size_t>(ending));
}

}  // namespace strait::probe::passive
