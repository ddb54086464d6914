// SPDX-License-Identifier: Apache-2.0
#include "core/sketch_index.hpp"

#include <cstddef>
#include <limits>

namespace strait::sketch_index {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::uint64_t low_half(Wide value) { return static_cast<std::uint64_t>(value); }
constexpr std::uint64_t high_half(Wide value) { return static_cast<std::uint64_t>(value >> 64U); }
constexpr Wide product(std::uint64_t a, std::uint64_t b) { return static_cast<Wide>(a) * b; }

// The upper 128 of the 256 bits of a product, rounded down.
constexpr Wide high_product(Wide a, Wide b) {
  const Wide low = product(low_half(a), low_half(b));
  const Wide middle = product(high_half(a), low_half(b)) + high_half(low);
  const Wide other = product(low_half(a), high_half(b)) + low_half(middle);
  return product(high_half(a), high_half(b)) + high_half(middle) + high_half(other);
}

constexpr Wide wide(std::uint64_t high, std::uint64_t low) {
  return (static_cast<Wide>(high) << 64U) | low;
}

// 2^(-1/2), 2^(-1/4) ... 2^(-1/256) as fractions of 2^128, rounded down.
constexpr std::array<Wide, finest_schema> roots{
    wide(0xb504f333f9de6484, 0x597d89b3754abe9f), wide(0xd744fccad69d6af4, 0x39a68bb9902d3fde),
    wide(0xeac0c6e7dd24392e, 0xd02d75b3706e54fa), wide(0xf5257d152486cc2c, 0x7b9d0c7aed980fc3),
    wide(0xfa83b2db722a033a, 0x7c25bb14315d7fcc), wide(0xfd3e0c0cf486c174, 0x853f3a5931e0ee03),
    wide(0xfe9e115c7b8f884b, 0xadd25995e79d2f09), wide(0xff4ecb59511ec8a5, 0x301ba217ef18dd7c)};

// The mantissa of 1e9 * 2^(-steps/256), rounded down to 64 bits. About 120 bits are right, and a
// test compares each bound with a reference of many more.
constexpr std::uint64_t bound_mantissa(unsigned steps) {
  Wide value = static_cast<Wide>(1'000'000'000) << 98U;  // 1e9 has 30 bits
  for (unsigned i = 0; i < finest_schema; ++i) {
    if (((steps << i) & (bounds_per_octave / 2U)) != 0) value = high_product(value, roots.at(i));
    if (high_half(value) >> 63U == 0) value <<= 1U;
  }
  return high_half(value);
}

constexpr Tables make_tables() {
  Tables made{};
  // The bound of 1 s is at 1e9 / 2^29 = 1.86 of its octave: 229 bounds lie below it, 26 above.
  constexpr unsigned of_one_second = 229;
  for (unsigned i = 0; i < bounds_per_octave; ++i) {
    made.bound.at(i) = bound_mantissa((of_one_second - i) % bounds_per_octave);
  }
  made.bound.back() = std::numeric_limits<std::uint64_t>::max();

  std::uint16_t below = 0;
  for (std::uint64_t cell = 0; cell < made.below.size(); ++cell) {
    const std::uint64_t start = (cell + made.below.size()) << (63U - cell_bits);
    while (made.bound.at(below) < start) ++below;
    made.below.at(cell) = below;
  }
  return made;
}

}  // namespace

constinit const Tables tables = make_tables();

std::int64_t upper_bound(std::int32_t key, int schema) {
  const std::int64_t from_first =
      static_cast<std::int64_t>(key) * (1 << (finest_schema - schema)) - first_octave_key;
  if (from_first < 0) return 0;
  const std::int64_t octave = from_first / bounds_per_octave;
  if (octave >= 63) return std::numeric_limits<std::int64_t>::max();
  const auto index = static_cast<std::size_t>(from_first % bounds_per_octave);
  return static_cast<std::int64_t>(tables.bound.at(index) >> static_cast<unsigned>(63 - octave));
}

std::int32_t lowest_key(int schema) { return key(1, schema); }

std::int32_t highest_key(int schema) {
  return key(static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()), schema);
}

}  // namespace strait::sketch_index
