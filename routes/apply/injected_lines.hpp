// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/result.hpp"

namespace strait::routes {

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

}  // namespace strait::routes
