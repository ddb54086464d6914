// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routes/dialects/dialect.hpp"

namespace strait::routes {

// OpenBGPD: prefix sets and match rules, for an include line in bgpd.conf behind the operator's own
// rules. Filters have no "not", so that rules put a large community of the site's own AS on what is
// to be raised, take it off what is marked, raise what still carries it, and take it off again.
// Each session needs the address of its neighbour, and the site its AS number.
[[nodiscard]] Result<Rendering> render_openbgpd(const Plan& plan, const Surroundings& around);

}  // namespace strait::routes
