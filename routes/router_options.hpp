// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "core/config.hpp"
#include "routes/apply/router_target.hpp"

namespace strait::routes {

// The router that is told: [routes.bird], [routes.frr], [routes.gobgp] or [routes.openbgpd], one of
// them, or the speaker of [routes.injector]; nothing: none. The injector itself, paths, the site's
// AS number and the watchdog come from whoever knows them.
[[nodiscard]] std::optional<RouterTarget> read_router(ConfigTable routes);

// Whether there is such a table.
[[nodiscard]] bool names_a_router(ConfigTable routes);

}  // namespace strait::routes
