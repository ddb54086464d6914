// SPDX-License-Identifier: Apache-2.0
#include "exporters/json_writer.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "analyzer/evidence.hpp"

namespace strait::exporters {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

unsigned char octet(std::string_view text, std::size_t at) {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
}

bool continues(unsigned char c) { return (c & 0xC0U) == 0x80U; }

// Octets of the well-formed UTF-8 sequence at the start of `text`, 0 if there is none: Unicode
// table 3-7, which leaves out overlong forms, surrogates and what is beyond U+10FFFF.
std::size_t sequence_length(std::string_view text) {
  const unsigned char a = octet(text, 0);
  const unsigned char b = octet(text, 1);
  if (a < 0x80) return 1;
  if (a < 0xC2 || a > 0xF4 || !continues(b)) return 0;
  if (a < 0xE0) return 2;
  if (!continues(octet(text, 2))) return 0;
  if (a == 0xE0 && b < 0xA0) return 0;
  if (a == 0xED && b > 0x9F) return 0;
  if (a < 0xF0) return 3;
  if (!continues(octet(text, 3))) return 0;
  if (a == 0xF0 && b < 0x90) return 0;
  if (a == 0xF4 && b > 0x8F) return 0;
  return 4;
}

constexpr std::array<bool, 256> needs_no_escape = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x7f; ++c) plain.at(c) = c != '"' && c != '\\';
  return plain;
}();

std::size_t plain_octets(std::string_view text) {
  std::size_t count = 0;
  while (count < text.size() && needs_no_escape[static_cast<unsigned char>(text[count])]) ++count;
  return count;
}

void append_ascii(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
  } else {
    out += c;
  }
}

}  // namespace

JsonWriter& JsonWriter::key(std::string_view name) {
  value(name);
  out_ += ':';
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::null() { return raw("null"); }

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  out_ += '"';
  while (!text.empty()) {
    const std::size_t plain = plain_octets(text);
    out_ += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const std::size_t length = sequence_length(text);
    if (length == 1) {
      append_ascii(out_, text.front());
    } else {
      out_ += length == 0 ? replacement : text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out_ += '"';
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  return std::isfinite(number) ? raw(fmt::format("{}", number)) : null();
}

JsonWriter& JsonWriter::value(Nanos duration) {
  if (duration == analyzer::infinite_delay) return value("inf");
  return value(duration.count());
}

JsonWriter& JsonWriter::value(WallTime time) {
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  const Nanos rest = time - second;
  if (rest % std::chrono::milliseconds{1} == Nanos::zero()) return value(to_string(time));
  std::string text = to_string(WallTime{second});
  text.pop_back();  // the Z
  return value(fmt::format("{}.{:09}Z", text, rest.count()));
}

JsonWriter& JsonWriter::raw(std::string_view text) {
  separate();
  out_ += text;
  return *this;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  out_ += bracket;
  first_ = false;
  return *this;
}

void JsonWriter::separate() {
  if (!first_) out_ += ',';
  first_ = false;
}

}  // namespace strait::exporters
