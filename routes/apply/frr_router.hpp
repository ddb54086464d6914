// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "routes/apply/router_control.hpp"

namespace strait::routes {

// FRR's bgpd, by vtysh. No rollback timer; what it is told lives in its running configuration
// alone, so that a restart brings plain BGP back.
[[nodiscard]] Result<std::unique_ptr<RouterControl>> reach_frr(const RouterTarget& target,
                                                               const ApplyLock* lock);

// The lines of a configuration, or of a file for vtysh, that are strait's: each member of a prefix
// list, each entry of a route map, and each line of an entry behind the line that begins it. In
// FRR's running configuration after a load there are exactly those of the file.
[[nodiscard]] std::set<std::string, std::less<>> strait_lines(std::string_view configuration);

// Reads the JSON of `show bgp ipv4|ipv6 unicast PREFIX json`. A prefix that is not there is no
// route; other words than JSON are an error.
[[nodiscard]] Result<std::vector<SeenRoute>> read_frr_routes(std::string_view json,
                                                             const std::vector<Path>& paths);

// The prefixes of `show bgp ipv4|ipv6 unicast neighbors ADDRESS routes json`, in its order.
[[nodiscard]] Result<std::vector<Prefix>> read_frr_heard(std::string_view json);

}  // namespace strait::routes
