// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

#include "routes/dialects/dialect.hpp"
#include "routes/injection.hpp"

namespace strait::routes {

// GoBGP is told a route by a command each, some 10 ms of CPU.
inline constexpr std::size_t gobgp_injector_most_prefixes = 2000;

// The gobgp command has no word for attributes that it does not know.
inline constexpr Carries gobgp_injector_carries{.only_to_customer = false};

// What each of those commands begins with; "ipv4" or "ipv6", the prefix and the attributes follow.
inline constexpr std::string_view gobgp_add = "gobgp global rib add -a ";

// GoBGP 3 as a speaker inside the site's AS that injects the routes of injection_of() with the
// plan's local-pref: a shell script of gobgp commands that makes of a gobgpd's own table exactly
// the plan, and before it, in comments that begin with "#| ", the whole file of that gobgpd. Path,
// origin, MED, next hop and the communities of RFC 1997 and 8092 are the upstream's own; NO_EXPORT
// and the injector's community come on top. Wants an injector, the site's AS number and, for a plan
// that prefers anything, a RIB. When gobgpd ends, its routes go, and a new one has none.
[[nodiscard]] Result<Rendering> render_gobgp_injector(const Plan& plan, const Surroundings& around);

}  // namespace strait::routes
