// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/address.hpp"
#include "core/strong.hpp"

namespace strait::routes {

enum class Origin : std::uint8_t { igp = 0, egp = 1, incomplete = 2 };  // RFC 4271 section 4.3

// RFC 1997 communities whose routes are never raised: RFC 8326 section 4 and RFC 7999 section 2.
inline constexpr std::uint32_t graceful_shutdown = 0xffff0000;  // 65535:0
inline constexpr std::uint32_t blackhole = 0xffff029a;          // 65535:666

// One candidate way to a prefix, as one upstream offers it.
struct Route {
  Prefix prefix;
  Address neighbor;  // who offered it: names the path; unspecified for a route that is not BGP's
  Asn neighbor_asn;
  std::uint32_t neighbor_id = 0;     // BGP identifier
  std::vector<Asn> as_path;          // AS_SEQUENCE members
  std::uint32_t as_path_length = 0;  // an AS_SET counts as one hop (RFC 4271 section 9.1.2.2 a)
  std::optional<Asn> first_asn;   // the leftmost; nothing when the path is empty or begins in a set
  std::optional<Asn> origin_asn;  // the rightmost; nothing when the path ends in an AS_SET
  Origin origin = Origin::igp;
  Address next_hop;
  std::optional<LocalPref> local_pref;
  std::optional<Med> med;
  std::vector<std::uint32_t> communities;      // RFC 1997, (asn << 16) | value
  std::optional<std::uint32_t> originator_id;  // RFC 4456 section 8, over iBGP only
  std::uint32_t cluster_list_length = 0;
  bool internal = false;  // learned over iBGP; a dump does not say so: set from the site's ASN

  [[nodiscard]] bool has_community(std::uint32_t community) const {
    return std::ranges::find(communities, community) != communities.end();
  }
  // Withdrawing traffic or dropping it is somebody's intention: such a route is never raised.
  [[nodiscard]] bool marked() const {
    return has_community(graceful_shutdown) || has_community(blackhole);
  }
};

}  // namespace strait::routes
