// SPDX-License-Identifier: Apache-2.0
// Segments with data: which are new and wait for an acknowledgment, which were there before.
#include "probe/passive/flow_tracker.hpp"

namespace strait::probe::passive {
namespace {

// A window is at most 2^30 octets (RFC 7323 section 2.3), so what is further off is of something
// else.
constexpr std::int32_t largest_window = 1 << 30;
// What fills a hole within this time was overtaken on its way, not sent again.
constexpr std::int64_t reordered_within = 3'000'000;  // ns

}  // namespace

void FlowTracker::send(Flow& flow, const Decoded& packet, unsigned side) {
  const Side& sender = flow.sides.at(side);
  const bool fin = (packet.flags & tcp::fin) != 0;
  const std::uint32_t end = packet.sequence + packet.payload_length + (fin ? 1U : 0U);
  if (end == packet.sequence) {
    send_nothing(flow, packet, side);
    return;
  }
  if (fin) flow.set(flow_flag::fin, side);
  if (!flow.has(flow_flag::next_known, side)) {
    send_first(flow, packet, side, end);
    return;
  }
  const std::int32_t ahead = distance(sender.next, packet.sequence);
  if (ahead > largest_window || ahead < -largest_window) {
    ++tally_.out_of_window;
    return;
  }
  if (ahead < 0) {
    send_old(flow, packet, side, end);
  } else {
    send_new(flow, packet, side, end);
  }
}

// RFC 9293 section 3.8.4: a keep-alive has the last sequence number that was acknowledged. A sender
// that probes a window that is closed may do the same.
void FlowTracker::send_nothing(Flow& flow, const Decoded& packet, unsigned side) {
  Side& sender = flow.sides.at(side);
  const bool all_acked = flow.has(flow_flag::next_known, side) &&
                         flow.has(flow_flag::acked_known, side) && sender.acked == sender.next;
  if (!all_acked || packet.sequence != sender.next - 1) return;
  if (Detail* const its = detail(sender)) {
    ++(flow.has(flow_flag::zero_window, 1 - side) ? its->window_probes : its->keep_alives);
  }
}

// From the middle: this may be a retransmission for all that is known.
void FlowTracker::send_first(Flow& flow, const Decoded& packet, unsigned side, std::uint32_t end) {
  Side& sender = flow.sides.at(side);
  flow.set(flow_flag::next_known, side);
  sender.next = end;
  Detail* const its = detail(sender);
  if (its == nullptr) return;
  its->mark = end;
  if (packet.has_timestamps) {
    its->newest_tsval = packet.tsval;
    its->has_tsval = true;
  }
}

void FlowTracker::send_new(Flow& flow, const Decoded& packet, unsigned side, std::uint32_t end) {
  Side& sender = flow.sides.at(side);
  const bool first = sender.detail == 0;
  Detail* const its = detail(sender);
  if (its == nullptr) {
    sender.next = end;
    ++tally_.untracked;
    return;
  }
  if (first) its->mark = end;
  if (packet.sequence != sender.next) {
    its->hole_begin = sender.next;
    its->hole_end = packet.sequence;
    its->hole_time = packet.time;
  } else if (packet.payload_length == 1 && flow.has(flow_flag::zero_window, 1 - side)) {
    ++its->window_probes;  // RFC 9293 section 3.8.6.1
  }
  sender.next = end;
  // Nobody acknowledges what stands behind a hole at once, except by SACK.
  const bool hole = its->hole_begin != its->hole_end;
  track(flow, packet, side, end, hole ? Outstanding::not_cumulative : 0);
}

void FlowTracker::fill_hole(Detail& detail, const Decoded& packet, std::uint32_t end) {
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
void FlowTracker::send_old(Flow& flow, const Decoded& packet, unsigned side, std::uint32_t end) {
  Side& sender = flow.sides.at(side);
  Detail* const its = detail(sender);
  if (its == nullptr) return;
  // RFC 9293 section 3.8.4: a keep-alive may have one octet of rubbish that is acknowledged
  // already.
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
  mark_sent_again(*its, packet, end);
  if (before(sender.next, end)) sender.next = end;
  doubt(sender, *its);
  // Its TSval, if it is a new one, tells it from the first transmission.
  track(flow, packet, side, end, Outstanding::not_cumulative | Outstanding::sent_again);
}

// Karn's rule (RFC 6298 section 3).
void FlowTracker::mark_sent_again(Detail& detail, const Decoded& packet, std::uint32_t end) {
  const std::uint32_t begin = packet.sequence;
  ring_of(detail).for_each([&](Outstanding& segment) {
    if (before(begin, segment.end) && !before(end, segment.end)) {
      segment.set(Outstanding::sent_again);
    }
    if (packet.has_timestamps && segment.tsval == packet.tsval) {
      segment.set(Outstanding::tsval_again);
    }
  });
}

void FlowTracker::track(Flow& flow, const Decoded& packet, unsigned side, std::uint32_t end,
                        std::uint32_t flags) {
  Detail& its = details_[flow.sides.at(side).detail];
  if (options_.timestamps && packet.has_timestamps && new_tsval(its, packet)) {
    flags |= Outstanding::first_of_tsval;
  }
  const bool in_step = flow.has(flow_flag::in_step, side);
  // What was sent before the capture began may have been the same.
  if (!in_step) flags |= Outstanding::sent_again;
  const bool by_timestamp = (flags & Outstanding::first_of_tsval) != 0;
  const bool by_sequence = wants_sequence(packet) && (flags & Outstanding::sent_again) == 0;
  if (!by_timestamp && !by_sequence) return;
  const std::int64_t since = packet.time - flow.first;
  if (since < 0 || since >= Outstanding::latest) return;  // the capture's clock went wrong
  auto ring = ring_of(its);
  const bool kept =
      ring.push({.when = (static_cast<std::uint64_t>(since) << Outstanding::flag_bits) | flags,
                 .end = end,
                 .tsval = packet.tsval});
  if (kept) return;
  ++its.untracked;
  ++tally_.untracked;
}

// Whether this is the first segment with its TSval: an echo is of the earliest that is not
// acknowledged (RFC 7323 section 4.3).
bool FlowTracker::new_tsval(Detail& detail, const Decoded& packet) {
  if (detail.has_tsval && !before(detail.newest_tsval, packet.tsval)) return false;
  if (detail.first_tsval_time == 0) {
    detail.first_tsval = packet.tsval;
    detail.first_tsval_time = packet.time;
  }
  detail.has_tsval = true;
  detail.newest_tsval = packet.tsval;
  detail.newest_tsval_time = packet.time;
  return true;
}

}  // namespace strait::probe::passive
