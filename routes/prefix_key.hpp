// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/address.hpp"

namespace strait::routes {

// Prefixes as numbers that sort as prefixes do: by network, then by length, so that a covering
// prefix stands before all that it covers.

struct KeyV4 {
  static constexpr unsigned bits = 32;
  std::uint64_t value = 0;  // network << 8 | length

  friend auto operator<=>(const KeyV4&, const KeyV4&) = default;
  [[nodiscard]] std::uint8_t length() const { return static_cast<std::uint8_t>(value & 0xffU); }
  [[nodiscard]] std::uint32_t network() const { return static_cast<std::uint32_t>(value >> 8U); }

  [[nodiscard]] static KeyV4 of(std::uint32_t address, std::uint8_t length) {
    const std::uint32_t mask = length == 0 ? 0 : ~std::uint32_t{0} << (32U - length);
    return {std::uint64_t{address & mask} << 8U | length};
  }
  [[nodiscard]] static KeyV4 of(const Prefix& prefix) {
    return of(prefix.network.to_v4().to_uint(), prefix.length);
  }
  [[nodiscard]] Prefix prefix() const { return {boost::asio::ip::address_v4{network()}, length()}; }
  // The first `length` bits as a prefix of their own.
  [[nodiscard]] KeyV4 shortened(std::uint8_t length) const { return of(network(), length); }
  // The last prefix, in this order, that this one covers: the host route of its last address.
  [[nodiscard]] KeyV4 last_covered() const {
    const std::uint64_t hosts = (std::uint64_t{1} << (32U - length())) - 1;
    return {(network() | hosts) << 8U | 32U};
  }
};

struct KeyV6 {
  static constexpr unsigned bits = 128;
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::uint8_t bits_of_network = 0;

  friend auto operator<=>(const KeyV6&, const KeyV6&) = default;
  [[nodiscard]] std::uint8_t length() const { return bits_of_network; }

  [[nodiscard]] static std::uint64_t mask(unsigned ones) {
    return ones == 0 ? 0 : ~std::uint64_t{0} << (64U - ones);
  }
  [[nodiscard]] static KeyV6 of(std::uint64_t high, std::uint64_t low, std::uint8_t length) {
    return {.high = high & mask(length < 64 ? length : 64U),
            .low = length > 64 ? low & mask(length - 64U) : 0,
            .bits_of_network = length};
  }
  [[nodiscard]] static KeyV6 of(const Prefix& prefix) {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    const auto octets = prefix.network.to_v6().to_bytes();
    for (std::size_t i = 0; i < 8; ++i) {
      high = high << 8U | octets[i];
      low = low << 8U | octets[i + 8];
    }
    return of(high, low, prefix.length);
  }
  [[nodiscard]] Prefix prefix() const {
    boost::asio::ip::address_v6::bytes_type octets{};
    for (unsigned i = 0; i < 8; ++i) {
      octets[i] = static_cast<std::uint8_t>(high >> (56U - 8 * i));
      octets[i + 8U] = static_cast<std::uint8_t>(low >> (56U - 8 * i));
    }
    return {boost::asio::ip::address_v6{octets}, bits_of_network};
  }
  [[nodiscard]] KeyV6 shortened(std::uint8_t length) const { return of(high, low, length); }
  [[nodiscard]] KeyV6 last_covered() const {
    const unsigned upper = bits_of_network < 64 ? bits_of_network : 64U;
    const unsigned lower = bits_of_network > 64 ? bits_of_network - 64U : 0U;
    return {.high = high | ~mask(upper), .low = low | ~mask(lower), .bits_of_network = 128};
  }
};

// The key of a prefix as BGP and MRT write it: the octets that hold the network, spare bits
// undefined (RFC 6396 section 4.3.2) and so cut off. Nothing if `length` is above the family's.
template <class Key>
[[nodiscard]] std::optional<Key> key_of_octets(std::span<const std::byte> octets, unsigned length) {
  if (length > Key::bits) return std::nullopt;
  std::array<std::uint64_t, 2> words{};
  for (std::size_t i = 0; i < octets.size() && i < Key::bits / 8; ++i) {
    words.at(i / 8) |= std::to_integer<std::uint64_t>(octets[i]) << (56U - 8 * (i % 8));
  }
  const auto size = static_cast<std::uint8_t>(length);
  if constexpr (Key::bits == 32) {
    return KeyV4::of(static_cast<std::uint32_t>(words[0] >> 32U), size);
  } else {
    return KeyV6::of(words[0], words[1], size);
  }
}

}  // namespace strait::routes
