// SPDX-License-Identifier: Apache-2.0
// QUIC (RFC 9000, RFC 9369) as far as it can be seen: the handshake's first packets, and the spin
// bit (RFC 9312 sections 3.8.1 and 3.8.2).
#include <algorithm>

#include "probe/passive/flow_tracker.hpp"

namespace strait::probe::passive {
namespace {

// Where a short header is taken for QUIC's although no handshake was seen.
constexpr std::uint16_t usual_port = 443;
// Packets with the connection ID before the newest: more do not overtake one another.
constexpr std::uint32_t most_overtaken = 16;

bool is_first_initial(const Decoded& packet, const QuicLongHeader& header) {
  return packet.quic == QuicKind::initial && fixed_bit(packet.payload) &&
         packet.payload_length >= smallest_initial &&
         header.destination.length >= shortest_first_destination;
}

}  // namespace

bool FlowTracker::begins_quic(const Decoded& packet) {
  if (packet.quic == QuicKind::one_rtt) {
    return fixed_bit(packet.payload) && std::ranges::count(packet.key.ports, usual_port) == 1;
  }
  const auto header = quic_long_header(packet.payload);
  return header && is_first_initial(packet, *header);
}

// A client's Initial packet of a connection that is not the one that is known.
bool FlowTracker::begins_anew_quic(const Flow& flow, const Decoded& packet) const {
  const bool known = packet.exchange == Exchange::quic && flow.has(flow_flag::quic);
  if (!known || packet.quic != QuicKind::initial) return false;
  const auto header = quic_long_header(packet.payload);
  if (!header || !is_first_initial(packet, *header)) return false;
  const QuicFlow& quic = quic_[flow.initial];
  if (quic.asked == 0) return true;
  if (flow.client() != (packet.from_second ? 1U : 0U)) return false;
  const auto& to = header->destination;
  return to != quic.first && to != quic.server;
}

void FlowTracker::follow_quic(Flow& flow, const Decoded& packet, unsigned side) {
  if (!flow.has(flow_flag::quic)) {
    const auto handle = quic_.take();
    if (handle == 0) {
      ++tally_.untracked;
      return;
    }
    flow.initial = handle;
    flow.set(flow_flag::quic);
  }
  QuicFlow& quic = quic_[flow.initial];
  if (packet.quic == QuicKind::one_rtt) {
    quic_one_rtt(flow, quic, packet, side);
  } else {
    quic_long(flow, quic, packet, side);
  }
}

void FlowTracker::quic_long(Flow& flow, QuicFlow& quic, const Decoded& packet, unsigned side) {
  const auto header = quic_long_header(packet.payload);
  if (!header) return;
  if (quic.asked == 0) {
    // The beginning; or a server's answer whose question the capture does not have, which comes out
    // with the client's next packet.
    if (!is_first_initial(packet, *header) || flow.has(flow_flag::client_known)) return;
    flow.set(flow_flag::client_known);
    if (side == 1) flow.set(flow_flag::client_second);
    quic.asked = packet.time;
    quic.first = header->destination;
    quic.client = header->source;
    quic.version = packet.quic_version;
  } else if (flow.client() == side) {
    quic_client(flow, quic, packet, *header);
  } else {
    quic_server(flow, quic, packet, *header);
  }
}

// The server's first packet answers the client's first one, if that came by once: which of two is
// answered cannot be told (RFC 6298 section 3), be the second a copy or the rest of a long
// ClientHello.
void FlowTracker::quic_server(Flow& flow, QuicFlow& quic, const Decoded& packet,
                              const QuicLongHeader& header) {
  if (header.destination != quic.client) return;
  if (quic.answered == 0 && header.source == quic.first) {
    // What came first was the server's, and this is the client's: it calls itself what that went
    // to.
    flow.flags ^= flow_flag::client_second;
    quic.server = quic.client;
    quic.client = header.source;
    quic.answered = packet.time;
    quic.client_answered = true;
    refuse_of(flow, 1 - flow.client());
    return;
  }
  const unsigned client = flow.client();
  if (packet.quic == QuicKind::initial) ++quic.server_initials;
  ++quic.server_datagrams;
  quic.server = header.source;
  if (packet.quic == QuicKind::retry) quic.first = header.source;  // RFC 9000 section 17.2.5.2
  if (quic.answered != 0) return;
  quic.answered = packet.time;
  const bool is_answer = packet.quic == QuicKind::initial || packet.quic == QuicKind::retry;
  if (!is_answer) quic.client_answered = true;  // what that answers came before, unseen
  if (!is_answer || quic.asked_again || !is_certain(quic.asked, packet.time)) {
    refuse_of(flow, client);
    return;
  }
  sample(flow, packet, client,
         {.method = Method::quic_handshake, .sent = quic.asked, .maybe_delayed = false});
  flow.handshake[0] = packet.time - quic.asked;
  flow.set(flow_flag::server_half);
}

// Only who has the server's first packet knows what it calls itself (RFC 9000 section 7.2), and
// must acknowledge it at once (section 13.2.1), or ask again after a Retry: with an Initial packet.
// Some go on with a Handshake packet instead; whether one came before and was lost is not known
// then.
void FlowTracker::quic_client(Flow& flow, QuicFlow& quic, const Decoded& packet,
                              const QuicLongHeader& header) {
  if (quic.answered == 0) {
    if (packet.quic == QuicKind::initial) quic.asked_again = true;
    return;
  }
  if (quic.client_answered || header.destination != quic.server) return;
  quic.client_answered = true;
  const unsigned server = 1 - flow.client();
  const bool at_once = packet.quic == QuicKind::initial;
  const bool answers = at_once || packet.quic == QuicKind::handshake;
  if (!answers || quic.server_initials > 1 || !is_certain(quic.answered, packet.time)) {
    refuse_of(flow, server);
    return;
  }
  sample(flow, packet, server,
         {.method = Method::quic_handshake,
          .sent = quic.answered,
          .maybe_delayed = !at_once || quic.server_datagrams > 1});
  flow.handshake[1] = packet.time - quic.answered;
  flow.set(flow_flag::client_half);
  if (flow.has(flow_flag::server_half)) quic.spin.expect(flow.handshake[0] + flow.handshake[1]);
}

void FlowTracker::quic_one_rtt(Flow& flow, QuicFlow& quic, const Decoded& packet, unsigned side) {
  const bool from_client = flow.likely_client() == side;
  if (!is_of_newest(quic, packet, side, from_client)) return;
  const auto found = quic.spin.see(from_client, spin_bit(packet.payload), packet.time);
  if (!found) return;
  // Of a whole one the sender of both changes is the one that waited.
  const unsigned sender = found->whole ? side : 1 - side;
  Detail* const its = detail(flow.sides.at(sender));
  if (its == nullptr) {
    ++tally_.untracked;
    return;
  }
  its->question = found->whole ? Method::spin_whole : Method::spin;
  sample(flow, packet, sender,
         {.method = its->question, .sent = found->sent, .maybe_delayed = found->paused});
}

// Whether the packet goes to the newest of the connection IDs that its receiver is known by; a new
// one makes the spin bit begin anew. Not known, or of no length: yes.
bool FlowTracker::is_of_newest(QuicFlow& quic, const Decoded& packet, unsigned side,
                               bool from_client) {
  const std::uint8_t length = (from_client ? quic.server : quic.client).length;
  if (quic.version == 0 || length == 0) return true;
  const auto destination = quic_destination(packet.payload, length);
  if (!destination) return true;
  ConnectionId& newest = quic.newest.at(side);
  if (!quic.destination_known.at(side)) {
    quic.destination_known.at(side) = true;
    newest = *destination;
    return true;
  }
  if (*destination == newest) return true;
  if (*destination == quic.older.at(side)) {
    ++quic.ids_again;
    return false;
  }
  quic.older.at(side) = newest;
  newest = *destination;
  ++quic.id_changes;
  quic.spin.restart();
  return true;
}

void FlowTracker::refuse_of(Flow& flow, unsigned sender) {
  if (Detail* const its = detail(flow.sides.at(sender))) {
    refuse(*its);
  } else {
    ++tally_.refused;
  }
}

SpinVerdict FlowTracker::spin_verdict(const QuicFlow& quic) {
  const bool several = quic.ids_again > most_overtaken * (quic.id_changes + 1);
  return several ? SpinVerdict::several : quic.spin.verdict();
}

void FlowTracker::add_quic(const Flow& flow, FlowReport& report) const {
  const QuicFlow& quic = quic_[flow.initial];
  const SpinVerdict verdict = spin_verdict(quic);
  QuicReport& said = report.quic.emplace();
  said.version = quic.version;
  said.spin = verdict;
  said.counts = quic.spin.counts();
  said.id_changes = quic.id_changes;
  if (verdict == SpinVerdict::spinning) return;
  for (SenderReport* const sender : {&report.client, &report.server}) {
    said.withheld += sender->by_question.count();
    sender->by_question = Sketch{};
  }
}

std::string_view to_string(SpinVerdict verdict) {
  static constexpr std::array<std::string_view, spin_verdicts> names{
      "unseen", "few", "constant", "random", "unsteady", "several", "spinning"};
  return names.at(static_cast<std::size_t>(verdict));
}

}  // namespace strait::probe::passive
