// SPDX-License-Identifier: Apache-2.0
// Acknowledgments: which segment caused them, where that can be told.
#include "probe/octets.hpp"
#include "probe/passive/flow_tracker.hpp"

namespace strait::probe::passive {
namespace {

constexpr std::int32_t largest_advance = 1 << 30;  // RFC 7323 section 2.3: a window
// So many rounds of acknowledgments without a surprise, and what a sender sends next is new.
constexpr std::uint32_t enough_rounds = 2;

struct Block {
  std::uint32_t begin;
  std::uint32_t end;

  [[nodiscard]] bool holds_end_of(const Outstanding& segment) const {
    return before(begin, segment.end) && !before(end, segment.end);
  }
};

Block block_at(std::span<const std::byte> blocks, std::size_t index) {
  return {.begin = load<std::uint32_t>(blocks, index * 8),
          .end = load<std::uint32_t>(blocks, index * 8 + 4)};
}

// RFC 2883 section 4: the first block reports a duplicate if it lies below the acknowledgment or in
// the second block.
bool is_duplicate(const Decoded& packet, std::span<const std::byte> blocks) {
  const Block first = block_at(blocks, 0);
  if (!before(packet.acknowledgment, first.end)) return true;
  if (packet.sack_blocks < 2) return false;
  const Block second = block_at(blocks, 1);
  return !before(first.begin, second.begin) && !before(second.end, first.end);
}

// The segments in a block of which no earlier block told.
struct Fresh {
  std::uint32_t count = 0;
  const Outstanding* cause = nullptr;  // one that ends the block, and was not sent again
};

Fresh fresh_in(const Block& block, OutstandingRing& ring) {
  Fresh fresh;
  for (std::uint32_t i = 0; i < ring.size(); ++i) {
    const Outstanding& each = ring.at(i);
    if (!block.holds_end_of(each) || each.has(Outstanding::sacked)) continue;
    ++fresh.count;
    if (each.end == block.end && !each.has(Outstanding::sent_again)) fresh.cause = &each;
  }
  return fresh;
}

}  // namespace

// `packet` acknowledges data of `sender`.
void FlowTracker::acknowledge(Flow& flow, const Decoded& packet, unsigned sender) {
  Side& its = flow.sides.at(sender);
  if (!flow.has(flow_flag::acked_known, sender)) {
    flow.set(flow_flag::acked_known, sender);
    its.acked = packet.acknowledgment;
    return;
  }
  const std::int32_t ahead = distance(its.acked, packet.acknowledgment);
  if (ahead > largest_advance) {
    ++tally_.out_of_window;
    return;
  }
  if (ahead < 0) return;  // overtaken, or of something else
  if (ahead > 0) {
    advance(flow, packet, sender);
  } else if (its.detail != 0) {
    repeated_ack(flow, packet, sender);
  }
  if (its.detail == 0) return;
  details_[its.detail].window = packet.window;
  details_[its.detail].has_window = true;
}

void FlowTracker::advance(Flow& flow, const Decoded& packet, unsigned sender) {
  Side& its = flow.sides.at(sender);
  const std::uint32_t acked = packet.acknowledgment;
  its.acked = acked;
  const bool known = flow.has(flow_flag::next_known, sender);
  const bool unseen = !known || before(its.next, acked);
  if (unseen) {
    its.next = acked;
    flow.set(flow_flag::next_known, sender);
  }
  if (its.detail == 0) return;
  if (!flow.has(flow_flag::in_step, sender)) count_round(flow, sender, unseen);
  if (unseen) {
    forget(details_[its.detail]);
  } else {
    take_causes(flow, packet, sender);
  }
}

// The capture lacks packets, so what the acknowledgment is of cannot be told.
void FlowTracker::forget(Detail& detail) {
  auto ring = ring_of(detail);
  ++detail.unseen;
  if (ring.size() > 0) refuse(detail);
  ring.clear();
  detail.hole_begin = detail.hole_end;
  detail.has_doubt = false;
}

// The round trips that an acknowledgment of something new ends.
void FlowTracker::take_causes(Flow& flow, const Decoded& packet, unsigned sender) {
  const std::uint32_t acked = packet.acknowledgment;
  Detail& detail = details_[flow.sides.at(sender).detail];
  auto ring = ring_of(detail);
  if (ring.size() > 0) {
    if (options_.timestamps && packet.has_timestamps) take_timestamp(flow, packet, sender, ring);
    if (wants_sequence(packet)) take_sequence(flow, packet, sender, ring);
    while (ring.size() > 0 && !before(acked, ring.at(0).end)) ring.pop();
  }
  if (packet.sack_blocks > 0 && wants_sequence(packet)) take_sack(flow, packet, sender, ring);
  if (!before(acked, detail.hole_end)) detail.hole_begin = detail.hole_end;
  if (!before(acked, detail.doubt)) detail.has_doubt = false;
}

// What was on the way when the capture began may have been sent before, and so may what looks new
// behind it: until whole rounds were acknowledged that the capture has seen.
void FlowTracker::count_round(Flow& flow, unsigned sender, bool unseen) {
  const Side& its = flow.sides.at(sender);
  Detail& detail = details_[its.detail];
  if (!unseen && before(its.acked, detail.mark)) return;
  detail.mark = its.next;
  detail.rounds = unseen ? 0 : detail.rounds + 1;
  if (detail.rounds == enough_rounds) flow.set(flow_flag::in_step, sender);
}

// RFC 7323 section 4.1: an echo counts only in a segment that acknowledges something new; then it
// is that of the earliest segment acknowledged, so the wait of a delayed acknowledgment is in it.
// The acknowledgment may end within a segment where the network card has yet to cut it into pieces.
void FlowTracker::take_timestamp(Flow& flow, const Decoded& packet, unsigned sender,
                                 OutstandingRing& ring) {
  Outstanding* const segment = ring.find_tsval(packet.tsecr);
  if (segment == nullptr) return;  // of a TSval that was matched, or that an earlier segment had
  segment->clear(Outstanding::first_of_tsval);
  const std::int64_t sent = flow.first + segment->since_first();
  if (segment->has(Outstanding::tsval_again) || packet.time < sent) {
    refuse(details_[flow.sides.at(sender).detail]);
    return;
  }
  const bool alone = packet.acknowledgment == segment->end;
  sample(flow, packet, sender, {.method = Method::timestamp, .sent = sent, .maybe_delayed = alone});
}

// The segment that ends where the acknowledgment does caused it, unless it or a lower one may have
// been sent again. If others are acknowledged with it, nobody waited (RFC 9293 section 3.8.6.3).
void FlowTracker::take_sequence(Flow& flow, const Decoded& packet, unsigned sender,
                                OutstandingRing& ring) {
  std::uint32_t covered = 0;
  const Outstanding* cause = nullptr;
  bool doubtful = false;
  for (std::uint32_t i = 0; i < ring.size(); ++i) {
    const Outstanding& each = ring.at(i);
    if (before(packet.acknowledgment, each.end)) break;
    ++covered;
    doubtful = doubtful || each.has(Outstanding::sent_again);
    if (each.end == packet.acknowledgment) cause = &each;
  }
  if (covered == 0) return;
  Detail& detail = details_[flow.sides.at(sender).detail];
  doubtful = doubtful || (detail.has_doubt && !before(detail.doubt, packet.acknowledgment));
  const std::int64_t sent = cause == nullptr ? 0 : flow.first + cause->since_first();
  if (cause == nullptr || doubtful ||
      cause->has(Outstanding::not_cumulative | Outstanding::sacked) || packet.time < sent) {
    refuse(detail);
    return;
  }
  sample(flow, packet, sender,
         {.method = Method::sequence, .sent = sent, .maybe_delayed = covered == 1});
}

// The first block holds the segment that caused the acknowledgment (RFC 2018 section 4): it can be
// told where that is the only one in it of which no earlier block told, and ends the block.
void FlowTracker::take_sack(Flow& flow, const Decoded& packet, unsigned sender,
                            OutstandingRing& ring) {
  const std::span blocks{packet.sack, packet.sack_blocks * std::size_t{8}};
  if (!is_duplicate(packet, blocks)) {
    const Fresh fresh = fresh_in(block_at(blocks, 0), ring);
    const std::int64_t sent = fresh.cause == nullptr ? 0 : flow.first + fresh.cause->since_first();
    if (fresh.count == 1 && fresh.cause != nullptr && packet.time >= sent) {
      sample(flow, packet, sender, {.method = Method::sack, .sent = sent, .maybe_delayed = false});
    } else if (fresh.count > 0) {
      refuse(details_[flow.sides.at(sender).detail]);
    }
  }
  for (std::size_t i = 0; i < packet.sack_blocks; ++i) {
    const Block block = block_at(blocks, i);
    ring.for_each([&](Outstanding& each) {
      if (block.holds_end_of(each)) each.set(Outstanding::sacked);
    });
  }
}

// RFC 5681 section 2: a duplicate acknowledgment. The far end has a hole; the acknowledgment that
// closes it will not be caused by the segment that ends there.
void FlowTracker::repeated_ack(Flow& flow, const Decoded& packet, unsigned sender) {
  const Side& its = flow.sides.at(sender);
  Detail& detail = details_[its.detail];
  const bool something_on_the_way =
      flow.has(flow_flag::next_known, sender) && before(its.acked, its.next);
  if (packet.payload_length > 0 || (packet.flags & tcp::fin) != 0 || !something_on_the_way) return;
  // One that tells of the window is none, unless it tells of a hole too.
  const bool changed = detail.has_window && packet.window != detail.window;
  if ((changed || packet.window == 0) && packet.sack_blocks == 0) return;
  ++detail.duplicate_acks;
  if (packet.sack_blocks > 0 && wants_sequence(packet)) {
    auto ring = ring_of(detail);
    take_sack(flow, packet, sender, ring);
  }
  doubt(its, detail);
}

}  // namespace strait::probe::passive
