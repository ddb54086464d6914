// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "probe/passive/flow.hpp"
#include "probe/passive/pool.hpp"

namespace strait::probe::passive {

// Sequence numbers and TSvals wrap: a is before b within half of their range (RFC 9293
// section 3.4).
[[nodiscard]] inline std::int32_t distance(std::uint32_t from, std::uint32_t to) {
  return static_cast<std::int32_t>(to - from);
}
[[nodiscard]] inline bool before(std::uint32_t a, std::uint32_t b) { return distance(a, b) > 0; }

// The segments of a sender that wait for their acknowledgment, in the order in which they came by.
// A few have room in the sender's Detail; for more a larger ring is taken from the pool.
class OutstandingRing {
 public:
  OutstandingRing(Detail& detail, Pool<ManyOutstanding>& pool) : detail_{detail}, pool_{pool} {}

  [[nodiscard]] std::uint32_t size() const { return detail_.count; }
  // The i-th, oldest first.
  [[nodiscard]] Outstanding& at(std::uint32_t i) {
    if (detail_.ring != 0) {
      return pool_[detail_.ring].all[(detail_.begin + i) % many_outstanding];
    }
    return detail_.few[(detail_.begin + i) % few_outstanding];
  }
  // False when there is no room.
  bool push(const Outstanding& segment) {
    if (detail_.ring == 0 && detail_.count == few_outstanding && !widen()) return false;
    if (detail_.count == many_outstanding) return false;
    ++detail_.count;
    at(detail_.count - 1) = segment;
    return true;
  }
  void pop() {
    ++detail_.begin;
    --detail_.count;
  }
  void clear() { detail_.count = 0; }
  template <class Function>
  void for_each(const Function& function) {
    for (std::uint32_t i = 0; i < detail_.count; ++i) function(at(i));
  }
  // The first segment with that TSval, unless it was found before. TSvals only grow.
  [[nodiscard]] Outstanding* find_tsval(std::uint32_t tsval) {
    for (std::uint32_t i = 0; i < detail_.count; ++i) {
      Outstanding& segment = at(i);
      if (!segment.has(Outstanding::first_of_tsval)) continue;
      if (segment.tsval == tsval) return &segment;
      if (before(tsval, segment.tsval)) return nullptr;
    }
    return nullptr;
  }

 private:
  bool widen() {
    const auto handle = pool_.take();
    if (handle == 0) return false;
    for (std::uint32_t i = 0; i < detail_.count; ++i) pool_[handle].all[i] = at(i);
    detail_.ring = handle;
    detail_.begin = 0;
    return true;
  }

  Detail& detail_;
  Pool<ManyOutstanding>& pool_;
};

}  // namespace strait::probe::passive
