// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace strait::routes {

// Reads big-endian numbers from the front of some bytes. Asking for more than there is gives zeros
// and sets `failed()`, so a parser checks once for several reads.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : rest_{bytes} {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] std::size_t size() const { return rest_.size(); }

  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return number(4); }

  std::span<const std::byte> take(std::size_t count) {
    if (count > rest_.size()) {
      failed_ = true;
      rest_ = {};
      return {};
    }
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

 private:
  std::uint32_t number(std::size_t octets) {
    std::uint32_t value = 0;
    for (const std::byte octet : take(octets)) {
      value = value << 8U | std::to_integer<std::uint32_t>(octet);
    }
    return value;
  }

  std::span<const std::byte> rest_;
  bool failed_ = false;
};

}  // namespace strait::routes
