// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace strait::probe {

// Unsigned integers in network order at any alignment. The caller has checked the bounds.
template <class T>
[[nodiscard]] inline T to_network(T value) {
  static_assert(std::endian::native == std::endian::little || sizeof(T) == 1);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  return value;
}

template <class T>
[[nodiscard]] inline T load(std::span<const std::byte> octets, std::size_t offset) {
  T value;
  std::memcpy(&value, octets.data() + offset, sizeof(T));
  return to_network(value);
}

template <class T>
inline void store(std::span<std::byte> octets, std::size_t offset, T value) {
  value = to_network(value);
  std::memcpy(octets.data() + offset, &value, sizeof(T));
}

}  // namespace strait::probe
