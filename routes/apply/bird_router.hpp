// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "routes/apply/router_control.hpp"

namespace strait::routes {

// BIRD 2, over its control socket. It has a rollback timer of its own (`configure timeout`).
[[nodiscard]] Result<std::unique_ptr<RouterControl>> reach_bird(const RouterTarget& target,
                                                                const ApplyLock* lock);

}  // namespace strait::routes
