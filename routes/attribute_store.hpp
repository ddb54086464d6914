// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/strong.hpp"
#include "routes/model/contender.hpp"

namespace strait::routes {

// What decisions and classes look at of a route's attributes, decoded once.
struct AttributeHead {
  enum Present : std::uint8_t {
    local_pref_there = 1,
    med_there = 2,
    first_asn_there = 4,
    origin_asn_there = 8,
    originator_there = 16,
    marked_there = 32,  // carries GRACEFUL_SHUTDOWN or BLACKHOLE
  };
  std::uint32_t local_pref = 0;
  std::uint32_t med = 0;
  std::uint32_t first_asn = 0;
  std::uint32_t origin_asn = 0;
  std::uint32_t originator_id = 0;
  std::uint32_t as_path_at = 0;      // offset of AS_PATH's value in the octets
  std::uint32_t as_path_octets = 0;  // its length
  std::uint16_t as_path_length = 0;  // as the decision process counts
  std::uint16_t cluster_list_length = 0;
  Origin origin = Origin::igp;
  std::uint8_t present = 0;

  [[nodiscard]] bool has(Present what) const { return (present & what) != 0; }
  [[nodiscard]] bool marked() const { return has(marked_there); }
  [[nodiscard]] std::optional<Asn> origin_as() const {
    return has(origin_asn_there) ? std::optional{Asn{origin_asn}} : std::nullopt;
  }
};

// Names attributes in one store.
enum class AttributeId : std::uint32_t {};

// Path attributes, each set of octets once: many routes share them. Ids are handed out in the order
// of adding. Not thread-safe while it is added to.
class AttributeStore {
 public:
  AttributeStore();

  // What octets are looked for by. Those of several sets, each expected before the first is found,
  // wait for memory together.
  [[nodiscard]] std::uint32_t hash_of(std::span<const std::byte> octets) const;
  void expect(std::uint32_t hash) const;
  [[nodiscard]] std::optional<AttributeId> find(std::uint32_t hash,
                                                std::span<const std::byte> octets) const;
  [[nodiscard]] std::optional<AttributeId> find(std::span<const std::byte> octets) const {
    return find(hash_of(octets), octets);
  }
  // The octets must be what `head` was decoded from; at most 1 MiB. Finds those that are there.
  AttributeId add(const AttributeHead& head, std::span<const std::byte> octets);

  [[nodiscard]] const AttributeHead& head(AttributeId id) const { return record(id)->head; }
  [[nodiscard]] std::span<const std::byte> octets(AttributeId id) const;
  [[nodiscard]] std::size_t size() const { return used_; }  // different sets
  // For what is to be known of each set, in an array: a number below places(), each id's own.
  [[nodiscard]] static std::size_t place(AttributeId id) {
    return static_cast<std::uint32_t>(id) / record_words;
  }
  [[nodiscard]] std::size_t places() const {
    return chunks_.size() * chunk_words / record_words + 1;
  }
  [[nodiscard]] std::size_t memory() const;  // octets that it takes
  // The same octets under the same ids, to be read while this one is added to, in another thread
  // too. Itself it must not be added to, and find() finds nothing.
  [[nodiscard]] AttributeStore view() const;

 private:
  struct Record {
    AttributeHead head;
    std::uint32_t octets;  // that follow
  };
  // A place in the hash table: the id and 32 bits of the hash, so that growing and most misses
  // touch no record. `id` is one more than the AttributeId; 0 is a free place.
  struct Slot {
    std::uint32_t id = 0;
    std::uint32_t hash = 0;
  };
  using Words = std::uint64_t[];         // NOLINT(modernize-avoid-c-arrays): 4 MiB, left unset
  using Chunk = std::shared_ptr<Words>;  // with views, which read only what is written already
  static constexpr std::uint32_t chunk_bits = 19;  // 2^19 words: 4 MiB
  static constexpr std::uint32_t chunk_words = 1U << chunk_bits;
  static constexpr std::uint32_t record_words = sizeof(Record) / sizeof(std::uint64_t);

  [[nodiscard]] const Record* record(AttributeId id) const;
  // The place of these octets, or the free one where they belong.
  [[nodiscard]] std::size_t place_of(std::uint32_t hash, std::span<const std::byte> octets) const;
  void grow();
  AttributeId append(const AttributeHead& head, std::span<const std::byte> octets);

  std::vector<Chunk> chunks_;
  std::uint32_t free_ = chunk_words;  // first free word of the last chunk
  std::vector<Slot> slots_;
  std::size_t used_ = 0;
  std::uint64_t seed_;
};

}  // namespace strait::routes
