// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "core/sketch.hpp"

namespace strait {
namespace {

constexpr double nanos_per_second = 1e9;
constexpr std::size_t stride = 64;  // counters come in blocks of as many

// Of counts whose sum has 32 bits.
std::uint32_t sum_of_block(const std::uint32_t* counts) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < stride; ++i) sum += counts[i];
  return sum;
}

}  // namespace

std::uint64_t nearest_rank(double q, std::uint64_t n) {
  assert(n > 0);
  // The product is off by half a unit of q and half of its own: four units are on the safe side.
  constexpr double slack = 4 * std::numeric_limits<double>::epsilon();
  const double exact = q * static_cast<double>(n);
  const double rank = std::ceil(exact - exact * slack);
  if (!(rank > 1)) return 1;
  if (q >= 1 || rank >= static_cast<double>(n)) return n;
  return static_cast<std::uint64_t>(rank);
}

std::optional<Nanos> Sketch::quantile(double q) const {
  if (empty()) return std::nullopt;
  return at_rank(nearest_rank(q, count_));
}

std::optional<Nanos> Sketch::at_rank(std::uint64_t rank) const {
  if (rank == 0 || rank > count_) return std::nullopt;
  if (rank == 1) return Nanos{min_};
  if (rank == count_) return Nanos{max_};
  if (rank <= zero_) return Nanos{std::clamp<std::int64_t>(0, min_, max_)};

  std::uint64_t below = zero_;
  std::size_t first = 0;
  for (; first + stride < low_.size(); first += stride) {
    const std::uint64_t sum = sum_of(first, first + stride);
    if (below + sum >= rank) break;
    below += sum;
  }
  for (std::size_t i = first; i < low_.size(); ++i) {
    below += at(i);
    if (below >= rank) return middle(first_ + static_cast<std::int32_t>(i));
  }
  return Nanos{max_};
}

// Whole blocks are added with vector instructions.
std::uint64_t Sketch::sum_of(std::size_t from, std::size_t to) const {
  std::uint64_t sum = 0;
  if (count_ <= std::numeric_limits<std::uint32_t>::max()) {
    for (; from + stride <= to; from += stride) sum += sum_of_block(low_.data() + from);
  }
  for (; from < to; ++from) sum += at(from);
  return sum;
}

// The geometric middle errs by the same factor at both ends of the bucket.
Nanos Sketch::middle(std::int32_t key) const {
  const double seconds = std::exp2(std::ldexp(static_cast<double>(key) - 0.5, -schema_));
  const double nanos = seconds * nanos_per_second;
  if (nanos <= static_cast<double>(min_)) return Nanos{min_};
  if (nanos >= static_cast<double>(max_)) return Nanos{max_};
  return Nanos{std::llround(nanos)};
}

std::uint64_t Sketch::count_at_or_below(Nanos value) const {
  return counts_at_or_below({&value, 1}).front();
}

std::vector<std::uint64_t> Sketch::counts_at_or_below(std::span<const Nanos> values) const {
  assert(std::ranges::is_sorted(values));
  std::vector<std::uint64_t> result;
  result.reserve(values.size());

  std::uint64_t below = zero_;
  std::size_t next = 0;  // the first bucket that is not yet in `below`
  for (const Nanos value : values) {
    if (value.count() >= max_) {  // also of an empty sketch, whose max_ is the least of all
      result.push_back(count_);
      continue;
    }
    if (value <= Nanos::zero()) {
      result.push_back(value == Nanos::zero() ? zero_ : 0);
      continue;
    }
    const std::int32_t key = key_of(value, schema_);
    const std::int32_t end = upper_bound(key, schema_) == value ? key + 1 : key;
    const auto to = static_cast<std::size_t>(
        std::clamp<std::int32_t>(end - first_, 0, static_cast<std::int32_t>(low_.size())));
    if (to > next) {
      below += sum_of(next, to);
      next = to;
    }
    result.push_back(below);
  }
  return result;
}

}  // namespace strait
