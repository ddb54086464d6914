// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routes/dialects/dialect.hpp"

namespace strait::routes {

// Junos: communities, prefix lists and a policy statement for each session, for "load replace". A
// statement sets and goes on to the next policy of the session's import chain.
[[nodiscard]] Result<Rendering> render_junos(const Plan& plan, const Surroundings& around);

}  // namespace strait::routes
