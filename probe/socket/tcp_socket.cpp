// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/tcp_socket.hpp"

#include <fmt/format.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "probe/octets.hpp"
#include "probe/socket/icmp_header.hpp"
#include "probe/socket/sock_address.hpp"

namespace strait::probe::kernel {
namespace {

constexpr std::size_t v4_addresses_at = 12;
constexpr std::size_t v4_addresses_size = 8;
constexpr std::size_t quoted_size = 8;

tl::unexpected<Error> refused(std::string_view doing) {
  return fail(Errc::io, fmt::format("{}: {}", doing, std::strerror(errno)));
}

int family_of(const SocketKey& key) { return key.v6 ? AF_INET6 : AF_INET; }

// Of the pseudo header (RFC 9293 §3.1).
std::uint32_t pseudo_sum(std::span<const std::byte> addresses, std::size_t length) {
  return word_sum(addresses) + static_cast<std::uint32_t>(IPPROTO_TCP) +
         static_cast<std::uint32_t>(length);
}

// Right, or the bare pseudo header's sum that a neighbour on the same host leaves for hardware to
// finish.
bool checksum_is_good(std::span<const std::byte> addresses, std::span<const std::byte> segment) {
  const std::uint32_t pseudo = pseudo_sum(addresses, segment.size());
  if (fold_checksum(pseudo + word_sum(segment)) == 0) return true;
  const auto unfinished = static_cast<std::uint16_t>(~fold_checksum(pseudo));
  return load<std::uint16_t>(segment, tcp_checksum_at) == unfinished;
}

}  // namespace

Result<ProbeSocket> make_tcp_socket(const SocketKey& key, bool connect_only) {
  ProbeSocket socket;
  if (!connect_only) {
    socket.kind = SocketKind::raw_tcp;
    socket.fd = Fd{::socket(family_of(key), SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP)};
    if (!socket.fd.is_open() && errno != EPERM) return refused("open a raw TCP socket");
    if (socket.fd.is_open() && key.v6) {
      auto summed = set_option(socket.fd.value(), IPPROTO_IPV6, IPV6_CHECKSUM,
                               static_cast<int>(tcp_checksum_at), "IPV6_CHECKSUM");
      if (!summed) return fail(std::move(summed));
    }
    if (socket.fd.is_open()) return socket;
  }
  socket.kind = SocketKind::connects;
  socket.fd = Fd{::epoll_create1(EPOLL_CLOEXEC)};
  if (!socket.fd.is_open()) return refused("make an epoll descriptor");
  return socket;
}

Result<void> reserve_port(ProbeSocket& socket, const SocketKey& key, std::uint16_t port) {
  Fd fd{::socket(family_of(key), SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!fd.is_open()) return refused("open a TCP socket");
  if (key.v6) {
    if (auto only = set_option(fd.value(), IPPROTO_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY"); !only) {
      return only;
    }
  }
  // Those that connect are bound to the same port.
  if (socket.kind == SocketKind::connects) {
    auto shared = set_option(fd.value(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
    if (!shared) return shared;
  }
  if (auto bound = bind_to(fd.value(), {source_of(key), port}); !bound) return bound;
  const auto local = local_endpoint(fd.value());
  if (!local) return tl::make_unexpected(local.error());
  socket.local_port = local->port;
  socket.reserved = std::move(fd);
  return {};
}

Result<void> attach_tcp_filter(int fd, bool v6, std::uint16_t port) {
  // As attach_echo_filter(): X is where TCP begins, and 2 from there the destination port.
  sock_filter find_tcp = v6 ? sock_filter BPF_STMT(BPF_LDX | BPF_IMM, 0)
                            : sock_filter BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0);
  std::array<sock_filter, 5> program{{
      find_tcp,
      BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  }};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0) {
    return refused("raw TCP socket: attach the port filter");
  }
  return {};
}

Result<Address> source_toward(const SocketKey& key, const Endpoint& destination) {
  if (key.source) return *key.source;
  const Fd fd{::socket(family_of(key), SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!fd.is_open()) return refused("open a UDP socket");
  if (auto pinned = pin_socket(fd.value(), key); !pinned) return fail(std::move(pinned));
  const SockAddress name = to_sock_address(destination);
  if (::connect(fd.value(), name.get(), name.length) != 0) {
    return refused("look up the source address");
  }
  const auto local = local_endpoint(fd.value());
  if (!local) return tl::make_unexpected(local.error());
  return local->address;
}

TcpSynBytes syn_segment(const Address& source, std::uint16_t source_port,
                        const Endpoint& destination, std::uint32_t sequence) {
  const bool v6 = destination.address.is_v6();
  TcpSynBytes segment{};
  write_tcp({.source_port = source_port,
             .destination_port = destination.port,
             .sequence = sequence,
             .acknowledgment = 0,
             .flags = tcp_flag_syn},
            v6, segment);
  if (v6) return segment;
  std::array<std::byte, v4_addresses_size> addresses{};
  store(addresses, 0, source.to_v4().to_uint());
  store(addresses, 4, destination.address.to_v4().to_uint());
  const std::uint32_t sum = pseudo_sum(addresses, segment.size()) + word_sum(segment);
  store(segment, tcp_checksum_at, fold_checksum(sum));
  return segment;
}

std::optional<TcpAnswer> read_answer(bool v6, std::uint16_t local_port,
                                     std::span<const std::byte> packet) {
  auto octets = packet;
  if (!v6) {
    const auto inner = skip_ipv4_header(packet);
    if (!inner) return std::nullopt;
    octets = *inner;
  }
  const auto segment = read_tcp(octets);
  if (!segment || segment->destination_port != local_port || !segment->answers_syn()) {
    return std::nullopt;
  }
  if (!v6 && !checksum_is_good(packet.subspan(v4_addresses_at, v4_addresses_size), octets)) {
    return std::nullopt;
  }
  return TcpAnswer{.port = segment->source_port,
                   .acknowledged = octets.subspan(tcp_acknowledgment_at, tcp_probe_size)};
}

std::optional<std::uint16_t> read_quoted_syn(std::uint16_t local_port,
                                             std::span<const std::byte> quoted) {
  if (quoted.size() < quoted_size) return std::nullopt;
  if (load<std::uint16_t>(quoted, 0) != local_port) return std::nullopt;
  return load<std::uint16_t>(quoted, 2);
}

}  // namespace strait::probe::kernel
