// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace strait::probe::twamp::test {

// "05 04*3 ff": octets in hex, `*n` repeats the one before it to n in all.
inline std::vector<std::byte> octets(std::string_view text) {
  const auto number = [&](int base) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{}) throw std::invalid_argument{"octets: no number"};
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
  };
  std::vector<std::byte> result;
  while (!text.empty()) {
    if (text.front() == ' ') {
      text.remove_prefix(1);
    } else if (text.front() == '*') {
      text.remove_prefix(1);
      result.insert(result.end(), number(10) - 1, result.back());
    } else {
      result.push_back(static_cast<std::byte>(number(16)));
    }
  }
  return result;
}

template <class Container>
std::vector<std::byte> to_vector(const Container& container) {
  return {container.begin(), container.end()};
}

inline void append(std::vector<std::byte>& to, std::span<const std::byte> octets) {
  to.insert(to.end(), octets.begin(), octets.end());
}

}  // namespace strait::probe::twamp::test
