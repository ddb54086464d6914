// SPDX-License-Identifier: Apache-2.0
#include "routes/match_index.hpp"

#include <algorithm>

#include "routes/covering.hpp"

namespace strait::routes {
namespace {

constexpr std::uint32_t longer_prefixes = 0x80000000;  // marks a slot
constexpr unsigned bucket_bits = 20;
constexpr unsigned bucket_shift = 64 - 3 - bucket_bits;
constexpr std::uint64_t global_unicast = 1;  // 2000::/3 (RFC 4291 section 2.4)

std::optional<std::size_t> found_at(std::uint32_t index) {
  return index == no_parent ? std::nullopt : std::optional<std::size_t>{index};
}

}  // namespace

MatchIndex::MatchIndex(const Rib& rib)
    : rib_{rib},
      slots_(std::size_t{1} << 24U),
      buckets_((std::size_t{1} << bucket_bits) + 1),
      parents_v4_{parents_of(rib.v4().keys)},
      parents_v6_{parents_of(rib.v6().keys)} {
  fill_slots();
  fill_buckets();
}

void MatchIndex::fill_slots() {
  const auto& keys = rib_.v4().keys;
  for (std::uint32_t i = 0; i < keys.size(); ++i) {
    const std::size_t slot = keys[i].network() >> 8U;
    if (keys[i].length() > 24) {
      slots_[slot] = longer_prefixes | i;
      continue;
    }
    const std::size_t count = std::size_t{1} << (24U - keys[i].length());
    std::fill_n(slots_.begin() + static_cast<std::ptrdiff_t>(slot), count, i + 1);
  }
}

void MatchIndex::fill_buckets() {
  const auto& keys = rib_.v6().keys;
  std::size_t at = 0;
  for (std::uint64_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    // The last one is the end of 2000::/3.
    const std::uint64_t from = (global_unicast << 61U) + (bucket << bucket_shift);
    while (at < keys.size() && keys[at].high < from) ++at;
    buckets_[bucket] = static_cast<std::uint32_t>(at);
  }
}

std::optional<std::size_t> MatchIndex::find_v4(std::uint32_t address) const {
  const std::uint32_t slot = slots_[address >> 8U];
  if ((slot & longer_prefixes) == 0) {
    if (slot == 0) return std::nullopt;
    return slot - 1;
  }
  const auto& keys = rib_.v4().keys;
  const KeyV4 host = KeyV4::of(address, 32);
  std::uint32_t last = slot & ~longer_prefixes;
  while (last > 0 && host < keys[last]) --last;  // at most the 511 prefixes of one /24
  if (host < keys[last]) return std::nullopt;
  return found_at(climb(keys, parents_v4_, last, host));
}

std::optional<std::size_t> MatchIndex::find_v6(std::uint64_t high, std::uint64_t low) const {
  const auto& keys = rib_.v6().keys;
  auto from = keys.begin();
  auto to = keys.end();
  if (high >> 61U == global_unicast) {
    const std::size_t bucket = high >> bucket_shift & ((std::size_t{1} << bucket_bits) - 1);
    from = keys.begin() + buckets_[bucket];
    to = keys.begin() + buckets_[bucket + 1];
  }
  const KeyV6 host = KeyV6::of(high, low, 128);
  const auto behind = std::upper_bound(from, to, host);
  if (behind == keys.begin()) return std::nullopt;
  const auto last = static_cast<std::uint32_t>(behind - keys.begin() - 1);
  return found_at(climb(keys, parents_v6_, last, host));
}

std::optional<RibEntry> MatchIndex::find(const Address& address) const {
  if (address.is_v4()) {
    const auto index = find_v4(address.to_v4().to_uint());
    if (!index) return std::nullopt;
    return rib_.v4().entry_at(*index, 0);
  }
  const KeyV6 host = KeyV6::of(Prefix{address, 128});
  const auto index = find_v6(host.high, host.low);
  if (!index) return std::nullopt;
  return rib_.v6().entry_at(*index, rib_.v4().keys.size());
}

}  // namespace strait::routes
