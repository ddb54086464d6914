// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace strait {

// The candidate that `text` was probably meant to be: the one with the smallest edit distance, if
// that is at most a third of its length (and at least one letter is right).
[[nodiscard]] std::optional<std::string> nearest(std::string_view text,
                                                 std::span<const std::string> candidates);

}  // namespace strait
