// SPDX-License-Identifier: Apache-2.0
#include "routes/match_index.hpp"

#include <algorithm>
#include <bit>

#include "routes/covering.hpp"

namespace strait::routes {
namespace {

constexpr std::uint32_t longer_prefixes = 0x80000000;  // marks a slot
constexpr unsigned part_bits = 16;
constexpr unsigned rest_bits = 64 - part_bits;
constexpr unsigned most_cell_bits = 24;  // of one part

std::optional<std::size_t> found_at(std::uint32_t index) {
  return index == no_parent ? std::nullopt : std::optional<std::size_t>{index};
}

}  // namespace

MatchIndex::MatchIndex(const Rib& rib)
    : rib_{rib},
      slots_(std::size_t{1} << 24U),
      parts_(std::size_t{1} << part_bits),
      parents_v4_{parents_of(rib.v4().keys)},
      parents_v6_{parents_of(rib.v6().keys)} {
  fill_slots();
  fill_ranges();
  fill_cells();
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

// Prefixes in order, and those that are open at each: where one begins or ends another answer does.
void MatchIndex::fill_ranges() {
  struct Open {
    std::uint64_t last = ~std::uint64_t{0};
    std::uint32_t prefix = no_parent;
  };
  std::vector<Open> open(1);  // to the end of all addresses, and so never closed
  const auto answer_from = [&](std::uint64_t start) {
    if (!ranges_.empty() && ranges_.back().start == start) {
      ranges_.back().prefix = open.back().prefix;  // what covers it begins there too
    } else {
      ranges_.push_back({.start = start, .prefix = open.back().prefix});
    }
  };
  const auto close_before = [&](std::uint64_t high) {
    while (open.back().last < high) {
      const std::uint64_t behind = open.back().last + 1;
      open.pop_back();
      answer_from(behind);
    }
  };
  answer_from(0);
  const auto& keys = rib_.v6().keys;
  for (std::uint32_t i = 0; i < keys.size(); ++i) {
    close_before(keys[i].high);
    const bool above = keys[i].length() > 64;
    if (above && open.back().prefix == longer) continue;
    open.push_back({.last = keys[i].last_covered().high, .prefix = above ? longer : i});
    answer_from(keys[i].high);
  }
  close_before(~std::uint64_t{0});
}

// As many cells in each part as ranges begin there, or up to twice as many.
void MatchIndex::fill_cells() {
  std::size_t at = 0;  // the range that the cell's first address is in
  std::size_t from = 0;
  for (std::uint64_t part = 0; part < parts_.size(); ++part) {
    std::size_t to = from;
    while (to < ranges_.size() && ranges_[to].start >> rest_bits == part) ++to;
    const unsigned bits =
        std::min(static_cast<unsigned>(std::bit_width(to - from)), most_cell_bits);
    parts_[part] = {.cells = static_cast<std::uint32_t>(cells_.size()), .shift = rest_bits - bits};
    for (std::uint64_t cell = 0; cell < std::uint64_t{1} << bits; ++cell) {
      const std::uint64_t start = part << rest_bits | cell << (rest_bits - bits);
      while (at + 1 < ranges_.size() && ranges_[at + 1].start <= start) ++at;
      cells_.push_back(static_cast<std::uint32_t>(at));
    }
    from = to;
  }
  cells_.push_back(static_cast<std::uint32_t>(ranges_.size() - 1));
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

// The last one that does not begin behind the address.
std::size_t MatchIndex::range_of(std::uint64_t high) const {
  constexpr std::uint64_t rest = (std::uint64_t{1} << rest_bits) - 1;
  const Part part = parts_[high >> rest_bits];
  const std::size_t cell = part.cells + ((high & rest) >> part.shift);
  std::size_t first = cells_[cell];
  // Without a branch on what is compared: it could not be foretold.
  for (std::size_t behind = cells_[cell + 1] - first; behind > 0;) {
    const std::size_t half = (behind + 1) / 2;
    first = ranges_[first + half].start <= high ? first + half : first;
    behind -= half;
  }
  return first;
}

std::optional<std::size_t> MatchIndex::find_v6(std::uint64_t high, std::uint64_t low) const {
  const std::uint32_t prefix = ranges_[range_of(high)].prefix;
  if (prefix != longer) return found_at(prefix);
  const auto& keys = rib_.v6().keys;
  const KeyV6 host = KeyV6::of(high, low, 128);
  const auto behind = std::ranges::upper_bound(keys, host);
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
