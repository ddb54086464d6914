// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "routes/apply/router_control.hpp"

namespace strait::routes {

// ExaBGP or GoBGP as the speaker that injects routes, told by its file and a reload or by the gobgp
// command; what comes of it is read from the site's router, which must have from the speaker
// exactly the prefixes of the file. No rollback timer. When a speaker ends, its routes go; GoBGP
// forgets them, ExaBGP has its file.
[[nodiscard]] Result<std::unique_ptr<RouterControl>> reach_injector(const RouterTarget& target,
                                                                    const ApplyLock* lock);

// The site's routes to a prefix, as if the upstream's own had been raised: one that has the next
// hop of an injected one gets its local-pref, and is the best if that is. The injected ones go.
[[nodiscard]] std::vector<SeenRoute> as_raised(const std::vector<SeenRoute>& routes,
                                               const Address& injector);

}  // namespace strait::routes
