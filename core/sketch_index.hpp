// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

// Which bucket a whole number of nanoseconds belongs to, exactly and without a logarithm.
//
// In nanoseconds, the bounds of schema 8 are 1e9 * 2^(k/256). They are irrational except where k is
// a multiple of 256, and a value is at or below a bound exactly when it is at or below its floor.
// Every octave [2^e, 2^(e+1)) holds the same 256 bounds, scaled, so one table of 64-bit mantissas
// answers for all, and the keys of the coarser schemas follow by division rounded up.
namespace strait::sketch_index {

constexpr int finest_schema = 8;
constexpr int bounds_per_octave = 1 << finest_schema;
constexpr int cell_bits = 9;  // so fine that no cell holds two bounds: one compare settles it

struct Tables {
  // Bounds of one octave in ascending order, scaled into [2^63, 2^64), and a last one that nothing
  // exceeds.
  std::array<std::uint64_t, bounds_per_octave + 1> bound;
  // How many bounds lie below the first value of each cell of the mantissa.
  std::array<std::uint16_t, 1U << static_cast<unsigned>(cell_bits)> below;
};
extern const Tables tables;

// The key at schema 8 of the first bound in the octave [1, 2) ns.
constexpr std::int32_t first_octave_key = -7653;

// The key of `schema` for `nanoseconds` > 0.
[[nodiscard]] inline std::int32_t key(std::uint64_t nanoseconds, int schema) {
  const int zeros = std::countl_zero(nanoseconds);
  const std::uint64_t mantissa = nanoseconds << static_cast<unsigned>(zeros);
  const std::int32_t below = tables.below[(mantissa >> (63U - cell_bits)) - (1ULL << cell_bits)];
  const bool above = mantissa > tables.bound[static_cast<std::size_t>(below)];
  const std::int32_t finest = first_octave_key + bounds_per_octave * (63 - zeros) + below +
                              static_cast<std::int32_t>(above);
  return -(-finest >> (finest_schema - schema));  // rounds up, as >> rounds down
}

// The largest whole number of nanoseconds in the bucket, as 64-bit saturated at 2^63 - 1; 0 when
// the bucket ends below 1 ns.
[[nodiscard]] std::int64_t upper_bound(std::int32_t key, int schema);

// The keys of 1 ns and of 2^63 - 1 ns.
[[nodiscard]] std::int32_t lowest_key(int schema);
[[nodiscard]] std::int32_t highest_key(int schema);

}  // namespace strait::sketch_index
