// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>

#include "probe/prober_impl.hpp"

namespace strait::probe {
namespace {

constexpr int most_bursts = 16;                               // per step: receiving must not starve
constexpr std::size_t worth_prefetching = 3;                  // sessions
constexpr Nanos retry_after = std::chrono::microseconds{50};  // when the transport's queue is full

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
    session.prefetch_tally(0, offsetof(Tally, rtt));
  }
}

// Writes the probes of those in due_ whose slot has come; the others were woken for a time-out.
std::size_t Prober::Impl::build(Instant now) {
  std::size_t count = 0;
  for (const std::uint32_t index : due_) {
    Session& session = sessions_[index];
    session.in_wheel = false;
    if (drained_) expire(index, step_began_);
    if (!session.sending || session.schedule.next() > now.mono) {
      requeue(index, now.mono);
      continue;
    }
    if (session.matcher.full()) {
      miss_slot(index, ErrorKind::matcher_full, now.mono);
      continue;
    }
    const auto payload = std::span{payloads_}.subspan(count * stride_, session.payload_size);
    const std::uint64_t wire_time = session.icmp ? 0 : encode_time(now.wall, session.format);
    write_payload(session, now, wire_time, payload);
    Departure& departure = departures_[count];
    departure.flow = session.flow;
    departure.tag = session.matcher.next_sequence();
    departure.payload = payload;
    departure.stamp_follows = false;
    departure.refused = false;
    departing_[count] = index;
    wire_times_[count] = wire_time;
    ++count;
  }
  return count;
}

void Prober::Impl::write_payload(const Session& session, Instant now, std::uint64_t wire_time,
                                 std::span<std::byte> payload) const {
  const std::uint32_t sequence = session.matcher.next_sequence();
  if (session.icmp) {
    write_icmp_payload(cookie_key_, session.id, sequence, now.wall, payload);
    return;
  }
  write_stamp_request({sequence, wire_time,
                       error_estimate_[static_cast<std::size_t>(session.format)], session.ssid},
                      payload);
  if (!session.twamp_light) write_extra_padding(payload);
}

// False when the transport did not take all of them: they are tried again a little later.
bool Prober::Impl::transmit(std::size_t count, Instant now) {
  const std::size_t taken = transport_.send(std::span{departures_}.first(count));
  for (std::size_t i = 0; i < taken; ++i) {
    const std::uint32_t index = departing_[i];
    if (departures_[i].refused) {
      miss_slot(index, ErrorKind::send_refused, now.mono);
      continue;
    }
    record_sent(index, departures_[i], wire_times_[i]);
    end_slot(index, now.mono);
  }
  samples_.flush();
  for (std::size_t i = taken; i < count; ++i) {
    sessions_[departing_[i]].in_wheel = true;
    wheel_.insert(departing_[i], now.mono + retry_after);
  }
  return taken == count;
}

void Prober::Impl::record_sent(std::uint32_t index, const Departure& departure,
                               std::uint64_t wire_time) {
  Session& session = sessions_[index];
  Tally& tally = current_tally(index);
  Probe& probe = session.matcher.push();
  probe.sent_mono = departure.sent.mono;
  probe.sent_wall = departure.sent.wall;
  probe.wire_time = wire_time;
  probe.epoch = static_cast<std::uint16_t>(tally.epoch);
  probe.source = departure.sent.source;
  probe.stamp_follows = departure.stamp_follows;
  ++outstanding_;
  ++tally.sent;
  samples_.add(tally.lag, departure.sent.mono - session.schedule.next());
  Nanos& seen = departure.stamp_follows ? tally.first_uncertainty : tally.sent_uncertainty;
  seen = std::max(seen, departure.sent.uncertainty);
  if (session.soon > Nanos{0}) transport_.expect(departure.sent.mono + session.soon);
}

// The slot was used or missed, and with it those that passed meanwhile.
void Prober::Impl::end_slot(std::uint32_t index, MonoTime now) {
  Session& session = sessions_[index];
  Tally& tally = current_tally(index);
  std::uint64_t missed = session.schedule.advance(now);
  if (session.slots_left != Session::endless) {
    missed = std::min(missed, session.slots_left - 1);
    session.slots_left -= 1 + missed;
    if (session.slots_left == 0) stop_sending(session);
  }
  tally.scheduled += 1 + missed;
  tally.missed += missed;
  requeue(index, now);
}

void Prober::Impl::miss_slot(std::uint32_t index, ErrorKind why, MonoTime now) {
  Tally& tally = current_tally(index);
  ++tally.missed;
  tally.count(why);
  end_slot(index, now);
}

}  // namespace strait::probe
