// SPDX-License-Identifier: Apache-2.0
#include "probe/passive/flow_table.hpp"

#include <utility>

namespace strait::probe::passive {

void FlowTable::insert(std::uint32_t hash, std::uint32_t handle) {
  if ((size_ + 1) * 2 > slots_.size()) grow();
  place({.hash = hash, .handle = handle});
  ++size_;
}

void FlowTable::place(Slot slot) {
  std::size_t at = slot.hash & mask();
  while (slots_[at].handle != 0) at = (at + 1) & mask();
  slots_[at] = slot;
}

void FlowTable::grow() {
  const Slots old = std::exchange(slots_, Slots(slots_.size() * 2));
  for (const Slot& slot : old) {
    if (slot.handle != 0) place(slot);
  }
}

// Moves those behind it up, so that no mark of the erased slot is left (Knuth, 6.4 R).
void FlowTable::erase(std::uint32_t hash, std::uint32_t handle) {
  std::size_t hole = hash & mask();
  while (slots_[hole].handle != handle) {
    if (slots_[hole].handle == 0) return;
    hole = (hole + 1) & mask();
  }
  for (std::size_t at = (hole + 1) & mask(); slots_[at].handle != 0; at = (at + 1) & mask()) {
    const std::size_t home = slots_[at].hash & mask();
    if (((at - home) & mask()) < ((at - hole) & mask())) continue;
    slots_[hole] = slots_[at];
    hole = at;
  }
  slots_[hole] = {};
  --size_;
}

}  // namespace strait::probe::passive
