// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/address.hpp"

namespace strait::routes {

// What a line of `bgpdump -m` says of a route's attributes, from canonical octets:
// "AS path|origin|next hop|local-pref|MED|communities|AG or NAG|aggregator|" and the line's end.
[[nodiscard]] std::string bgpdump_attributes(std::span<const std::byte> canonical);

void append_text(std::string& text, std::uint32_t number);
void append_text(std::string& text, const Prefix& prefix);

}  // namespace strait::routes
