// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/address.hpp"

namespace strait::routes {

// [routes.injector]: the speaker that injects routes into the site's own AS, and nothing else.
struct Injector {
  Address router;               // of the site, its neighbour over iBGP
  Address local_address;        // of the injector's end of that session
  Address router_id;            // IPv4
  std::uint32_t community = 0;  // RFC 1997: what the site's routers know injected routes by

  friend bool operator==(const Injector&, const Injector&) = default;
};

}  // namespace strait::routes
