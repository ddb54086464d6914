// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "routes/model/route.hpp"

namespace strait::routes {

// Reads the path attributes of one RIB entry (RFC 4271 section 4.3, four-octet AS numbers) into
// `route`. Returns an empty text, or why the route cannot be used: where RFC 7606 says "treat as
// withdraw". Attributes that it says to discard, and unknown ones, are passed over. Flags are not
// checked: BIRD writes zeros.
[[nodiscard]] std::string_view read_attributes(std::span<const std::byte> bytes, Route& route);

}  // namespace strait::routes
