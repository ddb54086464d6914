// SPDX-License-Identifier: Apache-2.0
#include "probe/timer_wheel.hpp"

#include <algorithm>
#include <bit>

namespace strait::probe {

TimerWheel::TimerWheel(MonoTime now)
    : heads_(slots, none), cursor_{tick(now.time_since_epoch().count())} {}

void TimerWheel::insert(std::uint32_t item, MonoTime due) {
  if (item >= items_.size()) items_.resize(item + 1);
  const std::int64_t time = due.time_since_epoch().count();
  // What is overdue goes where the next look starts.
  const auto slot = static_cast<std::size_t>(std::max(tick(time), cursor_)) % slots;
  items_[item] = {.due = time, .next = heads_[slot]};
  heads_[slot] = item;
  occupied_[slot / 64] |= std::uint64_t{1} << slot % 64;
  ++size_;
}

std::int64_t TimerWheel::first_occupied(std::int64_t from, std::int64_t to) const {
  for (std::int64_t at = from; at <= to;) {
    const auto slot = static_cast<std::size_t>(at) % slots;
    const std::uint64_t bits = occupied_[slot / 64] >> slot % 64;
    if (bits != 0) return std::min(at + std::countr_zero(bits), to + 1);
    at += static_cast<std::int64_t>(64 - slot % 64);
  }
  return to + 1;
}

void TimerWheel::pop_slot(std::size_t slot, std::int64_t now, std::size_t most,
                          std::vector<std::uint32_t>& out) {
  std::uint32_t* link = &heads_[slot];
  while (*link != none && out.size() < most) {
    const std::uint32_t item = *link;
    if (items_[item].due > now) {
      link = &items_[item].next;
      continue;
    }
    *link = items_[item].next;
    out.push_back(item);
    --size_;
  }
  if (heads_[slot] == none) occupied_[slot / 64] &= ~(std::uint64_t{1} << slot % 64);
}

void TimerWheel::pop_due(MonoTime now, std::size_t most, std::vector<std::uint32_t>& out) {
  const std::int64_t time = now.time_since_epoch().count();
  const std::int64_t last = tick(time);
  if (last < cursor_) return;  // the clock cannot go back; a caller with an old reading can
  const std::size_t wanted = out.size() + most;
  // After a stall of more than a turn each slot is looked at once.
  std::int64_t at = std::max(cursor_, last - static_cast<std::int64_t>(slots) + 1);
  while ((at = first_occupied(at, last)) <= last) {
    pop_slot(static_cast<std::size_t>(at) % slots, time, wanted, out);
    if (out.size() >= wanted) {
      cursor_ = at;  // there may be more in this slot
      return;
    }
    ++at;
  }
  cursor_ = last;
}

MonoTime TimerWheel::next_due() const {
  if (size_ == 0) return MonoTime::max();
  const std::int64_t end = cursor_ + static_cast<std::int64_t>(slots) - 1;
  const std::int64_t at = first_occupied(cursor_, end);
  const auto slot = static_cast<std::size_t>(at) % slots;
  const std::int64_t slot_end = (at + 1) << slot_bits;
  std::int64_t earliest = slot_end;  // all in this slot may belong to a later turn
  for (std::uint32_t item = heads_[slot]; item != none; item = items_[item].next) {
    earliest = std::min(earliest, items_[item].due);
  }
  return MonoTime{Nanos{earliest}};
}

}  // namespace strait::probe
