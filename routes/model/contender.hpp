// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "core/address.hpp"
#include "core/strong.hpp"

namespace strait::routes {

enum class Origin : std::uint8_t { igp = 0, egp = 1, incomplete = 2 };  // RFC 4271 section 4.3

// All that the decision process looks at of one candidate.
struct Contender {
  Address neighbor;  // who offered it: names the path; unspecified for a route that is not BGP's
  Asn neighbor_asn;
  std::uint32_t neighbor_id = 0;     // BGP identifier
  std::uint32_t as_path_length = 0;  // an AS_SET counts as one hop (RFC 4271 section 9.1.2.2 a)
  std::optional<Asn> first_asn;  // the leftmost; nothing when the path is empty or begins in a set
  Origin origin = Origin::igp;
  std::optional<LocalPref> local_pref;
  std::optional<Med> med;
  std::optional<std::uint32_t> originator_id;  // RFC 4456 section 8, over iBGP only
  std::uint32_t cluster_list_length = 0;
  bool internal = false;  // learned over iBGP; a dump does not say so: set from the site's ASN
};

}  // namespace strait::routes
