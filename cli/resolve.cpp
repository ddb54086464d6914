// SPDX-License-Identifier: Apache-2.0
#include "cli/resolve.hpp"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
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

bool matches(const Address& address, Family family) {
  return family == Family::any || address.is_v4() == (family == Family::v4);
}

}  // namespace

Result<Address> resolve(const std::string& target, Family family) {
  if (const auto address = parse_address(target)) {
    if (matches(*address, family)) return *address;
    return fail(Errc::bad_input,
                fmt::format("target '{}': not an {}address", target, family_name(family)));
  }
  boost::asio::io_context context;
  boost::asio::ip::udp::resolver resolver{context};
  boost::system::error_code error;
  const auto found = resolver.resolve(target, "", error);
  if (error) return fail(Errc::not_found, fmt::format("target '{}': {}", target, error.message()));
  for (const auto& entry : found) {
    if (matches(entry.endpoint().address(), family)) return entry.endpoint().address();
  }
  return fail(Errc::not_found,
              fmt::format("target '{}': the name has no {}address", target, family_name(family)));
}

}  // namespace strait::cli
