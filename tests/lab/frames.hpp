// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "core/address.hpp"

namespace strait::lab::test {

using Frame = std::vector<std::byte>;

inline void append(Frame& frame, std::initializer_list<unsigned> octets) {
  for (const unsigned octet : octets) frame.push_back(static_cast<std::byte>(octet));
}

inline Frame ethernet(unsigned ether_type) {
  Frame frame(12, std::byte{0x02});
  append(frame, {ether_type >> 8U, ether_type & 0xffU});
  return frame;
}

inline void append_address(Frame& frame, const char* text) {
  const Address address = parse_address(text).value();
  const auto append_all = [&](const auto& bytes) {
    for (const unsigned char byte : bytes) frame.push_back(static_cast<std::byte>(byte));
  };
  if (address.is_v4()) append_all(address.to_v4().to_bytes());
  if (address.is_v6()) append_all(address.to_v6().to_bytes());
}

inline Frame ipv4(const char* source, const char* destination) {
  Frame frame = ethernet(0x0800);
  append(frame, {0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0});
  append_address(frame, source);
  append_address(frame, destination);
  append(frame, {0, 1, 0, 2, 0, 8, 0, 0});
  return frame;
}

inline Frame ipv6(const char* source, const char* destination, unsigned next,
                  unsigned first_octet) {
  Frame frame = ethernet(0x86dd);
  append(frame, {0x60, 0, 0, 0, 0, 8, next, 64});
  append_address(frame, source);
  append_address(frame, destination);
  append(frame, {first_octet, 0, 0, 0, 0, 0, 0, 0});
  return frame;
}

}  // namespace strait::lab::test
