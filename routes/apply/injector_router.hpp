// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "routes/apply/router_control.hpp"

namespace strait::routes {

// ExaBGP or GoBGP as the speaker that injects routes, told by its file and a reload or by the gobgp
// command; what comes of it is read from the site's router, which must have from the speaker
// exactly the prefixes of the file. No rollback timer. When a speaker ends, its routes go; GoBGP
// forgets them, ExaBGP has its file.
[[nodiscard]] Result<std::unique_ptr<RouterControl>> reach_injector(const RouterTarget& target,
                                                                    const ApplyLock* lock);

// A plan's file for the GoBGP that injects, and what that has: by prefix, sorted, the words behind
// "gobgp global rib add -a ", such as "ipv4 192.0.2.0/24 origin igp ...".
using InjectedLines = std::set<std::string, std::less<>>;
[[nodiscard]] InjectedLines injected_lines(std::string_view script);

// The prefixes that a plan's file for either speaker injects, sorted.
[[nodiscard]] std::vector<Prefix> injected_prefixes(std::string_view text);

// Of the JSON of `gobgp -j global rib -a FAMILY`. An attribute that strait does not set, or a
// second route to a prefix, makes a line that no script has.
[[nodiscard]] Result<InjectedLines> injected_in_json(std::string_view json,
                                                     std::string_view family);

// The site's routes to a prefix, as if the upstream's own had been raised: one that has the next
// hop of an injected one gets its local-pref, and is the best if that is. The injected ones go.
[[nodiscard]] std::vector<SeenRoute> as_raised(std::vector<SeenRoute> routes,
                                               const Address& injector);

}  // namespace strait::routes
