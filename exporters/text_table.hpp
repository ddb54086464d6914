// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace strait::exporters {

enum class Colour : std::uint8_t { none, bold, green, yellow, red };

// The text between the terminal's escape sequences for `colour`; as it is for `none`.
[[nodiscard]] std::string painted(std::string_view text, Colour colour);

// Columns as wide as their widest cell, two spaces apart, no space at the end of a line. Widths are
// counted in UTF-8 characters, colours do not count.
class TextTable {
 public:
  struct Cell {
    std::string text;
    Colour colour = Colour::none;
    bool right = false;  // aligned to the right: numbers
  };

  void add_row(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  // Every line begins with `indent` and ends with a line feed.
  [[nodiscard]] std::string render(std::string_view indent, bool colours) const;

 private:
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace strait::exporters
