// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strait::probe {

// "80 04 0004" as octets; blanks do not count.
inline std::vector<std::byte> from_hex(std::string_view text) {
  std::vector<std::byte> octets;
  std::string pair;
  for (const char c : text) {
    if (c == ' ' || c == '\n') continue;
    pair += c;
    if (pair.size() < 2) continue;
    octets.push_back(static_cast<std::byte>(std::stoul(pair, nullptr, 16)));
    pair.clear();
  }
  return octets;
}

inline std::string to_hex(std::span<const std::byte> octets) {
  std::string text;
  for (const std::byte octet : octets) {
    text += fmt::format("{:02x}", std::to_integer<unsigned>(octet));
  }
  return text;
}

inline std::string hex(std::string_view text) { return to_hex(from_hex(text)); }

}  // namespace strait::probe
