// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal/cells.hpp"

#include <algorithm>

namespace strait::cli {

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

std::string cut(std::string_view text, std::size_t width, bool unicode) {
  if (characters(text) <= width) return std::string{text};
  if (width == 0) return "";
  std::size_t seen = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    const bool begins = (static_cast<unsigned char>(text[end]) & 0xc0U) != 0x80U;
    if (begins && seen++ == width - 1) break;
    ++end;
  }
  return std::string{text.substr(0, end)} + (unicode ? "…" : "~");
}

std::string left(std::string_view text, std::size_t width, bool unicode) {
  auto cell = cut(text, width, unicode);
  cell.append(width - characters(cell), ' ');
  return cell;
}

}  // namespace strait::cli
