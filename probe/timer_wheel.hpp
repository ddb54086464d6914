// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/clock.hpp"

namespace strait::probe {

// Wakes items (small dense numbers) at their due time. A hashed wheel (Varghese and Lauck, 1987,
// scheme 6): 65,536 slots of 4.096 us; what is due later than one turn (268 ms) is looked at once a
// turn. Inserting and popping take constant time however many items there are. Items due in the
// same slot come in no particular order; none comes before it is due.
class TimerWheel {
 public:
  explicit TimerWheel(MonoTime now);

  // `item` must not be in the wheel.
  void insert(std::uint32_t item, MonoTime due);

  // Takes out up to `most` items that are due at `now`; appends them to `out`.
  void pop_due(MonoTime now, std::size_t most, std::vector<std::uint32_t>& out);

  // No item is due before this; MonoTime::max() when the wheel is empty. Exact when the earliest
  // item lies within this turn, else a moment to look again.
  [[nodiscard]] MonoTime next_due() const;

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr unsigned slot_bits = 12;  // 4,096 ns
  static constexpr std::size_t slots = 65536;
  static constexpr std::uint32_t none = 0xffffffff;

  [[nodiscard]] static std::int64_t tick(std::int64_t time) { return time >> slot_bits; }
  // The first tick in [from, to] whose slot is not empty; to + 1 when there is none.
  [[nodiscard]] std::int64_t first_occupied(std::int64_t from, std::int64_t to) const;
  void pop_slot(std::size_t slot, std::int64_t now, std::size_t most,
                std::vector<std::uint32_t>& out);

  // Looked at together, so they share a cache line.
  struct Item {
    std::int64_t due = 0;
    std::uint32_t next = none;  // in the same slot
  };

  std::vector<std::uint32_t> heads_;  // of the list in each slot
  std::vector<Item> items_;
  std::array<std::uint64_t, slots / 64> occupied_{};
  std::int64_t cursor_;  // tick up to which all due items were taken
  std::size_t size_ = 0;
};

}  // namespace strait::probe
