// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/address.hpp"

namespace strait::routes {

// What a network covers, itself included, of these lengths: 10.0.0.0/23 from 24 to 24 is its two
// halves, from 23 to 24 all three. What is meant is always exact: never a prefix that was not
// asked for.
struct PrefixPattern {
  Prefix network;
  std::uint8_t from = 0;  // at least the network's length
  std::uint8_t to = 0;    // at most most_deeper more than that

  friend bool operator==(const PrefixPattern&, const PrefixPattern&) = default;
  [[nodiscard]] bool single() const { return from == network.length && to == from; }
};

// Lengths below its network that a pattern spans at most, so that reading one back is bounded.
inline constexpr unsigned most_deeper = 16;

// Patterns that match exactly these prefixes (sorted, none twice, of one family), each once, by
// network; never more patterns than prefixes. Siblings are joined from the longest up: not always
// as few as could be.
[[nodiscard]] std::vector<PrefixPattern> patterns_of(std::span<const Prefix> prefixes);

// Appends what a pattern matches, sorted. Nothing for one that patterns_of() does not make.
[[nodiscard]] bool expand(const PrefixPattern& pattern, std::vector<Prefix>& prefixes);

}  // namespace strait::routes
