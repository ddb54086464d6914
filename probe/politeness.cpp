// SPDX-License-Identifier: Apache-2.0
#include "probe/politeness.hpp"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <optional>

namespace strait::probe {
namespace {

// Nobody on the Internet has them.
bool is_ours_alone(const Address& address) {
  static const std::array prefixes{*parse_prefix("127.0.0.0/8"),    *parse_prefix("10.0.0.0/8"),
                                   *parse_prefix("172.16.0.0/12"),  *parse_prefix("192.168.0.0/16"),
                                   *parse_prefix("169.254.0.0/16"), *parse_prefix("198.18.0.0/15"),
                                   *parse_prefix("::1/128"),        *parse_prefix("fe80::/10"),
                                   *parse_prefix("fc00::/7")};
  return std::ranges::any_of(prefixes,
                             [&](const Prefix& prefix) { return contains(prefix, address); });
}

// A scope says which link an address is of, not whose it is.
Address without_scope(const Address& address) {
  if (address.is_v4()) return address;
  return boost::asio::ip::address_v6{address.to_v6().to_bytes()};
}

bool is_limited(const SessionSpec& spec, std::span<const Address> own) {
  return spec.key.protocol == Protocol::tcp && !spec.force_rate &&
         is_foreign(spec.flow.destination.address, own);
}

std::optional<Address> address_of(const sockaddr* name) {
  if (name == nullptr) return std::nullopt;
  if (name->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, name, sizeof v4);
    return boost::asio::ip::address_v4{ntohl(v4.sin_addr.s_addr)};
  }
  if (name->sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, name, sizeof v6);
  boost::asio::ip::address_v6::bytes_type octets{};
  std::memcpy(octets.data(), &v6.sin6_addr, octets.size());
  return boost::asio::ip::address_v6{octets};
}

}  // namespace

bool is_foreign(const Address& address, std::span<const Address> own) {
  const Address bare = without_scope(address);
  return !is_ours_alone(bare) && std::ranges::find(own, bare) == own.end();
}

std::vector<Address> own_addresses() {
  std::vector<Address> all;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return all;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner{list, &::freeifaddrs};
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (const auto address = address_of(entry->ifa_addr)) all.push_back(*address);
  }
  return all;
}

bool make_polite(std::span<SessionSpec> sessions, std::span<const Address> own) {
  std::map<Address, double> rates;  // SYNs a second
  for (const SessionSpec& spec : sessions) {
    if (!is_limited(spec, own) || spec.schedule.interval <= Nanos{0}) continue;
    rates[spec.flow.destination.address] +=
        std::chrono::duration<double>(polite_interval) / spec.schedule.interval;
  }
  bool changed = false;
  for (SessionSpec& spec : sessions) {
    if (!is_limited(spec, own)) continue;
    const auto found = rates.find(spec.flow.destination.address);
    if (found == rates.end() || found->second <= 1) continue;
    const auto slower = static_cast<double>(spec.schedule.interval.count()) * found->second;
    spec.schedule.interval = Nanos{std::llround(slower)};
    changed = true;
  }
  return changed;
}

}  // namespace strait::probe
