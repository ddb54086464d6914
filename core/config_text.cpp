// SPDX-License-Identifier: Apache-2.0
#include "core/config_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace strait {
namespace {

std::string_view line_of(std::string_view text, std::size_t number) {
  for (std::size_t line = 1; line < number; ++line) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  const std::string_view line = text.substr(0, text.find('\n'));
  return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

// What the first octet of a UTF-8 sequence says of its length; 0: no sequence begins so.
std::size_t utf8_length(unsigned lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

// Longer than needed, half of a UTF-16 pair, or above U+10FFFF (RFC 3629 sections 3 and 4).
bool utf8_second_is_bad(unsigned lead, unsigned second) {
  const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool surrogate = lead == 0xed && second >= 0xa0;
  const bool beyond = lead == 0xf4 && second >= 0x90;
  return overlong || surrogate || beyond;
}

// Length of the well-formed UTF-8 sequence at the start of `text` (RFC 3629 section 4); 0: none.
std::size_t utf8_sequence(std::string_view text) {
  const auto octet = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const std::size_t length = utf8_length(octet(0));
  for (std::size_t i = 1; i < length; ++i) {
    if ((octet(i) & 0xc0U) != 0x80) return 0;
  }
  return utf8_second_is_bad(octet(0), octet(1)) ? 0 : length;
}

// TOML allows no control character but tab and the two of line ends.
bool is_forbidden_control(char c) {
  return (c >= '\0' && c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == '\x7f';
}

}  // namespace

std::string show(const Mistake& mistake, const std::string& file, std::string_view text) {
  if (mistake.line == 0) return fmt::format("{}: error: {}\n", file, mistake.message);
  const std::string_view line = line_of(text, mistake.line);
  const std::size_t before = std::min<std::size_t>(mistake.column - 1, line.size());
  std::string indent{line.substr(0, before)};  // keeps tabs, so that the caret stands right
  std::ranges::replace_if(indent, [](char c) { return c != '\t'; }, ' ');
  return fmt::format("{}:{}:{}: error: {}\n{:>5} | {}\n      | {}^\n", file, mistake.line,
                     mistake.column, mistake.message, mistake.line, line, indent);
}

std::optional<Mistake> bad_character(std::string_view text) {
  Mistake at{.line = 1, .column = 1, .message = ""};
  while (!text.empty()) {
    const std::size_t length = utf8_sequence(text);
    if (length == 0) return Mistake{at.line, at.column, "not UTF-8"};
    if (is_forbidden_control(text.front())) return Mistake{at.line, at.column, "control character"};
    if (text.front() == '\n') {
      ++at.line;
      at.column = 1;
    } else {
      ++at.column;
    }
    text.remove_prefix(length);
  }
  return std::nullopt;
}

}  // namespace strait
