// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/address.hpp"
#include "probe/octets.hpp"

namespace strait::probe::dpdk {

using Ipv4 = boost::asio::ip::address_v4;
using Ipv6 = boost::asio::ip::address_v6;

// An address of either family in two words, host order: compared in two instructions. An IPv4
// address is ::ffff:a.b.c.d here (RFC 4291 §2.5.5.2); packets that carry such a one as IPv6 are
// refused by the parser, so the two cannot be mistaken for each other.
struct WireAddress {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  WireAddress() = default;
  WireAddress(std::uint64_t upper, std::uint64_t lower) : high{upper}, low{lower} {}
  WireAddress(const Ipv4& address)  // NOLINT(*-explicit-*): the same thing in another form
      : low{mapped | address.to_uint()} {}
  WireAddress(const Ipv6& address);     // NOLINT(*-explicit-*)
  WireAddress(const Address& address);  // NOLINT(*-explicit-*)

  // Of 4 or 16 octets in network order; the caller has checked that they are there.
  static WireAddress v4_at(std::span<const std::byte> octets, std::size_t at) {
    return {0, mapped | load<std::uint32_t>(octets, at)};
  }
  static WireAddress v6_at(std::span<const std::byte> octets, std::size_t at) {
    return {load<std::uint64_t>(octets, at), load<std::uint64_t>(octets, at + 8)};
  }
  void store_v6(std::span<std::byte> octets, std::size_t at) const {
    store(octets, at, high);
    store(octets, at + 8, low);
  }

  [[nodiscard]] bool is_v4() const { return high == 0 && low >> 32U == 0xffff; }
  [[nodiscard]] std::uint32_t v4() const { return static_cast<std::uint32_t>(low); }
  [[nodiscard]] bool is_unspecified() const {
    return (high == 0 && low == 0) || (is_v4() && v4() == 0);
  }
  [[nodiscard]] bool is_multicast() const {
    return is_v4() ? v4() >> 28U == 0xe : high >> 56U == 0xff;
  }
  [[nodiscard]] bool is_link_local() const { return high >> 54U == 0x3fa; }  // fe80::/10
  [[nodiscard]] Address address() const;

  friend bool operator==(const WireAddress&, const WireAddress&) = default;

 private:
  static constexpr std::uint64_t mapped = 0xffff'0000'0000;
};

// One station: not the group bit (also in broadcast), not all zero.
[[nodiscard]] inline bool is_station(const MacAddress& mac) {
  return (mac.octets[0] & 1U) == 0 && mac != MacAddress{};
}

inline constexpr MacAddress broadcast_mac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

}  // namespace strait::probe::dpdk
