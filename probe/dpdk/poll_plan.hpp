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
// Expected times are kept in slots of 33 us, half a second ahead; later ones are only noticed by
// the glances. Cost per expectation: a few ns.
class PollPlan {
 public:
  PollPlan() : slots_{std::make_unique<Slots>()} {}

  void sent(MonoTime now) { last_sent_ = now; }
  void expect(MonoTime when);
  // So many replies came at `now`: as many of the earliest expectations are met, overdue ones
  // first. One that is not near yet is for another reply, even if this one was expected by nobody.
  void arrived(std::size_t replies, MonoTime now);

  // What to do at `now` when nothing else is due before `until`: look again at once if the result
  // is not later than `now`, else sleep until then.
  [[nodiscard]] MonoTime wake_time(MonoTime now, MonoTime until);

  // A sleep that should have ended at `wanted` ended at `woke`.
  void slept(MonoTime wanted, MonoTime woke);
  // How much before the time they are for sleeps end.
  [[nodiscard]] Nanos lead() const { return lead_; }
  [[nodiscard]] std::size_t pending() const { return pending_ + overdue_; }

 private:
  static constexpr std::size_t slot_count = 16384;
  static constexpr unsigned slot_bits = 15;  // 32,768 ns
  using Slots = std::array<std::uint16_t, slot_count>;

  [[nodiscard]] static std::int64_t slot_of(MonoTime time) {
    return time.time_since_epoch().count() >> slot_bits;
  }
  [[nodiscard]] static MonoTime start_of(std::int64_t slot) {
    return MonoTime{Nanos{slot << slot_bits}};
  }
  [[nodiscard]] std::uint16_t& count(std::int64_t slot) {
    return (*slots_)[static_cast<std::size_t>(slot) % slot_count];
  }
  void skip_empty();
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
};

}  // namespace strait::probe::dpdk
