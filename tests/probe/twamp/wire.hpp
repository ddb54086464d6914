// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "probe/stamp_packet.hpp"
#include "probe/wire_time.hpp"

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

// A TWAMP-Test packet of a sender that knows the time.
inline std::vector<std::byte> test_packet(std::uint32_t sequence, std::size_t size = 44) {
  std::vector<std::byte> packet(std::max(size, stamp_packet_size));
  write_stamp_request({.sequence = sequence,
                       .timestamp = encode_time(SystemClock{}.now().wall, TimestampFormat::ntp),
                       .error_estimate = 1},
                      packet);
  packet.resize(size);
  return packet;
}

}  // namespace strait::probe::twamp::test
