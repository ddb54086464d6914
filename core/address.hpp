// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <boost/asio/ip/address.hpp>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace strait {

using Address = boost::asio::ip::address;

// Reads "192.0.2.1" or "2001:db8::1"; no names, no ports.
[[nodiscard]] Result<Address> parse_address(std::string_view text);

// An IPv4 or IPv6 network. Host bits are zero.
struct Prefix {
  Address network;
  std::uint8_t length = 0;

  friend bool operator==(const Prefix&, const Prefix&) = default;
  friend auto operator<=>(const Prefix& a, const Prefix& b) {  // IPv4 first, then by network
    if (a.network < b.network) return std::strong_ordering::less;
    if (b.network < a.network) return std::strong_ordering::greater;
    return a.length <=> b.length;
  }
};

// Reads "196.200.128.0/19" or "2001:4278::/32". Host bits must be zero.
[[nodiscard]] Result<Prefix> parse_prefix(std::string_view text);
[[nodiscard]] std::string to_string(const Prefix& prefix);
[[nodiscard]] bool contains(const Prefix& outer, const Address& address);
[[nodiscard]] bool contains(const Prefix& outer, const Prefix& inner);

// An address and a UDP or TCP port.
struct Endpoint {
  Address address;
  std::uint16_t port = 0;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// Reads "192.0.2.1:862" or "[2001:db8::1]:862"; without a port, `default_port`.
[[nodiscard]] Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port);
[[nodiscard]] std::string to_string(const Endpoint& endpoint);

struct MacAddress {
  std::array<std::uint8_t, 6> octets{};

  friend auto operator<=>(const MacAddress&, const MacAddress&) = default;
};

// Reads "02:00:5e:10:00:01".
[[nodiscard]] Result<MacAddress> parse_mac(std::string_view text);
[[nodiscard]] std::string to_string(const MacAddress& mac);

}  // namespace strait
