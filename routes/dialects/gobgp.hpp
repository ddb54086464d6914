// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routes/dialects/dialect.hpp"

namespace strait::routes {

// GoBGP 3: defined sets and the policy "strait", in TOML, to stand behind the operator's own part,
// which names the policy in [global.apply-policy.config] import-policy-list. Each session needs the
// address of its neighbour.
[[nodiscard]] Result<Rendering> render_gobgp(const Plan& plan, const Surroundings& around);

}  // namespace strait::routes
