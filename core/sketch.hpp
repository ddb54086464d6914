// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/duration.hpp"
#include "core/result.hpp"

namespace strait {

// A base-2 exponential histogram of durations: bucket i of schema s holds the values, in seconds,
// in (2^((i-1)/2^s), 2^(i/2^s)], the upper bound inclusive. These are the keys of Prometheus native
// histograms and (shifted by one) OpenTelemetry exponential histograms, so nothing is converted on
// the way out. Schema 7 estimates any quantile with a relative error of at most 0.28 %.
// Values <= 0 ns go to the zero bucket and are counted apart when negative.
// Merging is exact, associative and commutative; so is folding to a coarser schema.
// Not thread-safe: one writer, and readers get copies.
class Sketch {
 public:
  static constexpr int min_schema = 0;
  static constexpr int max_schema = 8;
  static constexpr int default_schema = 7;

  explicit Sketch(int schema = default_schema);

  void record(Nanos value) { record(value, 1); }
  void record(Nanos value, std::uint64_t times);

  // Adds the other's counts. The coarser of the two schemas wins.
  void merge(const Sketch& other);
  // The same counts at a coarser schema; `schema` must be <= this->schema().
  [[nodiscard]] Sketch folded(int schema) const;

  [[nodiscard]] int schema() const;
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] std::uint64_t zero_count() const;
  [[nodiscard]] bool empty() const { return count() == 0; }
  [[nodiscard]] Nanos sum() const;
  [[nodiscard]] std::optional<Nanos> min() const;  // exact
  [[nodiscard]] std::optional<Nanos> max() const;  // exact
  [[nodiscard]] std::optional<Nanos> mean() const;

  // The value at nearest rank ceil(q n), q in [0,1]; the bucket's geometric middle, clamped to
  // [min, max]. Nothing for an empty sketch.
  [[nodiscard]] std::optional<Nanos> quantile(double q) const;
  // The value at rank r, counted from 1 to count().
  [[nodiscard]] std::optional<Nanos> at_rank(std::uint64_t rank) const;
  // How many recorded values are <= value; exact at bucket bounds.
  [[nodiscard]] std::uint64_t count_at_or_below(Nanos value) const;

  // One non-empty bucket, in ascending order of key.
  struct Bucket {
    std::int32_t key;
    std::uint64_t count;

    friend bool operator==(const Bucket&, const Bucket&) = default;
  };
  [[nodiscard]] std::vector<Bucket> buckets() const;
  [[nodiscard]] static Nanos upper_bound(std::int32_t key, int schema);

  [[nodiscard]] std::size_t memory_bytes() const;

  friend bool operator==(const Sketch& a, const Sketch& b);
};

// Compact bytes: a version octet, schema, then varints (zigzag deltas of keys, counts, sum, min,
// max). Deterministic: equal sketches give equal bytes.
[[nodiscard]] std::vector<std::byte> encode(const Sketch& sketch);
// Refuses truncated, oversized, unordered or inconsistent input; never allocates more than the
// schema's full range of buckets.
[[nodiscard]] Result<Sketch> decode_sketch(std::span<const std::byte> bytes);

}  // namespace strait
