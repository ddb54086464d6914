// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "core/address.hpp"
#include "routes/line_text.hpp"

namespace strait::routes {

// Appends what a line of `bgpdump -m` says of a route's attributes, from canonical octets:
// "AS path|origin|next hop|local-pref|MED|communities|AG or NAG|aggregator|" and the line's end.
void append_bgpdump_attributes(LineText& text, std::span<const std::byte> canonical);

inline constexpr std::size_t longest_prefix_text = 49;  // characters
// There must be room for it.
void append_text(LineText& text, const Prefix& prefix);

}  // namespace strait::routes
