// SPDX-License-Identifier: Apache-2.0
#include "exporters/text_table.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace strait::exporters {
namespace {

std::size_t width(std::string_view text) {
  const auto starts_character = [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  };
  return static_cast<std::size_t>(std::ranges::count_if(text, starts_character));
}

int code(Colour colour) {
  switch (colour) {
    case Colour::bold:
      return 1;
    case Colour::red:
      return 31;
    case Colour::green:
      return 32;
    case Colour::yellow:
      return 33;
    case Colour::none:
      break;
  }
  return 0;
}

std::string aligned(const TextTable::Cell& cell, std::size_t wide, bool colours) {
  const std::string pad(wide - std::min(wide, width(cell.text)), ' ');
  const std::string text = colours ? painted(cell.text, cell.colour) : cell.text;
  return cell.right ? pad + text : text + pad;
}

}  // namespace

std::string painted(std::string_view text, Colour colour) {
  if (colour == Colour::none || text.empty()) return std::string{text};
  return fmt::format("\x1b[{}m{}\x1b[0m", code(colour), text);
}

std::string TextTable::render(std::string_view indent, bool colours) const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width(row[i].text));
    }
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line{indent};
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) line += "  ";
      line += aligned(row[i], widths[i], colours);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

}  // namespace strait::exporters
