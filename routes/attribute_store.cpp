// SPDX-License-Identifier: Apache-2.0
#include "routes/attribute_store.hpp"

// The whole of xxHash in this file: hashing 80 octets costs less than a call would add.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cassert>
#include <cstring>
#include <new>
#include <random>

namespace strait::routes {
namespace {

constexpr std::size_t first_slots = 1024;  // a power of two, as all later sizes

// Nobody who writes a dump can know it, and so nobody can make all octets collide.
std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32U | device();
}

}  // namespace

AttributeStore::AttributeStore() : slots_(first_slots), seed_{random_seed()} {}

const AttributeStore::Record* AttributeStore::record(AttributeId id) const {
  const auto word = static_cast<std::uint32_t>(id);
  return std::launder(
      reinterpret_cast<const Record*>(&chunks_[word >> chunk_bits][word & (chunk_words - 1)]));
}

std::span<const std::byte> AttributeStore::octets(AttributeId id) const {
  const Record* const found = record(id);
  return {reinterpret_cast<const std::byte*>(found + 1), found->octets};
}

std::size_t AttributeStore::memory() const {
  return chunks_.size() * chunk_words * sizeof(std::uint64_t) + slots_.capacity() * sizeof(Slot);
}

AttributeStore AttributeStore::view() const {
  AttributeStore seen;
  seen.chunks_ = chunks_;
  seen.used_ = used_;
  return seen;
}

std::uint32_t AttributeStore::hash_of(std::span<const std::byte> octets) const {
  return static_cast<std::uint32_t>(XXH3_64bits_withSeed(octets.data(), octets.size(), seed_));
}

std::size_t AttributeStore::place_of(std::uint32_t hash, std::span<const std::byte> octets) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = hash & mask;; i = (i + 1) & mask) {
    const Slot& slot = slots_[i];
    if (slot.id == 0) return i;
    if (slot.hash != hash) continue;
    const auto there = this->octets(AttributeId{slot.id - 1});
    if (there.size() == octets.size() &&
        (octets.empty() || std::memcmp(there.data(), octets.data(), octets.size()) == 0)) {
      return i;
    }
  }
}

void AttributeStore::expect(std::uint32_t hash) const {
  __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
}

std::optional<AttributeId> AttributeStore::find(std::uint32_t hash,
                                                std::span<const std::byte> octets) const {
  const Slot& slot = slots_[place_of(hash, octets)];
  if (slot.id == 0) return std::nullopt;
  return AttributeId{slot.id - 1};
}

AttributeId AttributeStore::add(const AttributeHead& head, std::span<const std::byte> octets) {
  const std::uint32_t hash = hash_of(octets);
  const std::size_t place = place_of(hash, octets);
  if (slots_[place].id != 0) return AttributeId{slots_[place].id - 1};
  const AttributeId id = append(head, octets);
  slots_[place] = {.id = static_cast<std::uint32_t>(id) + 1, .hash = hash};
  if (++used_ * 2 > slots_.size()) grow();
  return id;
}

void AttributeStore::grow() {
  std::vector<Slot> bigger(slots_.size() * 2);
  const std::size_t mask = bigger.size() - 1;
  for (const Slot& slot : slots_) {
    if (slot.id == 0) continue;
    std::size_t i = slot.hash & mask;
    while (bigger[i].id != 0) i = (i + 1) & mask;
    bigger[i] = slot;
  }
  slots_ = std::move(bigger);
}

AttributeId AttributeStore::append(const AttributeHead& head, std::span<const std::byte> octets) {
  static_assert(sizeof(Record) % sizeof(std::uint64_t) == 0);
  const auto words = static_cast<std::uint32_t>((sizeof(Record) + octets.size() + 7) / 8);
  assert(words <= chunk_words);
  if (free_ + words > chunk_words) {
    chunks_.push_back(std::make_shared_for_overwrite<Words>(chunk_words));
    free_ = 0;
  }
  std::uint64_t* const at = &chunks_.back()[free_];
  auto* const made =
      new (at) Record{.head = head, .octets = static_cast<std::uint32_t>(octets.size())};
  if (!octets.empty()) std::memcpy(made + 1, octets.data(), octets.size());
  const auto id = static_cast<std::uint32_t>(((chunks_.size() - 1) << chunk_bits) + free_);
  free_ += words;
  return AttributeId{id};
}

}  // namespace strait::routes
