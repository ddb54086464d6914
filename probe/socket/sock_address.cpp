// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/sock_address.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace strait::probe::kernel {
namespace {

using AddressV4 = boost::asio::ip::address_v4;
using AddressV6 = boost::asio::ip::address_v6;

// sockaddr_storage is made to be read and written as the family's own structure; copying the bytes
// does so without breaking the aliasing rules.
template <class Family>
Family read_as(const sockaddr_storage& storage) {
  Family value{};
  std::memcpy(&value, &storage, sizeof value);
  return value;
}

AddressV6::bytes_type octets(const in6_addr& address) {
  AddressV6::bytes_type bytes{};
  std::memcpy(bytes.data(), &address, bytes.size());
  return bytes;
}

PeerKey key_of(const AddressV6::bytes_type& bytes, std::uint16_t port) {
  PeerKey key{.port = port};
  std::memcpy(&key.high, bytes.data(), sizeof key.high);
  std::memcpy(&key.low, &bytes.at(sizeof key.high), sizeof key.low);
  return key;
}

}  // namespace

const sockaddr* SockAddress::get() const { return std::bit_cast<const sockaddr*>(&storage); }

SockAddress to_sock_address(const Endpoint& endpoint) {
  SockAddress result;
  if (endpoint.address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    v4.sin_addr.s_addr = htonl(endpoint.address.to_v4().to_uint());
    std::memcpy(&result.storage, &v4, sizeof v4);
    result.length = sizeof v4;
    return result;
  }
  sockaddr_in6& v6 = result.storage;
  const auto address = endpoint.address.to_v6();
  const auto bytes = address.to_bytes();
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(endpoint.port);
  v6.sin6_scope_id = static_cast<std::uint32_t>(address.scope_id());
  std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
  result.length = sizeof v6;
  return result;
}

bool is_unspecified_family(const sockaddr_storage& storage) {
  return storage.ss_family != AF_INET && storage.ss_family != AF_INET6;
}

Endpoint to_endpoint(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    const auto v4 = read_as<sockaddr_in>(storage);
    return {AddressV4{ntohl(v4.sin_addr.s_addr)}, ntohs(v4.sin_port)};
  }
  if (storage.ss_family == AF_INET6) {
    const auto v6 = read_as<sockaddr_in6>(storage);
    return {AddressV6{octets(v6.sin6_addr), v6.sin6_scope_id}, ntohs(v6.sin6_port)};
  }
  return {};
}

PeerKey to_peer_key(const Endpoint& endpoint) {
  if (endpoint.address.is_v4())
    return {.high = 0, .low = htonl(endpoint.address.to_v4().to_uint()), .port = endpoint.port};
  return key_of(endpoint.address.to_v6().to_bytes(), endpoint.port);
}

PeerKey to_peer_key(const SockAddress& address) {
  sockaddr_storage storage{};
  std::memcpy(&storage, &address.storage, address.length);
  return to_peer_key(storage);
}

PeerKey to_peer_key(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    const auto v4 = read_as<sockaddr_in>(storage);
    return {.high = 0, .low = v4.sin_addr.s_addr, .port = ntohs(v4.sin_port)};
  }
  const auto v6 = read_as<sockaddr_in6>(storage);
  return key_of(octets(v6.sin6_addr), ntohs(v6.sin6_port));
}

}  // namespace strait::probe::kernel
