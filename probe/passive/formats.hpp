// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>

#include "probe/passive/capture_reader.hpp"

namespace strait::probe::passive {

inline constexpr std::size_t pcap_header_size = 24;

// The format that a file with these first octets has; nothing if it is another. The pcap header is
// read here, the first Section Header Block of pcapng is its first record.
[[nodiscard]] std::unique_ptr<CaptureFormat> pcap_format(std::span<const std::byte> head);
[[nodiscard]] std::unique_ptr<CaptureFormat> pcapng_format(std::span<const std::byte> head);

// "d4 c3 b2 a1": for messages.
[[nodiscard]] std::string first_octets(std::span<const std::byte> head);

// Unsigned integers; `swapped`: not in this machine's order. The caller has checked the bounds.
template <class T>
[[nodiscard]] inline T load_as(std::span<const std::byte> octets, std::size_t offset,
                               bool swapped) {
  T value;
  std::memcpy(&value, octets.data() + offset, sizeof(T));
  if (!swapped) return value;
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  return value;
}

}  // namespace strait::probe::passive
