// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>

#include "core/address.hpp"

namespace strait::probe::kernel {

// An Endpoint as the kernel takes it.
struct SockAddress {
  sockaddr_in6 storage{};  // or the shorter sockaddr_in
  socklen_t length = 0;

  [[nodiscard]] const sockaddr* get() const;
};

[[nodiscard]] SockAddress to_sock_address(const Endpoint& endpoint);
// The unspecified endpoint (0.0.0.0:0) for a family other than IPv4 and IPv6.
[[nodiscard]] Endpoint to_endpoint(const sockaddr_storage& storage);
[[nodiscard]] bool is_unspecified_family(const sockaddr_storage& storage);

// An address and port that hashes fast; the scope of a link-local address is left out, because
// the socket is bound to a device where that matters.
struct PeerKey {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::uint16_t port = 0;

  friend bool operator==(const PeerKey&, const PeerKey&) = default;
};

[[nodiscard]] PeerKey to_peer_key(const Endpoint& endpoint);
[[nodiscard]] PeerKey to_peer_key(const sockaddr_storage& storage);
[[nodiscard]] PeerKey to_peer_key(const SockAddress& address);

struct PeerKeyHash {
  [[nodiscard]] std::size_t operator()(const PeerKey& key) const noexcept {
    std::uint64_t mixed =
        key.high ^ (key.low + 0x9e3779b97f4a7c15U) ^ (std::uint64_t{key.port} << 48U);
    mixed = (mixed ^ (mixed >> 32U)) * 0xd6e8feb86659fd93U;
    return mixed ^ (mixed >> 32U);
  }
};

}  // namespace strait::probe::kernel
