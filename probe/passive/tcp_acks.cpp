// SPDX-License-Identifier: Apache-2.0
// Acknowledgments: which segment caused them, where that can be told.
#include "probe/octets.hpp"
#include "probe/passive/tcp_tracker.hpp"

namespace strait::probe::passive {
namespace {

constexpr std::int32_t largest_window = 1 << 30;  // RFC 7323 section 2.3

}  // namespace

// `packet` acknowledges data of `sender`.
void TcpTracker::acknowledge(Flow& flow, const Decoded& packet, unsigned sender) {
  Side& its = flow.sides.at(sender);
  if (!flow.has(flow_flag::acked_known, sender)) {
    flow.set(flow_flag::acked_known, sender);
    its.acked = packet.acknowledgment;
    if (flow.has(flow_flag::next_known, sender) && !before(its.acked, its.next)) {
      flow.set(flow_flag::in_step, sender);
    }
    return;
  }
  const std::int32_t ahead = distance(its.acked, packet.acknowledgment);
  if (ahead > largest_window || ahead < 0) return;  // of something else, or overtaken
  if (ahead > 0) {
    advance(flow, packet, sender);
  } else if (its.detail != 0) {
    repeated_ack(flow, packet, sender);
  }
}

void TcpTracker::advance(Flow& flow, const Decoded& packet, unsigned sender) {
  Side& its = flow.sides.at(sender);
  const std::uint32_t acked = packet.acknowledgment;
  its.acked = acked;
  const bool known = flow.has(flow_flag::next_known, sender);
  const bool unseen = !known || before(its.next, acked);
  if (unseen) {
    its.next = acked;
    flow.set(flow_flag::next_known, sender);
  }
  // All that was on the way when the capture began has arrived; what comes now is new.
  if (!before(acked, its.next)) flow.set(flow_flag::in_step, sender);
  if (its.detail == 0) return;
  Detail& detail = details_[its.detail];
  auto ring = ring_of(detail);
  if (unseen) {
    // The capture lacks packets, so what the acknowledgment is of cannot be told.
    ++detail.unseen;
    if (ring.size() > 0) refuse(detail);
    ring.clear();
    detail.hole_begin = detail.hole_end;
    return;
  }
  if (ring.size() > 0) {
    if (options_.timestamps && packet.has_timestamps) {
      take_timestamp(flow, packet, sender, ring);
    }
    if (wants_sequence(packet)) take_sequence(flow, packet, sender, ring);
    while (ring.size() > 0 && !before(acked, ring.at(0).end)) ring.pop();
  }
  if (packet.sack_blocks > 0 && wants_sequence(packet)) take_sack(flow, packet, sender, ring);
  if (!before(acked, detail.hole_end)) detail.hole_begin = detail.hole_end;
}

// RFC 7323 section 4.1: an echo counts only in a segment that acknowledges something new; then it is
// that of the earliest segment acknowledged, so the wait of a delayed acknowledgment is in it.
void TcpTracker::take_timestamp(Flow& flow, const Decoded& packet, unsigned sender,
                                OutstandingRing& ring) {
  const auto* const segment = ring.find([&](const Outstanding& each) {
    return each.tsval == packet.tsecr && each.has(Outstanding::first_of_tsval);
  });
  if (segment == nullptr) return;  // of a TSval that was matched or that more than one segment had
  const std::int64_t sent = flow.first + segment->since_first();
  const bool covered = !before(packet.acknowledgment, segment->end);
  if (segment->has(Outstanding::tsval_again) || !covered || packet.time < sent) {
    refuse(details_[flow.sides.at(sender).detail]);
    return;
  }
  sample(flow, packet, sender, Method::timestamp, sent, false);
}

// The segment that ends where the acknowledgment does caused it, unless it or a lower one may have
// been sent again. If others are acknowledged with it, nobody waited (RFC 9293 section 3.8.6.3).
void TcpTracker::take_sequence(Flow& flow, const Decoded& packet, unsigned sender,
                               OutstandingRing& ring) {
  std::uint32_t covered = 0;
  const Outstanding* cause = nullptr;
  bool doubtful = false;
  ring.for_each([&](const Outstanding& each) {
    if (before(packet.acknowledgment, each.end)) return;
    ++covered;
    doubtful = doubtful || each.has(Outstanding::sent_again);
    if (each.end == packet.acknowledgment) cause = &each;
  });
  if (covered == 0) return;
  const std::int64_t sent = cause == nullptr ? 0 : flow.first + cause->since_first();
  if (cause == nullptr || doubtful ||
      cause->has(Outstanding::not_cumulative | Outstanding::sacked) || packet.time < sent) {
    refuse(details_[flow.sides.at(sender).detail]);
    return;
  }
  sample(flow, packet, sender, Method::sequence, sent, covered == 1);
}

// The first block holds the segment that caused the acknowledgment (RFC 2018 section 4), unless it
// reports a duplicate (RFC 2883): then it lies below the acknowledgment or in the second block.
void TcpTracker::take_sack(Flow& flow, const Decoded& packet, unsigned sender,
                           OutstandingRing& ring) {
  const std::span blocks{packet.sack, packet.sack_blocks * std::size_t{8}};
  const auto block_end = load<std::uint32_t>(blocks, 4);
  bool duplicate = !before(packet.acknowledgment, block_end);
  if (packet.sack_blocks > 1) {
    const bool within = !before(load<std::uint32_t>(blocks, 0), load<std::uint32_t>(blocks, 8)) &&
                        !before(load<std::uint32_t>(blocks, 12), block_end);
    duplicate = duplicate || within;
  }
  constexpr std::uint32_t doubtful = Outstanding::sent_again | Outstanding::sacked;
  if (!duplicate) {
    auto* const segment =
        ring.find([&](const Outstanding& each) { return each.end == block_end; });
    if (segment != nullptr && !segment->has(doubtful)) {
      const std::int64_t sent = flow.first + segment->since_first();
      if (packet.time >= sent) sample(flow, packet, sender, Method::sack, sent, false);
    }
  }
  for (std::size_t at = 0; at < blocks.size(); at += 8) {
    const auto from = load<std::uint32_t>(blocks, at);
    const auto to = load<std::uint32_t>(blocks, at + 4);
    ring.for_each([&](Outstanding& each) {
      if (before(from, each.end) && !before(to, each.end)) each.set(Outstanding::sacked);
    });
  }
}

// RFC 5681 section 2: a duplicate acknowledgment. The far end has a hole; the acknowledgment that
// closes it will not be caused by the segment that ends there.
void TcpTracker::repeated_ack(Flow& flow, const Decoded& packet, unsigned sender) {
  const Side& its = flow.sides.at(sender);
  Detail& detail = details_[its.detail];
  const bool something_on_the_way = before(its.acked, its.next);
  if (packet.payload_length > 0 || (packet.flags & tcp::fin) != 0 || !something_on_the_way) return;
  const bool opened = flow.has(flow_flag::zero_window, 1 - sender) || packet.window == 0;
  if (opened) return;  // it tells of the window
  ++detail.duplicate_acks;
  auto ring = ring_of(detail);
  if (packet.sack_blocks > 0 && wants_sequence(packet)) take_sack(flow, packet, sender, ring);
  ring.for_each([](Outstanding& each) { each.set(Outstanding::not_cumulative); });
}

}  // namespace strait::probe::passive
