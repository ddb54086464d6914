// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routes/dialects/dialect.hpp"

namespace strait::routes {

// Cisco IOS XR: prefix sets and a route policy for each session, which the session's own policy
// applies. Neither passes nor drops a route.
[[nodiscard]] Result<Rendering> render_ios_xr(const Plan& plan, const Surroundings& around);

}  // namespace strait::routes
