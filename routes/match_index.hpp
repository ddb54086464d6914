// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "routes/rib.hpp"

namespace strait::routes {

// Longest-prefix match for many look-ups: DIR-24-8 (Gupta, Lin, McKeown: Routing Lookups in
// Hardware at Memory Access Speeds, INFOCOM 1998) for IPv4, with prefixes longer than /24 searched
// in the RIB's own table. For IPv6 the ranges of addresses with one answer, found by two tables as
// in DXR (Zec, Rizzo, Mikuc: DXR: Towards a Billion Routing Lookups per Second in Software, CCR
// 2012); where prefixes are longer than /64, the RIB's own table again. 64 MiB, 4 octets for each
// IPv4 prefix, and up to 44 for each IPv6 one. The RIB must outlive it.
class MatchIndex {
 public:
  explicit MatchIndex(const Rib& rib);

  // The longest prefix that covers the address: an index into Rib::v4() or Rib::v6().
  [[nodiscard]] std::optional<std::size_t> find_v4(std::uint32_t address) const;
  [[nodiscard]] std::optional<std::size_t> find_v6(std::uint64_t high, std::uint64_t low) const;
  [[nodiscard]] std::optional<RibEntry> find(const Address& address) const;

 private:
  void fill_slots();
  void fill_ranges();
  void fill_cells();
  [[nodiscard]] std::size_t range_of(std::uint64_t high) const;

  // Addresses by the first 64 bits of IPv6, from `start` to the next range.
  struct Range {
    std::uint64_t start = 0;
    std::uint32_t prefix = 0;  // the index of the longest one; no_parent; or `longer`
  };
  // What begins with one number of 16 bits.
  struct Part {
    std::uint32_t cells = 0;  // the first of its cells
    std::uint32_t shift = 0;  // from the bits behind those 16 to the number of a cell
  };
  static constexpr std::uint32_t longer = 0xfffffffe;  // prefixes above /64 are there

  const Rib& rib_;
  // By the first 24 bits: one more than the index of the longest prefix up to /24, 0 for none; or,
  // with the highest bit set, the index of the last of the longer prefixes there.
  std::vector<std::uint32_t> slots_;
  std::vector<Range> ranges_;         // ascending, the first one from 0 on
  std::vector<Part> parts_;           // by the first 16 bits
  std::vector<std::uint32_t> cells_;  // of each the range that its first address is in; one more
  std::vector<std::uint32_t> parents_v4_;  // the longest prefix that covers each one, or no_parent
  std::vector<std::uint32_t> parents_v6_;
};

}  // namespace strait::routes
