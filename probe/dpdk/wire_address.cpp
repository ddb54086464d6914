// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/wire_address.hpp"

#include <cstring>

namespace strait::probe::dpdk {

WireAddress::WireAddress(const Ipv6& address) {
  const auto octets = address.to_bytes();
  const auto bytes = std::as_bytes(std::span{octets});
  high = load<std::uint64_t>(bytes, 0);
  low = load<std::uint64_t>(bytes, 8);
}

WireAddress::WireAddress(const Address& address)
    : WireAddress{address.is_v4() ? WireAddress{address.to_v4()} : WireAddress{address.to_v6()}} {}

Address WireAddress::address() const {
  if (is_v4()) return Ipv4{v4()};
  Ipv6::bytes_type octets;
  store_v6(std::as_writable_bytes(std::span{octets}), 0);
  return Ipv6{octets};
}

}  // namespace strait::probe::dpdk
