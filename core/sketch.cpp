// SPDX-License-Identifier: Apache-2.0
#include "core/sketch.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "core/sketch_index.hpp"

namespace strait {
namespace {

// Counters come in blocks of this many keys, so that merging adds whole blocks with vector
// instructions and a new largest value seldom moves them.
constexpr std::int32_t block = 64;

constexpr std::int32_t block_start(std::int32_t key) { return key & ~(block - 1); }

// The bucket that takes in `key` when the schema loses `steps`.
constexpr std::int32_t folded_key(std::int32_t key, int steps) {
  return (key + (1 << steps) - 1) >> steps;
}

void add_block(std::uint32_t* __restrict into, const std::uint32_t* __restrict from) {
  for (std::int32_t i = 0; i < block; ++i) into[i] += from[i];
}

bool none_of_eight(const std::uint32_t* counts) {
  std::uint32_t any = 0;
  for (int i = 0; i < 8; ++i) any |= counts[i];
  return any == 0;
}

[[maybe_unused]] bool valid(int schema) {
  return schema >= Sketch::min_schema && schema <= Sketch::max_schema;
}

}  // namespace

Sketch::Sketch(int schema) : schema_{schema} { assert(valid(schema)); }

void Sketch::record(Nanos value, std::uint64_t times) {
  if (times == 0) return;
  const std::int64_t nanos = value.count();
  count_ += times;
  sum_ += static_cast<Total>(nanos) * times;
  min_ = std::min(min_, nanos);
  max_ = std::max(max_, nanos);
  if (nanos > 0) {
    add(key_of(value, schema_), times);
    return;
  }
  zero_ += times;
  if (nanos < 0) negative_ += times;
}

void Sketch::add(std::int32_t key, std::uint64_t times) {
  if (low_.empty()) {
    cover(key, key);
  } else if (key < first_) {  // values come near each other: make room for the next one too
    cover(key - block, key);
  } else if (key >= first_ + static_cast<std::int32_t>(low_.size())) {
    cover(key, key + block);
  }
  const auto index = static_cast<std::size_t>(key - first_);
  const std::uint64_t sum = at(index) + times;
  low_[index] = static_cast<std::uint32_t>(sum);
  if (sum >> 32U == 0) return;
  if (high_.empty()) high_.resize(low_.size());
  high_[index] = static_cast<std::uint32_t>(sum >> 32U);
}

// Makes counters for all keys from `first` to `last`.
void Sketch::cover(std::int32_t first, std::int32_t last) {
  std::int32_t start = block_start(first);
  std::int32_t end = block_start(last) + block;
  if (!low_.empty()) {
    start = std::min(start, first_);
    end = std::max(end, first_ + static_cast<std::int32_t>(low_.size()));
  }
  const auto size = static_cast<std::size_t>(end - start);
  if (size == low_.size()) return;

  const auto widened = [&](const std::vector<std::uint32_t>& old) {
    std::vector<std::uint32_t> wide(size);
    std::ranges::copy(old, wide.begin() + (old.empty() ? 0 : first_ - start));
    return wide;
  };
  low_ = widened(low_);
  if (!high_.empty()) high_ = widened(high_);
  first_ = start;
}

void Sketch::merge(const Sketch& other) {
  if (other.schema_ < schema_) *this = folded(other.schema_);
  if (&other == this) {  // adding blocks wants two arrays
    add(Sketch{other});
  } else if (other.schema_ > schema_) {
    add(other.folded(schema_));
  } else {
    add(other);
  }
}

// Adds another sketch of the same schema.
void Sketch::add(const Sketch& other) {
  add_totals(other);
  add_counts(other);
}

void Sketch::add_totals(const Sketch& other) {
  zero_ += other.zero_;
  negative_ += other.negative_;
  count_ += other.count_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

// Adds the buckets of a sketch of the same schema, whose totals are already in ours.
void Sketch::add_counts(const Sketch& other) {
  if (other.low_.empty()) return;
  const auto size = static_cast<std::int32_t>(other.low_.size());
  cover(other.first_, other.first_ + size - 1);

  // No bucket can hold more than all of them together.
  if (count_ <= std::numeric_limits<std::uint32_t>::max()) {
    std::uint32_t* const into = low_.data() + (other.first_ - first_);
    for (std::int32_t i = 0; i < size; i += block) add_block(into + i, other.low_.data() + i);
    return;
  }
  for (std::int32_t i = 0; i < size; ++i) {
    const std::uint64_t times = other.at(static_cast<std::size_t>(i));
    if (times != 0) add(other.first_ + i, times);
  }
}

Sketch Sketch::folded(int schema) const {
  assert(valid(schema) && schema <= schema_);
  if (schema == schema_) return *this;
  Sketch result{schema};
  result.add_totals(*this);
  const int steps = schema_ - schema;
  for (const Bucket& bucket : buckets()) result.add(folded_key(bucket.key, steps), bucket.count);
  return result;
}

std::uint64_t Sketch::at(std::size_t index) const {
  const std::uint64_t high = high_.empty() ? 0 : high_[index];
  return (high << 32U) | low_[index];
}

Nanos Sketch::sum() const {
  const Total limit = Nanos::max().count();
  return Nanos{static_cast<std::int64_t>(std::clamp(sum_, -limit, limit))};
}

std::optional<Nanos> Sketch::min() const {
  if (empty()) return std::nullopt;
  return Nanos{min_};
}

std::optional<Nanos> Sketch::max() const {
  if (empty()) return std::nullopt;
  return Nanos{max_};
}

std::optional<Nanos> Sketch::mean() const {
  if (empty()) return std::nullopt;
  return Nanos{static_cast<std::int64_t>(sum_ / static_cast<Total>(count_))};
}

std::vector<Sketch::Bucket> Sketch::buckets() const {
  std::vector<Bucket> result;
  result.reserve(std::min<std::uint64_t>(low_.size(), count_ - zero_));
  for (std::size_t i = 0; i < low_.size(); ++i) {
    // Most counters are 0: eight of them are passed over at once.
    if (i % 8 == 0 && high_.empty() && none_of_eight(low_.data() + i)) {
      i += 7;
      continue;
    }
    const std::uint64_t count = at(i);
    if (count != 0) result.push_back({first_ + static_cast<std::int32_t>(i), count});
  }
  return result;
}

std::int32_t Sketch::key_of(Nanos value, int schema) {
  assert(value > Nanos::zero() && valid(schema));
  return sketch_index::key(static_cast<std::uint64_t>(value.count()), schema);
}

Nanos Sketch::upper_bound(std::int32_t key, int schema) {
  assert(valid(schema));
  return Nanos{sketch_index::upper_bound(key, schema)};
}

double Sketch::upper_bound_seconds(std::int32_t key, int schema) {
  assert(valid(schema));
  return std::exp2(std::ldexp(static_cast<double>(key), -schema));
}

std::size_t Sketch::memory_bytes() const {
  return sizeof(Sketch) + (low_.capacity() + high_.capacity()) * sizeof(std::uint32_t);
}

bool operator==(const Sketch& a, const Sketch& b) {
  return a.schema_ == b.schema_ && a.count_ == b.count_ && a.zero_ == b.zero_ &&
         a.negative_ == b.negative_ && a.min_ == b.min_ && a.max_ == b.max_ && a.sum_ == b.sum_ &&
         a.buckets() == b.buckets();
}

}  // namespace strait
