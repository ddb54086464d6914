// SPDX-License-Identifier: Apache-2.0
// Questions that have a number, and answers that repeat it: ICMP echo, DNS, STAMP.
#include "probe/passive/flow_tracker.hpp"

namespace strait::probe::passive {
namespace {

// Of a question that was answered; it makes room when it is the oldest.
constexpr std::uint32_t answered = Outstanding::sacked;

// A STAMP reply repeats the sender's time beside its number (RFC 8762 section 4.3.1). From a
// reflector that does not, the other times are not what they should be either.
Outstanding* question_of(OutstandingRing& ring, const Decoded& packet) {
  for (std::uint32_t i = 0; i < ring.size(); ++i) {
    Outstanding& question = ring.at(i);
    const bool same = question.end == packet.sequence && question.tsval == packet.tsval;
    if (same && !question.has(answered)) return &question;
  }
  return nullptr;
}

Method method_of(Exchange exchange) {
  if (exchange == Exchange::echo) return Method::echo;
  return exchange == Exchange::stamp ? Method::stamp : Method::query;
}

}  // namespace

void FlowTracker::exchange(Flow& flow, const Decoded& packet, unsigned side) {
  const unsigned asker = packet.answer ? 1 - side : side;
  if (!flow.has(flow_flag::client_known)) {
    flow.set(flow_flag::client_known);
    if (asker == 1) flow.set(flow_flag::client_second);
  }
  if (packet.answer) {
    answer(flow, packet, asker);
  } else {
    ask(flow, packet, asker);
  }
}

void FlowTracker::ask(Flow& flow, const Decoded& packet, unsigned side) {
  Detail* const its = detail(flow.sides.at(side));
  if (its == nullptr) {
    ++tally_.untracked;
    return;
  }
  its->question = method_of(packet.exchange);
  auto ring = ring_of(*its);
  if (Outstanding* const same = question_of(ring, packet)) {
    // Which of them is answered cannot be told.
    same->set(Outstanding::sent_again);
    ++its->retransmitted;
    return;
  }
  const std::int64_t since = packet.time - flow.first;
  if (since < 0 || since >= Outstanding::latest) return;  // the capture's clock went wrong
  const Outstanding question{.when = static_cast<std::uint64_t>(since) << Outstanding::flag_bits,
                             .end = packet.sequence,
                             .tsval = packet.tsval};
  while (!ring.push(question)) {
    // Nobody waits for an answer after so many more.
    if (!ring.at(0).has(answered)) ++its->unanswered;
    ring.pop();
  }
}

void FlowTracker::answer(Flow& flow, const Decoded& packet, unsigned asker) {
  const Side& its = flow.sides.at(asker);
  if (its.detail == 0) return;  // nothing was asked that the capture has
  Detail& detail = details_[its.detail];
  auto ring = ring_of(detail);
  Outstanding* const question = question_of(ring, packet);
  if (question == nullptr) {
    ++detail.unseen;  // or answered before
    return;
  }
  question->set(answered);
  // A reflector's own time is no part of the path's.
  const std::int64_t hold = packet.exchange == Exchange::stamp ? packet.hold : 0;
  const std::int64_t sent = flow.first + question->since_first();
  const bool timed = hold >= 0 && packet.time >= sent && packet.time - sent >= hold;
  if (question->has(Outstanding::sent_again) || !timed) {
    refuse(detail);
  } else {
    sample(flow, packet, asker,
           {.method = method_of(packet.exchange), .sent = sent + hold, .maybe_delayed = false});
  }
  while (ring.size() > 0 && ring.at(0).has(answered)) ring.pop();
}

// Questions whose answer has not come.
std::uint32_t FlowTracker::waiting(Detail& detail) {
  std::uint32_t count = 0;
  ring_of(detail).for_each([&count](const Outstanding& question) {
    if (!question.has(answered)) ++count;
  });
  return count;
}

}  // namespace strait::probe::passive
