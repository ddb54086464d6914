// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace strait::routes {

// What a BGP neighbour is to us (RFC 9234 section 4.1).
enum class NeighborRole : std::uint8_t { provider, rs, rs_client, customer, peer };

}  // namespace strait::routes
