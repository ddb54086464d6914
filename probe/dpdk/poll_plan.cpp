// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/poll_plan.hpp"

#include <algorithm>
#include <limits>

namespace strait::probe::dpdk {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr Nanos hold = microseconds{100};  // how long to look on for a reply that is late
constexpr Nanos near = microseconds{250};  // how early a reply may be
constexpr Nanos overdue_nap = microseconds{30};
constexpr Nanos overdue_time = milliseconds{20};  // more than most paths' jitter
constexpr Nanos blind_nap = microseconds{50};     // after a probe whose reply time is not known yet
constexpr Nanos blind_time = milliseconds{200};
constexpr Nanos glance = microseconds{500};  // while any reply may still come
constexpr Nanos glance_time = std::chrono::seconds{3};
constexpr Nanos idle = milliseconds{20};  // ARP requests want an answer
constexpr Nanos shortest_thrift = microseconds{50};
constexpr Nanos longest_thrift = microseconds{100};  // well below the limit of uncertainty
constexpr Nanos short_trip = milliseconds{10};       // of which a nap would be more than 1 %
constexpr Nanos most_savings = milliseconds{5};      // and most debts
constexpr Nanos least_lead = microseconds{5};
constexpr Nanos most_lead = microseconds{120};

Nanos share_of(Nanos time, double share) {
  return Nanos{static_cast<std::int64_t>(static_cast<double>(time.count()) * share)};
}

}  // namespace

void PollPlan::expect(MonoTime when) {
  last_hint_ = last_sent_;
  const std::int64_t slot = slot_of(when);
  if (pending_ == 0) head_ = tail_ = slot;
  constexpr auto span = static_cast<std::int64_t>(slot_count);
  if (slot >= head_ + span || tail_ - slot >= span) return;
  head_ = std::min(head_, slot);
  tail_ = std::max(tail_, slot);
  Slot& its = slot_at(slot);
  if (its.count == std::numeric_limits<std::uint16_t>::max()) return;
  its.short_trip = (its.count > 0 && its.short_trip) || when - last_sent_ < short_trip;
  ++its.count;
  ++pending_;
}

// As many of the first slot's expectations.
void PollPlan::meet(std::size_t replies) {
  Slot& first = slot_at(head_);
  first.count = static_cast<std::uint16_t>(first.count - replies);
  pending_ -= replies;
}

void PollPlan::skip_empty() {
  while (pending_ > 0 && slot_at(head_).count == 0) ++head_;
}

void PollPlan::arrived(std::size_t replies, MonoTime now) {
  const std::size_t late = std::min(replies, overdue_);
  overdue_ -= late;
  replies -= late;
  for (skip_empty(); replies > 0 && pending_ > 0; skip_empty()) {
    if (start_of(head_) > now + near) return;
    const auto met = std::min<std::size_t>(replies, slot_at(head_).count);
    meet(met);
    replies -= met;
  }
}

// What did not come when it was expected may come any moment, or never.
void PollPlan::pass_over(MonoTime now) {
  for (skip_empty(); pending_ > 0 && start_of(head_ + 1) + hold < now; skip_empty()) {
    overdue_until_ = std::max(overdue_until_, start_of(head_ + 1) + overdue_time);
    const std::size_t late = slot_at(head_).count;
    overdue_ += late;
    meet(late);
  }
  if (now >= overdue_until_) overdue_ = 0;
}

MonoTime PollPlan::wake_time(MonoTime now, MonoTime until) {
  // `until` may be the end of time, from which nothing can be taken away.
  MonoTime wake = std::min(until, now + idle);
  if (wake == until) wake -= lead_;
  pass_over(now);
  if (pending_ > 0) {
    wake = std::min({wake, start_of(head_) - lead_, now + glance});
  } else if (now < last_sent_ + blind_time && last_hint_ + blind_time < last_sent_) {
    wake = std::min(wake, now + blind_nap);
  } else if (now < last_sent_ + glance_time) {
    wake = std::min(wake, now + glance);
  }
  if (overdue_ > 0) wake = std::min(wake, now + overdue_nap);
  count_awake(now);
  // A sleep that is shorter than its own error is none.
  if (wake >= now + least_lead) return wake;
  if (savings_ >= Nanos{0} || (pending_ > 0 && slot_at(head_).short_trip)) return now;
  // The deeper in debt the longer, also over the next slot: a few probes then leave together.
  const Nanos nap = shortest_thrift +
                    (longest_thrift - shortest_thrift) * -savings_.count() / most_savings.count();
  const MonoTime end = now + nap;
  const MonoTime thrifty = until < end ? std::min(end, until + lateness_) : end;
  return thrifty < now + least_lead ? now : thrifty;
}

void PollPlan::save(Nanos amount) {
  savings_ = std::clamp(savings_ + amount, -most_savings, most_savings);
}

void PollPlan::count_awake(MonoTime now) {
  if (counted_until_ != MonoTime::min()) {
    const Nanos passed = now - counted_until_;
    awake_ += passed;
    save(share_of(passed, share_) - passed);
  }
  counted_until_ = now;
}

void PollPlan::slept(MonoTime wanted, MonoTime woke, Nanos used) {
  if (counted_until_ != MonoTime::min()) save(share_of(woke - counted_until_, share_));
  counted_until_ = woke;
  save(std::min(awake_ - used, Nanos{0}));
  awake_ = Nanos{0};
  const Nanos late = std::clamp(woke - wanted, least_lead, most_lead);
  // Up quickly, down slowly: about four of five sleeps then end in time.
  lead_ += late > lead_ ? (late - lead_) / 4 : (late - lead_) / 16;
}

}  // namespace strait::probe::dpdk
