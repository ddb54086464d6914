// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace strait::probe::dpdk {

// One's complement addition in 64 bits: the carry comes back in at the low end. 2^16 is 1 modulo
// 2^16 - 1, so words of any size may be summed and folded later (RFC 1071 §2 (C)).
[[nodiscard]] inline std::uint64_t add_with_carry(std::uint64_t sum, std::uint64_t word) {
  sum += word;
  return sum + static_cast<std::uint64_t>(sum < word);
}

template <class Word>
[[nodiscard]] inline Word load_as_is(const std::byte* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// The sum of the octets (RFC 1071) in the machine's byte order, at most 2^33: so that some thousand
// of them add up in 64 bits before they are folded.
[[nodiscard]] inline std::uint64_t octet_sum(std::span<const std::byte> octets) {
  std::uint64_t sum = 0;
  const std::byte* at = octets.data();
  std::size_t left = octets.size();
  for (; left >= 16; left -= 16, at += 16) {
    sum = add_with_carry(sum, load_as_is<std::uint64_t>(at));
    sum = add_with_carry(sum, load_as_is<std::uint64_t>(at + 8));
  }
  if ((left & 8U) != 0) {
    sum = add_with_carry(sum, load_as_is<std::uint64_t>(at));
    at += 8;
  }
  if ((left & 4U) != 0) {
    sum = add_with_carry(sum, load_as_is<std::uint32_t>(at));
    at += 4;
  }
  if ((left & 2U) != 0) {
    sum = add_with_carry(sum, load_as_is<std::uint16_t>(at));
    at += 2;
  }
  // A last odd octet is followed by a zero.
  if ((left & 1U) != 0) sum = add_with_carry(sum, std::to_integer<std::uint64_t>(*at));
  return (sum & 0xffffffffU) + (sum >> 32U);
}

[[nodiscard]] inline std::uint16_t fold_sum(std::uint64_t sum) {
  // Adding a word to itself with its halves swapped leaves their sum in the upper half, the carry
  // of the lower one included.
  const auto half = static_cast<std::uint32_t>((sum + std::rotl(sum, 32)) >> 32U);
  return static_cast<std::uint16_t>((half + std::rotl(half, 16)) >> 16U);
}

}  // namespace strait::probe::dpdk
