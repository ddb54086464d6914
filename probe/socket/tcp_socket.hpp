// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/result.hpp"
#include "probe/socket/probe_socket.hpp"
#include "probe/tcp_packet.hpp"

namespace strait::probe::kernel {

// SYN probes over the kernel. With CAP_NET_RAW: a raw socket sends our own SYNs, with our sequence
// number and the kernel's stamps, and a filter on it lets in what comes to our port. That port is
// bound by a TCP socket that never listens nor connects. So no other program is given it, and the
// kernel, which knows no connection there, answers a SYN-ACK with the very RST that the far end is
// owed (RFC 9293 §3.10.7.1): nothing stays half open, and no firewall rule is needed. Without
// CAP_NET_RAW: connect(), see connector.hpp.

using TcpSynBytes = std::array<std::byte, tcp_syn_size>;

// A raw TCP socket, or an epoll descriptor where that is not allowed, or not wanted.
[[nodiscard]] Result<ProbeSocket> make_tcp_socket(const SocketKey& key, bool connect_only);

// Binds a TCP socket to the port (0: the kernel chooses) and keeps it in `socket`.
[[nodiscard]] Result<void> reserve_port(ProbeSocket& socket, const SocketKey& key,
                                        std::uint16_t port);

// Lets only what comes to `port` into a raw TCP socket.
[[nodiscard]] Result<void> attach_tcp_filter(int fd, bool v6, std::uint16_t port);

// The address that the kernel would send to `destination` from: the checksum is over it.
[[nodiscard]] Result<Address> source_toward(const SocketKey& key, const Endpoint& destination);

// A SYN. Its checksum is complete over IPv4; over IPv6 the kernel makes it.
[[nodiscard]] TcpSynBytes syn_segment(const Address& source, std::uint16_t source_port,
                                      const Endpoint& destination, std::uint32_t sequence);

struct TcpAnswer {
  std::uint16_t port = 0;                   // that it comes from
  std::span<const std::byte> acknowledged;  // the number, as it stands in the segment
};
// A SYN-ACK or an RST that acknowledges something, to `local_port`, as a raw socket delivers it:
// over IPv4 with the IP header, and the checksum is verified; over IPv6 without, and the kernel has
// done so.
[[nodiscard]] std::optional<TcpAnswer> read_answer(bool v6, std::uint16_t local_port,
                                                   std::span<const std::byte> packet);

// The far port of the SYN from `local_port` that an ICMP error quotes: 8 octets of it (RFC 792).
[[nodiscard]] std::optional<std::uint16_t> read_quoted_syn(std::uint16_t local_port,
                                                           std::span<const std::byte> quoted);

}  // namespace strait::probe::kernel
