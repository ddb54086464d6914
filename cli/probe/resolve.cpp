// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/resolve.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <optional>
#include <string_view>

namespace strait::cli {
namespace {

std::string_view family_name(Family family) {
  switch (family) {
    case Family::v4:
      return "IPv4 ";
    case Family::v6:
      return "IPv6 ";
    case Family::any:
      break;
  }
  return "";
}

// "3" and "0x7f.1" are addresses to getaddrinfo() by an old habit (inet_aton(3)), and seldom to
// who typed them.
std::optional<Address> short_hand(const std::string& target) {
  in_addr address{};
  if (::inet_aton(target.c_str(), &address) == 0) return std::nullopt;
  return Address{boost::asio::ip::address_v4{ntohl(address.s_addr)}};
}

}  // namespace

bool matches(const Address& address, Family family) {
  return family == Family::any || address.is_v4() == (family == Family::v4);
}

Result<std::vector<Address>> resolve(const std::string& target, Family family) {
  if (const auto address = parse_address(target)) {
    if (matches(*address, family)) return std::vector{*address};
    return fail(Errc::bad_input,
                fmt::format("target '{}': not an {}address", target, family_name(family)));
  }
  if (target.starts_with('-')) {  // RFC 1123 section 2.1
    return fail(Errc::bad_input, fmt::format("target '{}': no name begins with '-', and no such "
                                             "option is known",
                                             target));
  }
  if (const auto meant = short_hand(target)) {
    return fail(Errc::bad_input, fmt::format("target '{}': short for {}: want it written out",
                                             target, meant->to_string()));
  }
  boost::asio::io_context context;
  boost::asio::ip::udp::resolver resolver{context};
  boost::system::error_code error;
  const auto found = resolver.resolve(target, "", error);
  if (error) return fail(Errc::not_found, fmt::format("target '{}': {}", target, error.message()));
  std::vector<Address> addresses;
  for (const auto& entry : found) {
    const Address address = entry.endpoint().address();
    if (!matches(address, family)) continue;
    if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
  }
  if (!addresses.empty()) return addresses;
  return fail(Errc::not_found,
              fmt::format("target '{}': the name has no {}address", target, family_name(family)));
}

}  // namespace strait::cli
