// SPDX-License-Identifier: Apache-2.0
#include "routes/prefix_map.hpp"

namespace strait::routes {
namespace {

template <class Bytes>
Bytes masked(Bytes bytes, std::size_t length) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (length >= 8 * (i + 1)) continue;
    const std::size_t kept = length > 8 * i ? length - 8 * i : 0;
    bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xff00U >> kept));
  }
  return bytes;
}

}  // namespace

Prefix network_of(const Address& address, std::uint8_t length) {
  if (address.is_v4()) {
    return {boost::asio::ip::address_v4{masked(address.to_v4().to_bytes(), length)}, length};
  }
  return {boost::asio::ip::address_v6{masked(address.to_v6().to_bytes(), length)}, length};
}

}  // namespace strait::routes
