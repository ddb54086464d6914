// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstddef>

#include "probe/octets.hpp"
#include "probe/prober_impl.hpp"
#include "probe/tcp_packet.hpp"

namespace strait::probe {
namespace {

constexpr int most_bursts = 64;               // per step: sending must not starve
constexpr std::size_t worth_prefetching = 3;  // arrivals

// A transport that sleeps sees a reply late, never early: so down at once and up slowly, which
// settles near the fast end of a path with jitter.
Nanos sooner(Nanos expected, Nanos took) {
  if (expected == Nanos{0} || took < expected) return took;
  return expected + (took - expected) / 8;
}

// Number and time of the probe are both left zero. Number 0 is that of a probe, too: only while no
// other was sent is it this one's reply, else it may be anybody's.
bool echoes_nothing(const StampReply& reply, const Probe& probe) {
  return reply.sender_sequence == 0 && reply.sender_timestamp == 0 &&
         reply.timestamp != probe.wire_time;
}

}  // namespace

void Prober::Impl::receive_all() {
  drained_ = false;
  for (int i = 0; i < most_bursts; ++i) {
    const std::size_t count = transport_.receive(arrivals_);
    if (count == 0) {
      drained_ = true;
      return;
    }
    take(std::span{arrivals_}.first(count));
  }
}

void Prober::Impl::take(std::span<const Arrival> burst) {
  if (burst.size() >= worth_prefetching) prefetch(burst);
  // Stamps first: then hardly any reply has to wait for one.
  bool others = false;
  for (const Arrival& arrival : burst) {
    if (arrival.kind == Arrival::Kind::transmit_stamp) {
      take_stamp(arrival);
    } else {
      others = true;
    }
  }
  if (others) {
    for (const Arrival& arrival : burst) {
      if (arrival.kind == Arrival::Kind::datagram) take_datagram(arrival);
      if (arrival.kind == Arrival::Kind::icmp_error) take_icmp_error(arrival);
    }
  }
  samples_.flush();
}

// As prefetch_due(). The sequence number is that of a STAMP reply; of anything else it is wrong,
// which costs a place in the cache.
void Prober::Impl::prefetch(std::span<const Arrival> burst) const {
  for (const Arrival& arrival : burst) {
    if (const auto index = session_at(arrival.flow); index != nobody) sessions_[index].prefetch();
  }
  for (const Arrival& arrival : burst) {
    const std::uint32_t index = session_at(arrival.flow);
    if (index == nobody) continue;
    const Session& session = sessions_[index];
    if (arrival.kind == Arrival::Kind::transmit_stamp) {
      session.matcher.prefetch(arrival.tag);
      continue;
    }
    session.prefetch_arriving();
    if (arrival.payload.size() < shortest_twamp_reply) continue;
    const std::uint32_t sequence = stamp_reply_sequence(arrival.payload);
    session.matcher.prefetch(sequence);
    session.matcher.prefetch(sequence - 1);
  }
}

std::uint32_t Prober::Impl::session_at(FlowId flow) const {
  return flow < by_flow_.size() ? by_flow_[flow] : nobody;
}

void Prober::Impl::take_stamp(const Arrival& arrival) {
  const std::uint32_t index = session_at(arrival.flow);
  if (index == nobody) return;
  Session& session = sessions_[index];
  Probe* const probe = session.matcher.find(arrival.tag);
  if (probe == nullptr || !probe->stamp_follows) return;

  probe->stamp_follows = false;
  const Stamp& stamp = arrival.received;
  if (stamp.mono < probe->sent_mono - options_.clock_step_limit) {
    // It cannot have left before it was sent: the clocks moved in between.
    current_tally(index).count(ErrorKind::clock_step);
  } else {
    probe->sent_mono = stamp.mono;
    probe->sent_wall = stamp.wall;
    probe->source = stamp.source;
    probe->set_uncertainty(stamp.uncertainty);
  }
  if (probe->state != Probe::State::stamp_pending) return;
  const auto waiting = std::ranges::find_if(pending_, [&](const Pending& pending) {
    return pending.session == index && pending.reply.sequence == arrival.tag;
  });
  if (waiting == pending_.end()) return;
  const Reply reply = waiting->reply;
  pending_.erase(waiting);
  complete(index, *probe, reply);
}

void Prober::Impl::take_datagram(const Arrival& arrival) {
  const std::uint32_t index = session_at(arrival.flow);
  if (index == nobody) {
    ++strays_["unknown-flow"];
    return;
  }
  const Session& session = sessions_[index];
  Reply reply;
  std::optional<ErrorKind> wrong;
  if (!session.peer.matches(arrival.source)) {
    wrong = ErrorKind::wrong_source;
  } else {
    const bool echo = session.icmp || session.udp_echo || session.tcp;
    wrong = echo ? read_echo(session, arrival, reply) : read_stamp(session, arrival, reply);
  }
  if (wrong) {
    current_tally(index).count(*wrong);
    return;
  }
  reply.hop_limit = arrival.hop_limit;
  reply.dscp_ecn = arrival.dscp_ecn;
  reply.received = arrival.received;
  judge(index, reply);
}

std::optional<ErrorKind> Prober::Impl::read_echo(const Session& session, const Arrival& arrival,
                                                 Reply& reply) const {
  if (session.tcp) {
    if (arrival.payload.size() < tcp_probe_size) return ErrorKind::bad_length;
    // It acknowledges the SYN, which takes one number (RFC 9293 §3.4).
    const std::uint32_t number = load<std::uint32_t>(arrival.payload, 0) - 1;
    reply.sequence = reveal_sequence(cookie_key_, session.id, number);
    return std::nullopt;
  }
  const EchoReply echo =
      session.udp_echo
          ? read_udp_echo(cookie_key_, session.id, arrival.payload)
          : read_icmp_payload(cookie_key_, session.id, static_cast<std::uint16_t>(arrival.tag),
                              arrival.payload);
  if (echo.check == EchoCheck::bad_length) return ErrorKind::bad_length;
  if (echo.check == EchoCheck::wrong_session) return ErrorKind::wrong_session;
  reply.sequence = echo.sequence;
  return std::nullopt;
}

std::optional<ErrorKind> Prober::Impl::read_stamp(const Session& session, const Arrival& arrival,
                                                  Reply& reply) {
  const std::size_t shortest = session.twamp_light ? shortest_twamp_reply : stamp_packet_size;
  std::optional<StampReply> wire;
  if (session.extension != nullptr) [[unlikely]] {
    const auto wrong = session.extension->read(arrival.payload, shortest, wire.emplace());
    if (wrong) return wrong;
  } else {
    wire = read_stamp_reply(arrival.payload, shortest);
  }
  if (!wire) return ErrorKind::bad_length;
  // A reflector without RFC 8972 answers with SSID 0; a TWAMP-Light one with anything.
  const bool ours = session.twamp_light || wire->ssid == session.ssid ||
                    (wire->ssid == 0 && !session.require_ssid);
  if (!ours) return ErrorKind::wrong_session;
  if (!session.twamp_light && decode_error_estimate(wire->error_estimate).corrupt()) {
    return ErrorKind::corrupt_error_estimate;
  }
  reply.sequence = wire->sender_sequence;  // the reflector's own may be a counter of its own
  reply.stamped = true;
  reply.wire = *wire;
  return std::nullopt;
}

void Prober::Impl::judge(std::uint32_t index, Reply& reply) {
  Session& session = sessions_[index];
  auto [match, probe] = session.matcher.match(reply.sequence);
  if (probe != nullptr && reply.stamped && session.matcher.next_sequence() != 1 &&
      echoes_nothing(reply.wire, *probe)) [[unlikely]] {
    match = Match::unknown;
    probe = nullptr;
  }
  if (probe == nullptr) {
    current_tally(index).count(match == Match::replayed ? ErrorKind::replayed
                                                        : ErrorKind::unknown_sequence);
    return;
  }
  // The times decide, not the order in which we look: a reply is late however late we notice.
  if (match == Match::first && reply.received.mono - probe->sent_mono > session.timeout) {
    lose(index, *probe);
    match = Match::late;
  }
  if (session.extension != nullptr) [[unlikely]] {
    session.extension->judge(reply.wire,
                             {.first = match == Match::first,
                              .answered = match == Match::duplicate,
                              .dscp_ecn = reply.dscp_ecn},
                             tally_of(index, *probe));
  }
  if (match == Match::late) {
    probe->state = Probe::State::answered_late;
    ++tally_of(index, *probe).late;
    report(outcome(index, *probe, Fate::late));
  } else if (match == Match::duplicate) {
    ++tally_of(index, *probe).duplicate;
    report(outcome(index, *probe, Fate::duplicate));
  } else {
    // By the order of arrival (RFC 4737 §3.3), not by that in which transmit stamps come.
    reply.reordered = session.matcher.reordered(reply.sequence);
    if (probe->stamp_follows) {
      probe->state = Probe::State::stamp_pending;
      pending_.push_back({index, step_began_ + options_.stamp_grace, reply});
    } else {
      complete(index, *probe, reply);
    }
  }
}

void Prober::Impl::complete(std::uint32_t index, Probe& probe, const Reply& reply) {
  Session& session = sessions_[index];
  Tally& tally = tally_of(index, probe);
  session.matcher.decided(probe.sequence);
  --outstanding_;
  ++tally.received;
  if (reply.reordered) ++tally.reordered;

  const Stamp sent{probe.sent_mono, probe.sent_wall, probe.source, {}};
  Sample sample = measure(sent, probe.wire_time, reply.received,
                          reply.stamped ? &reply.wire : nullptr, limits_);
  if (session.extension != nullptr && session.extension->far_clock_is_free()) {
    sample.forward.reset();
    sample.reverse.reset();
    sample.clock = std::max(sample.clock, ClockState::far_unsynchronised);
  }
  const StampSource source = std::max(probe.source, reply.received.source);
  // A round trip has two ends, and both may be off.
  const Nanos uncertainty = probe.uncertainty() + reply.received.uncertainty;
  const bool certain = uncertainty <= options_.uncertainty_limit;
  if (sample.rtt) session.soon = sooner(session.soon, reply.received.mono - probe.sent_mono);
  probe.answer(certain ? sample.rtt : std::nullopt);
  if (certain) {
    keep(sample, tally, source, uncertainty);
    compare_neighbours(index, probe, tally);
  } else if (sample.rtt) {
    samples_.add(tally.uncertain, *sample.rtt);
  }
  if (sample.problems.any()) tally.count_problems(sample);
  if (options_.on_outcome) {
    Outcome seen = outcome(index, probe, Fate::received);
    seen.rtt = sample.rtt;
    seen.forward = sample.forward;
    seen.reverse = sample.reverse;
    seen.hop_limit = reply.hop_limit;
    seen.forward_hop_limit = reply.wire.sender_ttl;
    seen.reordered = reply.reordered;
    seen.source = source;
    seen.uncertainty = uncertainty;
    seen.kept_apart = !certain && sample.rtt;
    report(seen);
  }
  if (!session.sending) note_idle(session);
}

void Prober::Impl::keep(const Sample& sample, Tally& tally, StampSource source, Nanos uncertainty) {
  if (!sample.rtt) return;
  samples_.add(tally.rtt, *sample.rtt);
  tally.sampled_from(source);
  tally.uncertainty = std::max(tally.uncertainty, uncertainty);
  if (sample.forward) samples_.add(tally.forward, *sample.forward);
  if (sample.reverse) samples_.add(tally.reverse, *sample.reverse);
  if (sample.clock != ClockState::untold) tally.note_clocks(sample);
}

// RFC 5481 section 4.1. The probe after it may have been answered before it.
void Prober::Impl::compare_neighbours(std::uint32_t index, const Probe& probe, Tally& tally) {
  const auto rtt = probe.round_trip();
  if (!rtt) return;
  Matcher& matcher = sessions_[index].matcher;
  const auto round_trip_of = [](const Probe* other) {
    return other == nullptr ? std::nullopt : other->round_trip();
  };
  if (const auto before = round_trip_of(matcher.find(probe.sequence - 1))) {
    samples_.add(tally.ipdv, std::chrono::abs(*rtt - *before));
  }
  if (probe.sequence + 1 == matcher.next_sequence()) return;
  const Probe* const next = matcher.find(probe.sequence + 1);
  if (const auto after = round_trip_of(next)) {
    samples_.add(tally_of(index, *next).ipdv, std::chrono::abs(*after - *rtt));
  }
}

void Prober::Impl::settle_pending(MonoTime now, bool all) {
  if (pending_.empty()) return;
  std::vector<Pending> ready;
  std::erase_if(pending_, [&](const Pending& pending) {
    if (!all && pending.deadline > now) return false;
    ready.push_back(pending);
    return true;
  });
  for (const Pending& pending : ready) {
    Probe* const probe = sessions_[pending.session].matcher.find(pending.reply.sequence);
    if (probe == nullptr || probe->state != Probe::State::stamp_pending) continue;
    probe->stamp_follows = false;
    tally_of(pending.session, *probe).count(ErrorKind::no_transmit_stamp);
    complete(pending.session, *probe, pending.reply);
  }
  samples_.flush();
}

}  // namespace strait::probe
