// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace strait::cli {

// How many characters a UTF-8 text has, one column each.
[[nodiscard]] std::size_t characters(std::string_view text);
// The first `width` characters, the last of them a mark where some are missing.
[[nodiscard]] std::string cut(std::string_view text, std::size_t width, bool unicode);
// Likewise, and spaces up to that width.
[[nodiscard]] std::string left(std::string_view text, std::size_t width, bool unicode);

}  // namespace strait::cli
