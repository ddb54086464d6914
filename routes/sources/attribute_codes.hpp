// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace strait::routes {

// The registry "BGP Path Attributes"; each with the RFC that defines it.
enum AttributeCode : std::uint8_t {
  code_origin = 1,            // RFC 4271
  code_as_path = 2,           // RFC 4271
  code_next_hop = 3,          // RFC 4271
  code_med = 4,               // RFC 4271
  code_local_pref = 5,        // RFC 4271
  code_atomic_aggregate = 6,  // RFC 4271
  code_aggregator = 7,        // RFC 4271
  code_communities = 8,       // RFC 1997
  code_originator_id = 9,     // RFC 4456
  code_cluster_list = 10,     // RFC 4456
  code_mp_reach = 14,         // RFC 4760
  code_mp_unreach = 15,       // RFC 4760
  code_extended = 16,         // RFC 4360
  code_as4_path = 17,         // RFC 6793
  code_as4_aggregator = 18,   // RFC 6793
  code_ipv6_extended = 25,    // RFC 5701
  code_large = 32,            // RFC 8092
  code_otc = 35,              // RFC 9234
};

}  // namespace strait::routes
