// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/address.hpp"
#include "core/strong.hpp"

namespace strait::routes {

enum class Origin : std::uint8_t { igp = 0, egp = 1, incomplete = 2 };  // RFC 4271 section 4.3

// One candidate way to a prefix, as one upstream offers it.
struct Route {
  Prefix prefix;
  Address neighbor;  // who offered it: names the path
  Asn neighbor_asn;
  std::uint32_t neighbor_id = 0;  // BGP identifier
  std::vector<Asn> as_path;       // AS_SEQUENCE members; an AS_SET counts as one hop (RFC 4271 9.1.2.2 a)
  std::uint32_t as_path_length = 0;
  std::optional<Asn> origin_asn;  // nothing when the path ends in an AS_SET
  Origin origin = Origin::igp;
  Address next_hop;
  std::optional<LocalPref> local_pref;
  std::optional<Med> med;
  std::vector<std::uint32_t> communities;  // RFC 1997, (asn << 16) | value
};

}  // namespace strait::routes
