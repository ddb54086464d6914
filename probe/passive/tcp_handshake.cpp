// SPDX-License-Identifier: Apache-2.0
// What becomes of a packet, and connections' handshakes. The data is followed in tcp_data.cpp, its
// acknowledgments in tcp_acks.cpp, what is no TCP in questions.cpp
// and quic.cpp; what is said of a flow in
// tcp_report.cpp.
#include "probe/passive/flow_tracker.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace strait::probe::passive {
namespace {

bool is_syn(const Decoded& packet) { return (packet.flags & (tcp::syn | tcp::ack)) == tcp::syn; }
bool is_syn_ack(const Decoded& packet) {
  return (packet.flags & (tcp::syn | tcp::ack)) == (tcp::syn | tcp::ack);
}
unsigned side_of(const Decoded& packet) { return packet.from_second ? 1 : 0; }

// Octets of a Detail at nearly every segment.
constexpr std::size_t looked_at = offsetof(Detail, hole_time);

void count(Side& sender, const Decoded& packet) {
  if (sender.packets < std::numeric_limits<std::uint32_t>::max()) ++sender.packets;
  sender.octets += packet.octets;
}

}  // namespace

FlowTracker::FlowTracker(std::uint32_t senders, std::uint32_t busy_senders,
                         const TcpOptions& options)
    : options_{options},
      details_{senders},
      rings_{busy_senders},
      quic_{senders / 2},
      series_{2 * senders, 2 * busy_senders} {}

// A later answer may be a repetition, the first of which the capture does not have: the first
// time-out is a second, of TCP (RFC 6298 section 2.1) and of QUIC (RFC 9002 section 6.2.2).
bool FlowTracker::is_certain(std::int64_t asked, std::int64_t answered) {
  constexpr std::int64_t first_timeout = 950'000'000;
  return answered >= asked && answered - asked < first_timeout;
}

// A SYN with another first sequence number, or one after the end (RFC 9293 section 3.6.1), is of a
// new connection. A copy of the SYN that is known is of the old one, however late.
bool FlowTracker::begins_anew(const Flow& flow, const Decoded& packet) const {
  if (packet.exchange == Exchange::quic) return begins_anew_quic(flow, packet);
  if (packet.verdict != Verdict::tcp || !is_syn(packet)) return false;
  const unsigned side = side_of(packet);
  const bool client = flow.has(flow_flag::client_known) && flow.client() == side;
  if (flow.has(flow_flag::syn) && client) return packet.sequence != flow.initial;
  // Both ends open at once (section 3.5), as long as neither has got further.
  const bool opening = flow.has(flow_flag::syn) && !flow.has(flow_flag::syn_ack);
  return flow.has(flow_flag::in_use) && !opening;
}

void FlowTracker::follow(Flow& flow, const Decoded& packet) {
  const unsigned side = side_of(packet);
  if (!flow.has(flow_flag::in_use)) {
    flow.set(flow_flag::in_use);
    flow.first = packet.time;
    flow.last = packet.time;
  }
  if (packet.time < flow.last) ++tally_.backwards;
  flow.last = std::max(flow.last, packet.time);
  count(flow.sides.at(side), packet);
  if (packet.verdict == Verdict::tcp) {
    follow_tcp(flow, packet, side);
  } else if (packet.exchange == Exchange::quic) {
    follow_quic(flow, packet, side);
  } else {
    exchange(flow, packet, side);
  }
}

void FlowTracker::follow_tcp(Flow& flow, const Decoded& packet, unsigned side) {
  if ((packet.flags & tcp::rst) != 0) {
    flow.set(flow_flag::reset);
    return;
  }
  if (is_syn(packet)) {
    syn(flow, packet, side);
    return;
  }
  if (is_syn_ack(packet)) {
    syn_ack(flow, packet, side);
    return;
  }
  if ((packet.flags & tcp::ack) == 0) return;  // RFC 9293 section 3.10.7.4: not acceptable
  if (!flow.has(flow_flag::established)) end_of_handshake(flow, packet, side);
  acknowledge(flow, packet, 1 - side);
  send(flow, packet, side);
  if (packet.window == 0) {
    flow.set(flow_flag::zero_window, side);
  } else {
    flow.clear(flow_flag::zero_window, side);
  }
}

void FlowTracker::syn(Flow& flow, const Decoded& packet, unsigned side) {
  if (flow.has(flow_flag::syn)) {
    // Karn: which SYN is answered cannot be told (RFC 6298 section 3). With SYNs of both ends
    // neither half means what it should.
    if (!flow.has(flow_flag::syn_ack)) flow.set(flow_flag::syn_again);
    if (flow.client() != side) flow.set(flow_flag::syn_ack_again);
    return;
  }
  flow.set(flow_flag::syn | flow_flag::client_known);
  if (side == 1) flow.set(flow_flag::client_second);
  flow.initial = packet.sequence;
  flow.handshake[0] = packet.time;
  // Data in a SYN (RFC 7413) has a sequence number too, but is not timed.
  flow.sides.at(side).next = packet.sequence + 1 + packet.payload_length;
  flow.set(flow_flag::next_known, side);
  flow.set(flow_flag::in_step, side);
}

void FlowTracker::syn_ack(Flow& flow, const Decoded& packet, unsigned side) {
  const unsigned client = 1 - side;
  if (flow.has(flow_flag::syn_ack)) {
    flow.set(flow_flag::syn_ack_again);  // Karn once more
    return;
  }
  if (flow.has(flow_flag::syn)) {
    const bool answers = flow.client() == client && before(flow.initial, packet.acknowledgment) &&
                         !before(flow.sides.at(client).next, packet.acknowledgment);
    if (!answers) return;
    if (!flow.has(flow_flag::syn_again) && is_certain(flow.handshake[0], packet.time)) {
      sample(flow, packet, client,
             {.method = Method::handshake, .sent = flow.handshake[0], .maybe_delayed = false});
      flow.handshake[0] = packet.time - flow.handshake[0];
      flow.set(flow_flag::server_half);
    }
  } else if (flow.sides[0].packets + flow.sides[1].packets > 1) {
    return;  // in the middle of something else
  } else {
    flow.set(flow_flag::client_known);
    if (client == 1) flow.set(flow_flag::client_second);
  }
  flow.set(flow_flag::syn_ack);
  flow.handshake[1] = packet.time;
  flow.sides.at(side).next = packet.sequence + 1;
  flow.sides.at(client).acked = packet.acknowledgment;
  if (!flow.has(flow_flag::next_known, client)) flow.sides.at(client).next = packet.acknowledgment;
  for (const unsigned each : {0U, 1U}) {
    flow.set(flow_flag::next_known, each);
    flow.set(flow_flag::in_step, each);
  }
  flow.set(flow_flag::acked_known, client);
}

// The first segment of the client that acknowledges the SYN-ACK and nothing else.
void FlowTracker::end_of_handshake(Flow& flow, const Decoded& packet, unsigned side) {
  if (!flow.has(flow_flag::syn_ack) || flow.client() != side) return;
  flow.set(flow_flag::established);
  Side& server = flow.sides.at(1 - side);
  const bool exact = server.next == packet.acknowledgment;
  if (exact && !flow.has(flow_flag::syn_ack_again) && is_certain(flow.handshake[1], packet.time)) {
    sample(flow, packet, 1 - side,
           {.method = Method::handshake, .sent = flow.handshake[1], .maybe_delayed = false});
    flow.handshake[1] = packet.time - flow.handshake[1];
    flow.set(flow_flag::client_half);
  }
  server.acked = packet.acknowledgment;
  flow.set(flow_flag::acked_known, 1 - side);
}

void FlowTracker::prefetch(const Flow& flow, const Decoded& packet) const {
  const unsigned side = side_of(packet);
  if (packet.payload_length > 0) details_.prefetch(flow.sides.at(side).detail, looked_at);
  details_.prefetch(flow.sides.at(1 - side).detail, looked_at);
}

// Where an acknowledgment's round trip will go.
void FlowTracker::prefetch_series(const Flow& flow, const Decoded& packet) const {
  const auto handle = flow.sides.at(1 - side_of(packet)).detail;
  if (handle == 0) return;
  for (const auto series : details_[handle].series) {
    if (series != 0) series_.prefetch(series);
  }
}

Detail* FlowTracker::detail(Side& side) {
  if (side.detail == 0) side.detail = details_.take();
  return side.detail == 0 ? nullptr : &details_[side.detail];
}

void FlowTracker::refuse(Detail& detail) {
  ++detail.refused;
  ++tally_.refused;
}

// From now on, which segment an acknowledgment of what is on the way is due to cannot be told.
void FlowTracker::doubt(const Side& sender, Detail& detail) {
  detail.doubt = sender.next;
  detail.has_doubt = true;
}

// A round trip of `sender`'s packet to the other end; the answer is `packet`.
void FlowTracker::sample(Flow& flow, const Decoded& packet, unsigned sender, const Found& found) {
  const Nanos rtt{packet.time - found.sent};
  ++tally_.by_method.at(static_cast<std::size_t>(found.method));
  if (found.method != Method::handshake && found.method != Method::quic_handshake) {
    Detail& detail = details_[flow.sides.at(sender).detail];
    const bool second = found.method == Method::sequence || found.method == Method::sack;
    if (!series_.record(detail.series.at(second ? 1 : 0), rtt)) {
      ++tally_.no_room;
    }
    if (found.maybe_delayed) ++detail.maybe_delayed;
  }
  if (!sink_) return;
  sink_({.time = WallTime{Nanos{packet.time}},
         .sender = flow.key.end(sender),
         .answerer = flow.key.end(1 - sender),
         .method = found.method,
         .rtt = rtt,
         .maybe_delayed = found.maybe_delayed,
         .path = path_});
}

void FlowTracker::release(Flow& flow) {
  for (Side& side : flow.sides) {
    if (side.detail == 0) continue;
    const Detail& detail = details_[side.detail];
    for (const auto handle : detail.series) series_.give_back(handle);
    if (detail.ring != 0) rings_.give_back(detail.ring);
    details_.give_back(side.detail);
    side.detail = 0;
  }
  if (!flow.has(flow_flag::quic)) return;
  ++tally_.by_spin.at(static_cast<std::size_t>(spin_verdict(quic_[flow.initial])));
  quic_.give_back(flow.initial);
}

std::size_t FlowTracker::memory_bytes() const {
  return details_.memory_bytes() + rings_.memory_bytes() + series_.memory_bytes() +
         quic_.memory_bytes();
}

}  // namespace strait::probe::passive
