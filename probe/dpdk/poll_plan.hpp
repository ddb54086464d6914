// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/clock.hpp"

namespace strait::probe::dpdk {

// When an adaptive poller looks at its device: without a break around the times at which replies
// are expected, again and again after short naps while one of them is overdue (jitter must not add
// the length of a sleep to a round trip), now and then while something may still come, and not at
// all while nothing can. Sleeps end early by as much as earlier ones ended late. Knows no clock.
//
// With thousands of sessions a reply is always near, and looking without a break would take a whole
// core. So what the thread uses is counted against a share of the time that has passed. Where that
// is used up, replies of long round trips are met by naps of 50 to 100 us, which is little beside
// what they measure; those of short ones are looked for as before, whatever it takes.
//
// Expected times are kept in slots of 33 us, half a second ahead; later ones are only noticed by
// the glances. Cost per expectation: a few ns.
class PollPlan {
 public:
  // `share` of the time, above 0 and at most 1: with 1 it never naps where it could look.
  explicit PollPlan(double share = 1) : slots_{std::make_unique<Slots>()}, share_{share} {}

  // How late what is due may be sent when it naps.
  void tolerate(Nanos lateness) { lateness_ = lateness; }

  void sent(MonoTime now) { last_sent_ = now; }
  void expect(MonoTime when);
  // So many replies came at `now`: as many of the earliest expectations are met, overdue ones
  // first. One that is not near yet is for another reply, even if this one was expected by nobody.
  void arrived(std::size_t replies, MonoTime now);

  // What to do at `now` when nothing else is due before `until`: look again at once if the result
  // is not later than `now`, else sleep until then.
  [[nodiscard]] MonoTime wake_time(MonoTime now, MonoTime until);

  // A sleep that should have ended at `wanted` ended at `woke`; `used` is what the thread has had
  // of a processor since the last one ended, to sleep and to wake included.
  void slept(MonoTime wanted, MonoTime woke, Nanos used);
  // How much before the time they are for sleeps end.
  [[nodiscard]] Nanos lead() const { return lead_; }
  [[nodiscard]] std::size_t pending() const { return pending_ + overdue_; }

 private:
  static constexpr std::size_t slot_count = 16384;
  static constexpr unsigned slot_bits = 15;  // 32,768 ns
  struct Slot {
    std::uint16_t count = 0;
    bool short_trip = false;  // of one of them
  };
  using Slots = std::array<Slot, slot_count>;

  [[nodiscard]] static std::int64_t slot_of(MonoTime time) {
    return time.time_since_epoch().count() >> slot_bits;
  }
  [[nodiscard]] static MonoTime start_of(std::int64_t slot) {
    return MonoTime{Nanos{slot << slot_bits}};
  }
  [[nodiscard]] Slot& slot_at(std::int64_t slot) {
    return (*slots_)[static_cast<std::size_t>(slot) % slot_count];
  }
  void skip_empty();
  void meet(std::size_t replies);
  void count_awake(MonoTime now);
  void save(Nanos amount);
  void pass_over(MonoTime now);

  std::unique_ptr<Slots> slots_;
  std::int64_t head_ = 0;    // no expectation is before this slot
  std::int64_t tail_ = 0;    // nor after this one
  std::size_t pending_ = 0;  // in the slots
  std::size_t overdue_ = 0;  // no more in the slots
  MonoTime overdue_until_;
  MonoTime last_sent_;
  MonoTime last_hint_;
  Nanos lead_{60'000};
  double share_;
  Nanos lateness_{};
  MonoTime counted_until_ = MonoTime::min();
  Nanos awake_{};    // since the last sleep
  Nanos savings_{};  // of processor time; below 0: used before it was earned
};

}  // namespace strait::probe::dpdk
