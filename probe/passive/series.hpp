// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "core/sketch.hpp"
#include "probe/passive/pool.hpp"

namespace strait::probe::passive {

// The round trips of very many senders: most have a few, which stand side by side in one line of
// the cache; who has more gets a sketch.
class SeriesPool {
 public:
  using Handle = std::uint32_t;

  // So many senders at once, and so many of them with a sketch.
  SeriesPool(std::uint32_t limit, std::uint32_t sketches) : few_{limit}, most_sketches_{sketches} {}

  // Into the series of `handle`, which is taken when it is 0. False where there is no room for it:
  // of a series without a sketch, its number and its least round trip are still kept.
  bool record(Handle& handle, Nanos rtt);
  void prefetch(Handle handle) const { few_.prefetch(handle); }
  void give_back(Handle handle);

  // The values. `complete` is false where some found no room.
  struct Content {
    Sketch sketch;
    bool complete = true;
  };
  [[nodiscard]] Content content(Handle handle) const;
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  static constexpr std::uint32_t inline_values = 6;
  struct Few {
    std::uint32_t count = 0;
    std::uint32_t sketch = 0;  // its index from 1 on
    std::int64_t min = 0;
    std::array<std::int64_t, inline_values> values{};
  };
  static_assert(sizeof(Few) == 64);

  bool spill(Few& few);

  Pool<Few> few_;
  std::uint32_t most_sketches_;
  std::deque<Sketch> sketches_;
  std::vector<std::uint32_t> free_sketches_;
};

}  // namespace strait::probe::passive
