// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "routes/prefix_key.hpp"

namespace strait::routes {

// Sorted prefixes as a forest: each one's parent is the longest other one that covers it.

inline constexpr std::uint32_t no_parent = 0xffffffff;

template <class Key>
[[nodiscard]] bool covers(const Key& outer, const Key& inner) {
  return outer.length() <= inner.length() && inner.shortened(outer.length()) == outer;
}

// The keys must ascend, none twice. Covering prefixes stand in front of what they cover, so those
// that are open make a stack.
template <class Key>
[[nodiscard]] std::vector<std::uint32_t> parents_of(const std::vector<Key>& keys) {
  std::vector<std::uint32_t> parents(keys.size());
  std::vector<std::uint32_t> open;
  for (std::uint32_t i = 0; i < keys.size(); ++i) {
    while (!open.empty() && !covers(keys[open.back()], keys[i])) open.pop_back();
    parents[i] = open.empty() ? no_parent : open.back();
    open.push_back(i);
  }
  return parents;
}

// The longest prefix that covers `key`, or no_parent. `from` is the last one that is not behind it.
template <class Key>
[[nodiscard]] std::uint32_t climb(const std::vector<Key>& keys,
                                  const std::vector<std::uint32_t>& parents, std::uint32_t from,
                                  const Key& key) {
  while (from != no_parent && !covers(keys[from], key)) from = parents[from];
  return from;
}

}  // namespace strait::routes
