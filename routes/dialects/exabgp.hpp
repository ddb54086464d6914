// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "routes/dialects/dialect.hpp"

namespace strait::routes {

// What the line of an injected route begins with; its prefix follows.
inline constexpr std::string_view exabgp_route = "    route ";

// ExaBGP 4.2, whole configuration: one session inside the site's AS, which injects the routes of
// injection_of() with the plan's local-pref. Path, origin, MED, next hop, OTC (RFC 9234) and the
// communities of RFC 1997 and 8092 are the upstream's own; NO_EXPORT and the injector's community
// come on top. Wants an injector, the site's AS number and, for
// a plan that prefers anything, a RIB. When ExaBGP ends, its routes go.
[[nodiscard]] Result<Rendering> render_exabgp(const Plan& plan, const Surroundings& around);

}  // namespace strait::routes
