// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "probe/passive/flow_key.hpp"
#include "probe/passive/pool.hpp"

namespace strait::probe::passive {

// From a flow's key to the handle of its record: open addressing, linear probing, at most half
// full; 8 octets a slot. The keys stand in the records, which the caller looks at.
class FlowTable {
 public:
  FlowTable() : slots_(smallest) {}

  // The handle for which `is_it` says yes; 0: none.
  template <class IsIt>
  [[nodiscard]] std::uint32_t find(std::uint32_t hash, const IsIt& is_it) const {
    for (std::size_t at = hash & mask();; at = (at + 1) & mask()) {
      const Slot& slot = slots_[at];
      if (slot.handle == 0) return 0;
      if (slot.hash == hash && is_it(slot.handle)) return slot.handle;
    }
  }
  // A handle that may be the one, without a look at its record; for prefetching.
  [[nodiscard]] std::uint32_t guess(std::uint32_t hash) const {
    for (std::size_t at = hash & mask();; at = (at + 1) & mask()) {
      const Slot& slot = slots_[at];
      if (slot.handle == 0 || slot.hash == hash) return slot.handle;
    }
  }
  void prefetch(std::uint32_t hash) const { __builtin_prefetch(&slots_[hash & mask()]); }

  void insert(std::uint32_t hash, std::uint32_t handle);
  void erase(std::uint32_t hash, std::uint32_t handle);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t memory_bytes() const { return slots_.size() * sizeof(Slot); }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t handle = 0;
  };
  using Slots = std::vector<Slot, PageAllocator<Slot>>;
  static constexpr std::size_t smallest = 1024;

  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }
  void grow();
  void place(Slot slot);

  Slots slots_;
  std::size_t size_ = 0;
};

}  // namespace strait::probe::passive
