// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "routes/apply/router_control.hpp"

namespace strait::routes {

// GoBGP's gobgpd, by its file, a reload, and the gobgp command. No rollback timer; a reload takes
// all sets and policies of a file at once. The file that gobgpd reads is made of the operator's own
// part and the include file.
[[nodiscard]] Result<std::unique_ptr<RouterControl>> reach_gobgp(const RouterTarget& target,
                                                                 const ApplyLock* lock);

// "SET PREFIX" for each member of strait's prefix sets: of the file that gobgpd reads, and of the
// JSON of `gobgp -j policy prefix`.
[[nodiscard]] std::set<std::string, std::less<>> members_in_file(std::string_view toml);
[[nodiscard]] Result<std::set<std::string, std::less<>>> members_in_json(std::string_view json);

// Reads the JSON of `gobgp -j global rib PREFIX`. A prefix that is not there is no route.
[[nodiscard]] Result<std::vector<SeenRoute>> read_gobgp_routes(std::string_view json,
                                                               const Prefix& prefix,
                                                               const std::vector<Path>& paths);

}  // namespace strait::routes
