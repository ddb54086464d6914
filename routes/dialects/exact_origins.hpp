// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/address.hpp"
#include "core/strong.hpp"
#include "routes/rib.hpp"

namespace strait::routes {

// Prefixes of one address family, divided by what says them.
struct ExactOrigins {
  std::vector<Asn> origins;  // ascending: what begins in these is all wanted
  std::size_t said = 0;      // prefixes that they say
  std::vector<Prefix> rest;  // in the order of before
};

// The origin ASes of which the neighbours offer wanted prefixes, two at least, and no other in this
// RIB: an AS-path list with them raises what a prefix list would. Routes that carry 65535:0 or
// 65535:666 do not count, for nobody raises them. `wanted` is sorted and of one family.
[[nodiscard]] ExactOrigins exact_origins(std::span<const Prefix> wanted,
                                         std::span<const Address> neighbors, const Rib& rib);

}  // namespace strait::routes
