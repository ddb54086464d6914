// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <optional>

#include "probe/octets.hpp"
#include "probe/prober_impl.hpp"
#include "probe/tcp_packet.hpp"

namespace strait::probe {
namespace {

constexpr int most_bursts = 16;               // per step: receiving must not starve
constexpr std::size_t worth_prefetching = 3;  // sessions
constexpr Nanos unknown_round_trip = std::chrono::milliseconds{300};
constexpr Nanos late_by = std::chrono::milliseconds{10};
constexpr Nanos retry_after = std::chrono::microseconds{50};  // when the transport's queue is full

// A SYN that meets the half-open connection of the one before it is answered with neither SYN-ACK
// nor RST, but with an ACK (RFC 9293 §3.10.7.4): it would count as lost. So a flow has one at a
// time, until its reply is in or has long been due.
bool syn_pending(Session& session, MonoTime now) {
  if (!session.tcp) return false;
  const Probe* const newest = session.matcher.find(session.matcher.next_sequence() - 1);
  if (newest == nullptr || newest->state != Probe::State::outstanding) return false;
  const Nanos due = session.soon > Nanos{0} ? 2 * session.soon + late_by : unknown_round_trip;
  return now - newest->sent_mono < due;
}

std::optional<ErrorKind> obstacle(Session& session, MonoTime now) {
  if (session.matcher.full()) return ErrorKind::matcher_full;
  if (syn_pending(session, now)) return ErrorKind::syn_pending;
  return std::nullopt;
}

}  // namespace

void Prober::Impl::send_due() {
  for (int i = 0; i < most_bursts; ++i) {
    const Instant now = transport_.now();
    due_.clear();
    wheel_.pop_due(now.mono, burst_, due_);
    if (due_.empty()) return;
    advance_epoch(now);
    prefetch_due();
    const std::size_t count = build(now);
    if (count > 0 && !transmit(count, now)) return;
    if (due_.size() < burst_) return;
  }
}

// With thousands of sessions hardly anything of theirs is in the cache: ask for all of it at once.
void Prober::Impl::prefetch_due() const {
  if (due_.size() < worth_prefetching) return;
  for (const std::uint32_t index : due_) sessions_[index].prefetch();
  for (const std::uint32_t index : due_) {
    const Session& session = sessions_[index];
    session.matcher.prefetch_ends();
    session.prefetch_departing();
  }
}

// Writes the probes of those in due_ whose slot has come; the others were woken for a time-out.
std::size_t Prober::Impl::build(Instant now) {
  wire_now_ = {encode_time(now.wall, TimestampFormat::ntp),
               encode_time(now.wall, TimestampFormat::ptp)};
  const std::size_t share = burst_ / due_.size();  // of each session, so that all have a turn
  std::size_t count = 0;
  for (const std::uint32_t index : due_) {
    Session& session = sessions_[index];
    session.in_wheel = false;
    if (drained_) expire(index, step_began_);
    const std::size_t first = count;
    const std::size_t end = first + (session.tcp ? 1 : share);
    while (session.sending && session.slots.due(now.mono) && count < end) {
      if (const auto why = obstacle(session, now.mono)) {
        miss_slot(index, *why, now.mono);
      } else {
        build_one(index, now, count++);
      }
    }
    if (count == first) requeue(index, now.mono);
  }
  return count;
}

void Prober::Impl::build_one(std::uint32_t index, Instant now, std::size_t place) {
  Session& session = sessions_[index];
  Outgoing& outgoing = outgoing_[place];
  outgoing.session = index;
  outgoing.before = session.slots;
  outgoing.missed = session.slots.end_slot(now.mono);
  const auto payload = std::span{payloads_}.subspan(place * stride_, session.payload_size);
  Probe& probe = session.matcher.push();
  outgoing.sequence = probe.sequence;
  const bool stamp = !session.icmp && !session.udp_echo && !session.tcp;
  probe.wire_time = !stamp ? 0 : wire_now_[static_cast<std::size_t>(session.format)];
  write_payload(session, probe, now, payload);
  Departure& departure = departures_[place];
  departure.flow = session.flow;
  departure.tag = probe.sequence;
  departure.payload = payload;
  departure.stamp_follows = false;
  departure.refused = false;
}

void Prober::Impl::write_payload(const Session& session, const Probe& probe, Instant now,
                                 std::span<std::byte> payload) const {
  if (session.tcp) {
    store(payload, 0, hide_sequence(cookie_key_, session.id, probe.sequence));
    return;
  }
  if (session.icmp || session.udp_echo) {
    write_icmp_payload(cookie_key_, session.id, probe.sequence, now.wall, payload);
    return;
  }
  const StampRequest request{probe.sequence, probe.wire_time,
                             error_estimate_[static_cast<std::size_t>(session.format)],
                             session.ssid};
  if (session.extension != nullptr) [[unlikely]] {
    session.extension->write(request, payload);
    return;
  }
  write_stamp_request(request, payload);
  if (session.twamp_light) {
    // Zeros, which no reflector takes for TLVs; not what another session left there.
    std::ranges::fill(payload.subspan(stamp_packet_size), std::byte{0});
  } else {
    write_extra_padding(payload);
  }
}

// False when the transport did not take all of them: they are tried again a little later.
bool Prober::Impl::transmit(std::size_t count, Instant now) {
  const std::size_t taken = transport_.send(std::span{departures_}.first(count));
  for (std::size_t i = 0; i < taken; ++i) record_slot(outgoing_[i], departures_[i]);
  samples_.flush();
  for (std::size_t i = count; i-- > taken;) {
    Session& session = sessions_[outgoing_[i].session];
    session.slots = outgoing_[i].before;
    session.matcher.unpush();
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t index = outgoing_[i].session;
    const bool last = i + 1 == count || outgoing_[i + 1].session != index;
    if (last) end_turn(index, now.mono, i < taken);
  }
  return taken == count;
}

// The slot was used or refused; those that passed meanwhile are missed.
void Prober::Impl::record_slot(const Outgoing& outgoing, const Departure& departure) {
  Tally& tally = current_tally(outgoing.session);
  tally.scheduled += 1 + outgoing.missed;
  tally.missed += outgoing.missed;
  if (!departure.refused) {
    record_sent(outgoing, departure, tally);
    return;
  }
  ++tally.missed;
  tally.count(ErrorKind::send_refused);
  Session& session = sessions_[outgoing.session];
  Matcher& matcher = session.matcher;
  if (outgoing.sequence + 1 == matcher.next_sequence()) {
    matcher.unpush();
  } else {
    matcher.newest(outgoing.sequence).state = Probe::State::none;  // a later one was sent
    if (session.extension != nullptr) session.extension->skip(outgoing.sequence);
  }
}

void Prober::Impl::record_sent(const Outgoing& outgoing, const Departure& departure, Tally& tally) {
  Session& session = sessions_[outgoing.session];
  Probe& probe = session.matcher.newest(outgoing.sequence);
  probe.sent_mono = departure.sent.mono;
  probe.sent_wall = departure.sent.wall;
  probe.epoch = static_cast<std::uint16_t>(tally.epoch);
  probe.source = departure.sent.source;
  probe.stamp_follows = departure.stamp_follows;
  probe.set_uncertainty(departure.sent.uncertainty);
  ++outstanding_;
  ++tally.sent;
  samples_.add(tally.lag, departure.sent.mono - outgoing.before.schedule.next());
  const Nanos soon = session.soon;
  if (soon > Nanos{0}) transport_.expect(departure.sent.mono + soon);
}

// A session has had its turn in the burst; `all_taken` or the transport's queue was full.
void Prober::Impl::end_turn(std::uint32_t index, MonoTime now, bool all_taken) {
  Session& session = sessions_[index];
  if (!all_taken) {
    session.in_wheel = true;
    wheel_.insert(index, now + retry_after);
    return;
  }
  if (session.slots.left == 0) stop_sending(session);
  requeue(index, now);
}

void Prober::Impl::miss_slot(std::uint32_t index, ErrorKind why, MonoTime now) {
  Session& session = sessions_[index];
  const std::uint64_t missed = 1 + session.slots.end_slot(now);
  Tally& tally = current_tally(index);
  tally.scheduled += missed;
  tally.missed += missed;
  tally.count(why);
  if (session.slots.left == 0) stop_sending(session);
}

}  // namespace strait::probe
