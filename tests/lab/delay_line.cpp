// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/delay_line.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace strait::lab {

bool DelayLine::later(const Entry& a, const Entry& b) {
  return std::tie(a.held.due, a.serial) > std::tie(b.held.due, b.serial);
}

void DelayLine::push(Held held) {
  heap_.push_back({std::move(held), serial_++});
  std::ranges::push_heap(heap_, later);
}

std::optional<WallTime> DelayLine::next_due() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().held.due;
}

std::optional<Held> DelayLine::pop(WallTime now) {
  if (heap_.empty() || heap_.front().held.due > now) return std::nullopt;
  std::ranges::pop_heap(heap_, later);
  Held held = std::move(heap_.back().held);
  heap_.pop_back();
  return held;
}

}  // namespace strait::lab
