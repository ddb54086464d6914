// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routes/dialects/dialect.hpp"

namespace strait::routes {

// Prefix lists and a route map for each session, which the session's own route map calls. The two
// languages are alike and not the same.

// FRR 8.4 and later; for vtysh -f. At most frr_most_prefixes in prefix lists, because FRR's time to
// load one grows with the square of its length. Of a plan with more, and a RIB, the origin ASes
// whose prefixes are all wanted stand in AS-path lists.
inline constexpr std::size_t frr_most_prefixes = 500;
[[nodiscard]] Result<Rendering> render_frr(const Plan& plan, const Surroundings& around);

// Arista EOS, for a configuration session.
[[nodiscard]] Result<Rendering> render_eos(const Plan& plan, const Surroundings& around);

}  // namespace strait::routes
