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
// in the RIB's own table; for IPv6 the RIB's table too, found by the bits behind 2000::/3.
// 64 MiB, and 4 octets for each prefix. The RIB must outlive it.
class MatchIndex {
 public:
  explicit MatchIndex(const Rib& rib);

  // The longest prefix that covers the address: an index into Rib::v4() or Rib::v6().
  [[nodiscard]] std::optional<std::size_t> find_v4(std::uint32_t address) const;
  [[nodiscard]] std::optional<std::size_t> find_v6(std::uint64_t high, std::uint64_t low) const;
  [[nodiscard]] std::optional<RibEntry> find(const Address& address) const;

 private:
  void fill_slots();
  void fill_buckets();

  const Rib& rib_;
  // By the first 24 bits: one more than the index of the longest prefix up to /24, 0 for none; or,
  // with the highest bit set, the index of the last of the longer prefixes there.
  std::vector<std::uint32_t> slots_;
  std::vector<std::uint32_t> buckets_;     // by bits 3 to 22: the first IPv6 prefix from there on
  std::vector<std::uint32_t> parents_v4_;  // the longest prefix that covers each one, or no_parent
  std::vector<std::uint32_t> parents_v6_;
};

}  // namespace strait::routes
