// SPDX-License-Identifier: Apache-2.0
// Segments with data: which are new and wait for an acknowledgment, which were there before.
#include "probe/passive/tcp_tracker.hpp"

namespace strait::probe::passive {
namespace {

// A window is at most 2^30 octets (RFC 7323 section 2.3), so what is further off is of something
// else.
constexpr std::int32_t largest_window = 1 << 30;
// What fills a hole within this time was overtaken on its way, not sent again.
constexpr std::int64_t reordered_within = 3'000'000;  // ns

}  // namespace

void TcpTracker::send(Flow& flow, const Decoded& packet, unsigned side) {
  Side& sender = flow.sides.at(side);
  const bool fin = (packet.flags & tcp::fin) != 0;
  const std::uint32_t end = packet.sequence + packet.payload_length + (fin ? 1U : 0U);
  const bool known = flow.has(flow_flag::next_known, side);
  if (end == packet.sequence) {
    // RFC 9293 section 3.8.4: a keep-alive has the last sequence number that was acknowledged. A
    // sender that probes a window that is closed may do the same.
    if (known && packet.sequence == sender.next - 1 && flow.has(flow_flag::acked_known, side) &&
        sender.acked == sender.next) {
      if (Detail* const its = detail(sender)) {
        ++(flow.has(flow_flag::zero_window, 1 - side) ? its->window_probes : its->keep_alives);
      }
    }
    return;
  }
  if (fin) flow.set(flow_flag::fin, side);
  if (!known) {
    // From the middle: this may be a retransmission for all that is known.
    flow.set(flow_flag::next_known, side);
    sender.next = end;
    if (Detail* const its = detail(sender); its != nullptr && packet.has_timestamps) {
      its->newest_tsval = packet.tsval;
      its->has_tsval = true;
    }
    return;
  }
  const std::int32_t ahead = distance(sender.next, packet.sequence);
  if (ahead > largest_window || ahead < -largest_window) return;
  if (ahead < 0) {
    send_old(flow, packet, side, end);
  } else {
    send_new(flow, packet, side, end);
  }
}

void TcpTracker::send_new(Flow& flow, const Decoded& packet, unsigned side, std::uint32_t end) {
  Side& sender = flow.sides.at(side);
  Detail* const its = detail(sender);
  if (its == nullptr) {
    sender.next = end;
    ++tally_.untracked;
    return;
  }
  if (packet.sequence != sender.next) {
    its->hole_begin = sender.next;
    its->hole_end = packet.sequence;
    its->hole_time = packet.time;
  } else if (packet.payload_length == 1 && flow.has(flow_flag::zero_window, 1 - side)) {
    ++its->window_probes;  // RFC 9293 section 3.8.6.1
  }
  sender.next = end;
  if (!flow.has(flow_flag::in_step, side)) return;
  // Nobody acknowledges what stands behind a hole at once, except by SACK.
  const bool hole = its->hole_begin != its->hole_end;
  track(flow, packet, side, end, hole ? Outstanding::not_cumulative : 0);
}

void TcpTracker::fill_hole(Detail& detail, const Decoded& packet, std::uint32_t end) {
  if (packet.time - detail.hole_time <= reordered_within) {
    ++detail.reordered;
  } else {
    ++detail.filled_late;
  }
  if (packet.sequence == detail.hole_begin) {
    detail.hole_begin = before(end, detail.hole_end) ? end : detail.hole_end;
  } else if (!before(end, detail.hole_end)) {
    detail.hole_end = packet.sequence;
  }
}

// A segment that begins before what was sent last: sent again, or overtaken.
void TcpTracker::send_old(Flow& flow, const Decoded& packet, unsigned side, std::uint32_t end) {
  Side& sender = flow.sides.at(side);
  Detail* const its = detail(sender);
  if (its == nullptr) return;
  // RFC 9293 section 3.8.4: a keep-alive may have one octet of rubbish that is acknowledged already.
  if (packet.payload_length == 1 && packet.sequence == sender.next - 1 &&
      flow.has(flow_flag::acked_known, side) && sender.acked == sender.next) {
    ++its->keep_alives;
    return;
  }
  const bool in_hole = its->hole_begin != its->hole_end && before(packet.sequence, its->hole_end) &&
                       !before(packet.sequence, its->hole_begin);
  if (in_hole) {
    fill_hole(*its, packet, end);
  } else if (packet.payload_length == 1 && flow.has(flow_flag::zero_window, 1 - side)) {
    ++its->window_probes;
  } else {
    ++its->retransmitted;
  }
  // Karn's rule (RFC 6298 section 3). A cumulative acknowledgment of anything later may be caused by
  // this segment, so none of those on the way is timed by it.
  auto ring = ring_of(*its);
  const std::uint32_t begin = packet.sequence;
  ring.for_each([&](Outstanding& segment) {
    segment.set(Outstanding::not_cumulative);
    if (before(begin, segment.end) && !before(end, segment.end)) {
      segment.set(Outstanding::sent_again);
    }
    if (packet.has_timestamps && segment.tsval == packet.tsval) {
      segment.set(Outstanding::tsval_again);
    }
  });
  if (before(sender.next, end)) sender.next = end;
  if (!flow.has(flow_flag::in_step, side)) return;
  // Its TSval, if it is a new one, tells it from the first transmission.
  track(flow, packet, side, end, Outstanding::not_cumulative | Outstanding::sent_again);
}

void TcpTracker::track(Flow& flow, const Decoded& packet, unsigned side, std::uint32_t end,
                       std::uint32_t flags) {
  Detail& its = details_[flow.sides.at(side).detail];
  if (options_.timestamps && packet.has_timestamps) {
    // Only the first segment with a TSval: its echo is of the earliest that is not acknowledged
    // (RFC 7323 section 4.3).
    if (!its.has_tsval || before(its.newest_tsval, packet.tsval)) {
      flags |= Outstanding::first_of_tsval;
      if (!its.has_tsval || its.first_tsval_time == 0) {
        its.first_tsval = packet.tsval;
        its.first_tsval_time = packet.time;
      }
      its.has_tsval = true;
      its.newest_tsval = packet.tsval;
      its.newest_tsval_time = packet.time;
    }
  }
  const bool by_timestamp = (flags & Outstanding::first_of_tsval) != 0;
  const bool by_sequence = wants_sequence(packet) && (flags & Outstanding::sent_again) == 0;
  if (!by_timestamp && !by_sequence) return;
  const std::int64_t since = packet.time - flow.first;
  if (since < 0) return;  // the capture's clock went back
  auto ring = ring_of(its);
  const bool kept = ring.push(
      {.when = (static_cast<std::uint64_t>(since) << Outstanding::flag_bits) | flags,
       .end = end,
       .tsval = packet.tsval});
  if (kept) return;
  ++its.untracked;
  ++tally_.untracked;
}

}  // namespace strait::probe::passive
