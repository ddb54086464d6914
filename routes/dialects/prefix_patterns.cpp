// SPDX-License-Identifier: Apache-2.0
#include "routes/dialects/prefix_patterns.hpp"

#include <algorithm>
#include <array>
#include <tuple>

#include "routes/prefix_key.hpp"

namespace strait::routes {
namespace {

template <class Key>
struct Item {
  Key network;
  std::uint8_t from = 0;
  std::uint8_t to = 0;

  friend auto operator<=>(const Item&, const Item&) = default;
};

// The patterns whose network has one length, sorted: what is contiguous becomes one.
template <class Key>
void join_lengths(std::vector<Item<Key>>& items) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (kept > 0 && items[kept - 1].network == items[i].network &&
        items[kept - 1].to + 1 == items[i].from) {
      items[kept - 1].to = items[i].to;
    } else {
      items[kept++] = items[i];
    }
  }
  items.resize(kept);
}

// Of the item's network the other half with the same lengths, behind it; items.size(): there is
// none. Of one network there are few patterns, so it is near.
template <class Key>
std::size_t other_half(const std::vector<Item<Key>>& items, std::size_t item, const Key& parent) {
  const Item<Key>& one = items[item];
  const auto above = static_cast<std::uint8_t>(one.network.length() - 1);
  for (std::size_t i = item + 1; i < items.size(); ++i) {
    const Item<Key>& other = items[i];
    if (other.network.shortened(above) != parent) break;
    if (other.network != one.network && other.from == one.from && other.to == one.to) return i;
  }
  return items.size();
}

// Two halves of one network with the same lengths go up to it; what stays is appended to `done`.
template <class Key>
void join_halves(const std::vector<Item<Key>>& items, unsigned length,
                 std::vector<Item<Key>>& above, std::vector<Item<Key>>& done) {
  std::vector<bool> gone(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (gone[i]) continue;
    const bool may_rise = length > 0 && items[i].to - (length - 1U) <= most_deeper;
    if (!may_rise) {
      done.push_back(items[i]);
      continue;
    }
    const Key parent = items[i].network.shortened(static_cast<std::uint8_t>(length - 1));
    const std::size_t other = other_half(items, i, parent);
    if (other == items.size()) {
      done.push_back(items[i]);
      continue;
    }
    gone[other] = true;
    above.push_back({.network = parent, .from = items[i].from, .to = items[i].to});
  }
}

template <class Key>
std::vector<PrefixPattern> patterns_by_key(std::span<const Prefix> prefixes) {
  std::array<std::vector<Item<Key>>, Key::bits + 1> levels;
  std::vector<PrefixPattern> patterns;
  for (const Prefix& prefix : prefixes) {
    // No prefix at all, which is for the router's own check to say.
    if (prefix.length > Key::bits) {
      patterns.push_back({.network = prefix, .from = prefix.length, .to = prefix.length});
      continue;
    }
    levels.at(prefix.length)
        .push_back({.network = Key::of(prefix), .from = prefix.length, .to = prefix.length});
  }
  std::vector<Item<Key>> done;
  std::vector<Item<Key>> above;
  for (unsigned length = Key::bits + 1; length-- > 0;) {
    std::vector<Item<Key>>& items = levels.at(length);
    const auto middle = static_cast<std::ptrdiff_t>(items.size());
    items.insert(items.end(), above.begin(), above.end());
    std::inplace_merge(items.begin(), items.begin() + middle, items.end());
    above.clear();
    join_lengths(items);
    join_halves(items, length, above, done);
    std::ranges::sort(above);
  }
  std::ranges::sort(done);
  patterns.reserve(patterns.size() + done.size());
  for (const Item<Key>& item : done) {
    patterns.push_back({.network = item.network.prefix(), .from = item.from, .to = item.to});
  }
  return patterns;
}

// The upper half: the first bit behind the network is set.
Prefix upper_half(const Prefix& prefix) {
  const auto with_bit = [&](auto octets) {
    octets.at(prefix.length / 8U) |= static_cast<unsigned char>(0x80U >> (prefix.length % 8U));
    return octets;
  };
  const auto length = static_cast<std::uint8_t>(prefix.length + 1);
  if (prefix.network.is_v4()) {
    return {boost::asio::ip::address_v4{with_bit(prefix.network.to_v4().to_bytes())}, length};
  }
  return {boost::asio::ip::address_v6{with_bit(prefix.network.to_v6().to_bytes())}, length};
}

}  // namespace

std::vector<PrefixPattern> patterns_of(std::span<const Prefix> prefixes) {
  if (prefixes.empty()) return {};
  return prefixes.front().network.is_v4() ? patterns_by_key<KeyV4>(prefixes)
                                          : patterns_by_key<KeyV6>(prefixes);
}

bool expand(const PrefixPattern& pattern, std::vector<Prefix>& prefixes) {
  const unsigned bits = pattern.network.network.is_v4() ? 32 : 128;
  const std::uint8_t length = pattern.network.length;
  if (pattern.from < length || pattern.to < pattern.from || pattern.to > bits ||
      pattern.to - length > static_cast<int>(most_deeper)) {
    return false;
  }
  // In order: a network stands before all that it covers, and its lower half before the upper.
  std::vector<Prefix> open{pattern.network};
  while (!open.empty()) {
    const Prefix next = open.back();
    open.pop_back();
    if (next.length >= pattern.from) prefixes.push_back(next);
    if (next.length >= pattern.to) continue;
    open.push_back(upper_half(next));
    open.push_back({next.network, static_cast<std::uint8_t>(next.length + 1)});
  }
  return true;
}

}  // namespace strait::routes
