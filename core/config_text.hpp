// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace strait {

// What is wrong with a configuration, and where; line 0: nowhere in particular.
struct Mistake {
  std::size_t line = 0;
  std::size_t column = 0;
  std::string message;

  friend auto operator<=>(const Mistake&, const Mistake&) = default;
};

// "strait.toml:5:12: error: ..." with the line and a caret below.
[[nodiscard]] std::string show(const Mistake& mistake, const std::string& file,
                               std::string_view text);

// Where `text` is not UTF-8 or holds a control character; nothing if nowhere.
[[nodiscard]] std::optional<Mistake> bad_character(std::string_view text);

}  // namespace strait
