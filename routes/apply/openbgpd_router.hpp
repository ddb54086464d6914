// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "routes/apply/router_control.hpp"

namespace strait::routes {

// OpenBGPD, by bgpd -n and bgpctl. No rollback timer; a reload takes a whole configuration or none.
[[nodiscard]] Result<std::unique_ptr<RouterControl>> reach_openbgpd(const RouterTarget& target,
                                                                    const ApplyLock* lock);

// Reads the JSON of `bgpctl -j show rib detail PREFIX`. A prefix that is not there is no route.
[[nodiscard]] Result<std::vector<SeenRoute>> read_openbgpd_routes(std::string_view json,
                                                                  const Prefix& prefix,
                                                                  const std::vector<Path>& paths);

}  // namespace strait::routes
