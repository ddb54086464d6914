// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/address.hpp"
#include "core/strong.hpp"
#include "routes/model/contender.hpp"

namespace strait::routes {

// RFC 1997 communities whose routes are never raised: RFC 8326 section 4 and RFC 7999 section 2.
inline constexpr std::uint32_t graceful_shutdown = 0xffff0000;  // 65535:0
inline constexpr std::uint32_t blackhole = 0xffff029a;          // 65535:666

// One candidate way to a prefix, as one upstream offers it, in full.
struct Route : Contender {
  Prefix prefix;
  std::vector<Asn> as_path;       // AS_SEQUENCE members
  std::optional<Asn> origin_asn;  // the rightmost; nothing when the path ends in an AS_SET
  Address next_hop;
  std::vector<std::uint32_t> communities;  // RFC 1997, (asn << 16) | value

  [[nodiscard]] bool has_community(std::uint32_t community) const {
    return std::ranges::find(communities, community) != communities.end();
  }
  // Withdrawing traffic or dropping it is somebody's intention: such a route is never raised.
  [[nodiscard]] bool marked() const {
    return has_community(graceful_shutdown) || has_community(blackhole);
  }
};

}  // namespace strait::routes
