// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "core/duration.hpp"
#include "core/result.hpp"
#include "core/sketch_index.hpp"

namespace strait {

// A base-2 exponential histogram of durations: bucket i of schema s holds the values, in seconds,
// in (2^((i-1)/2^s), 2^(i/2^s)], the upper bound inclusive. These are the keys of Prometheus native
// histograms and (shifted by one) OpenTelemetry exponential histograms, so nothing is converted on
// the way out. Schema 7 estimates any quantile with a relative error of at most 0.28 %, besides
// the rounding to a whole nanosecond.
// Values <= 0 ns go to the zero bucket; of those below zero (a one-way delay between clocks that
// disagree) only the number, the least and the sum are known: see negative_count().
// Merging is exact, associative and commutative; so is folding to a coarser schema.
// Costs 112 octets and, once it holds values, 4 octets for each bucket between the smallest and the
// largest and up to 64 beyond, empty ones included: at schema 7 at most 16 kB while they span a
// factor of 2^30 (1 us to 17 min), and 33 kB for all durations there are. Not thread-safe: one
// writer, and readers get copies.
class Sketch {
 public:
  static constexpr int min_schema = 0;
  static constexpr int max_schema = 8;
  static constexpr int default_schema = 7;

  explicit Sketch(int schema = default_schema);

  void record(Nanos value) { record(place(value)); }
  void record(Nanos value, std::uint64_t times);

  // A value and its bucket, to be recorded a little later in the sketch that gave it.
  struct Placed {
    Nanos value;
    std::int32_t key;  // of no meaning for a value <= 0 ns
  };
  [[nodiscard]] Placed place(Nanos value) const {
    if (value <= Nanos::zero()) [[unlikely]]
      return {value, 0};
    return {value, sketch_index::key(static_cast<std::uint64_t>(value.count()), schema_)};
  }
  // Asks for the counter to be brought into the cache: with thousands of sketches it seldom is
  // there, and waiting for it costs more than all else that record() does.
  void prefetch(const Placed& placed) const {
    const auto index = static_cast<std::uint32_t>(placed.key - first_);
    if (index < low_.size()) __builtin_prefetch(&low_[index], 1);
  }
  void record(const Placed& placed);

  // Adds the other's counts. The coarser of the two schemas wins.
  void merge(const Sketch& other);
  // The same counts at a coarser schema; `schema` must be <= this->schema().
  [[nodiscard]] Sketch folded(int schema) const;

  [[nodiscard]] int schema() const { return schema_; }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::uint64_t zero_count() const { return zero_; }  // <= 0 ns
  // How many were below zero. While it is not 0, quantiles among those read as 0 ns (all of them
  // negative: as the greatest), so a caller who needs them must refuse the sketch.
  [[nodiscard]] std::uint64_t negative_count() const { return negative_; }
  [[nodiscard]] Nanos sum() const;                 // exact; held at the limits of Nanos (292 years)
  [[nodiscard]] std::optional<Nanos> min() const;  // exact
  [[nodiscard]] std::optional<Nanos> max() const;  // exact
  [[nodiscard]] std::optional<Nanos> mean() const;  // rounded towards zero

  // The value at nearest_rank(q, count()). Nothing for an empty sketch.
  [[nodiscard]] std::optional<Nanos> quantile(double q) const;
  // The value at rank r, counted from 1 to count(): exact for the first and the last, else the
  // bucket's geometric middle, kept within [min, max]. Nothing for any other rank.
  [[nodiscard]] std::optional<Nanos> at_rank(std::uint64_t rank) const;

  // How many recorded values are <= value: exact at bucket bounds, and for all values >= max; in
  // between, only the buckets that lie wholly below count. Below 0 ns nothing is told apart.
  [[nodiscard]] std::uint64_t count_at_or_below(Nanos value) const;
  // The same for many values in ascending order, in one pass: the buckets of a classic histogram.
  [[nodiscard]] std::vector<std::uint64_t> counts_at_or_below(std::span<const Nanos> values) const;

  // One non-empty bucket, in ascending order of key.
  struct Bucket {
    std::int32_t key;
    std::uint64_t count;

    friend bool operator==(const Bucket&, const Bucket&) = default;
  };
  [[nodiscard]] std::vector<Bucket> buckets() const;  // without the zero bucket

  // The bucket that holds `value`, which must be > 0.
  [[nodiscard]] static std::int32_t key_of(Nanos value, int schema);
  // The largest whole nanosecond of a bucket; held at the largest Nanos.
  [[nodiscard]] static Nanos upper_bound(std::int32_t key, int schema);
  // 2^(key/2^schema): the bound itself, for the `le` of a histogram in seconds.
  [[nodiscard]] static double upper_bound_seconds(std::int32_t key, int schema);

  [[nodiscard]] std::size_t memory_bytes() const;

  friend bool operator==(const Sketch& a, const Sketch& b);

 private:
  __extension__ using Total = __int128;  // 2^64 values of 2^63 ns fit

  friend std::vector<std::byte> encode(const Sketch& sketch);
  friend class SketchDecoder;

  void add(std::int32_t key, std::uint64_t times);
  void cover(std::int32_t first, std::int32_t last);
  void add(const Sketch& other);
  void add_totals(const Sketch& other);
  void add_counts(const Sketch& other);
  [[nodiscard]] std::uint64_t at(std::size_t index) const;
  [[nodiscard]] std::uint64_t sum_of(std::size_t from, std::size_t to) const;
  [[nodiscard]] Nanos middle(std::int32_t key) const;

  // What record() touches comes first.
  int schema_;
  std::int32_t first_ = 0;          // the key of low_[0]
  std::vector<std::uint32_t> low_;  // counts of adjacent buckets, modulo 2^32
  Total sum_ = 0;
  std::uint64_t count_ = 0;
  std::int64_t min_ = std::numeric_limits<std::int64_t>::max();
  std::int64_t max_ = std::numeric_limits<std::int64_t>::min();
  std::uint64_t zero_ = 0;
  std::uint64_t negative_ = 0;
  std::vector<std::uint32_t> high_;  // upper halves of low_; empty until one is not 0
};

inline void Sketch::record(const Placed& placed) {
  const std::int64_t nanos = placed.value.count();
  ++count_;
  sum_ += nanos;
  // Branches that are hardly ever taken cost less than two stores each time.
  if (nanos < min_) [[unlikely]]
    min_ = nanos;
  if (nanos > max_) [[unlikely]]
    max_ = nanos;
  if (nanos <= 0) [[unlikely]] {
    ++zero_;
    negative_ += static_cast<std::uint64_t>(nanos < 0);
    return;
  }
  const auto index = static_cast<std::uint32_t>(placed.key - first_);
  // A counter at its limit needs the upper half, a key outside the range more counters.
  if (index < low_.size() && low_[index] != std::numeric_limits<std::uint32_t>::max()) [[likely]] {
    ++low_[index];
  } else {
    add(placed.key, 1);
  }
}

// ceil(q n) within [1, n], for q in [0, 1] and n > 0; what differs from a whole number only by the
// rounding of a binary q counts as that number, so 0.07 of 100 is rank 7.
[[nodiscard]] std::uint64_t nearest_rank(double q, std::uint64_t n);

// Compact bytes: a version octet, schema, then varints (zigzag deltas of keys and counts, minimum,
// maximum, sum). Deterministic: equal sketches give equal bytes. docs/METHOD.md has the layout.
[[nodiscard]] std::vector<std::byte> encode(const Sketch& sketch);
// Refuses truncated, oversized, unordered or inconsistent input with what is wrong at which octet;
// never allocates more than the schema's full range of buckets.
[[nodiscard]] Result<Sketch> decode_sketch(std::span<const std::byte> bytes);

}  // namespace strait
