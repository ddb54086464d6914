// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/icmp_header.hpp"

#include <fmt/format.h>
#include <linux/filter.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace strait::probe::kernel {
namespace {

std::uint32_t octet(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<std::uint32_t>(bytes[at]);
}

std::uint16_t big_endian(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(octet(bytes, at) << 8U | octet(bytes, at + 1));
}

void put_big_endian(std::span<std::byte> bytes, std::size_t at, std::uint16_t value) {
  bytes[at] = static_cast<std::byte>(value >> 8U);
  bytes[at + 1] = static_cast<std::byte>(value & 0xffU);
}

}  // namespace

std::uint32_t word_sum(std::span<const std::byte> bytes) {
  std::uint32_t sum = 0;
  std::size_t at = 0;
  for (; at + 1 < bytes.size(); at += 2) sum += big_endian(bytes, at);
  if (at < bytes.size()) sum += octet(bytes, at) << 8U;
  return sum;
}

std::uint16_t fold_checksum(std::uint32_t sum) {
  while (sum > 0xffffU) sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum & 0xffffU);
}

std::uint8_t echo_request_type(bool v6) { return v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO; }
std::uint8_t echo_reply_type(bool v6) { return v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY; }

IcmpHeaderBytes echo_request(bool v6, std::uint16_t identifier, std::uint16_t sequence,
                             std::span<const std::byte> data) {
  IcmpHeaderBytes header{};
  header[0] = static_cast<std::byte>(echo_request_type(v6));
  put_big_endian(header, 4, identifier);
  put_big_endian(header, 6, sequence);
  if (!v6) put_big_endian(header, 2, fold_checksum(word_sum(header) + word_sum(data)));
  return header;
}

std::optional<IcmpEcho> read_echo(std::span<const std::byte> message) {
  if (message.size() < icmp_header_octets) return std::nullopt;
  return IcmpEcho{.type = static_cast<std::uint8_t>(octet(message, 0)),
                  .identifier = big_endian(message, 4),
                  .sequence = big_endian(message, 6)};
}

std::optional<std::span<const std::byte>> skip_ipv4_header(std::span<const std::byte> packet) {
  constexpr std::size_t shortest = 20;
  if (packet.size() < shortest) return std::nullopt;
  const std::size_t length = std::size_t{4} * (octet(packet, 0) & 0xfU);
  if (length < shortest || length > packet.size()) return std::nullopt;
  return packet.subspan(length);
}

Result<void> attach_echo_filter(int fd, bool v6, std::uint16_t identifier) {
  // A raw IPv4 socket's packets begin with the IP header, a raw IPv6 socket's with ICMPv6. The
  // first instruction leaves in X where ICMP begins.
  sock_filter find_icmp = v6 ? sock_filter BPF_STMT(BPF_LDX | BPF_IMM, 0)
                             : sock_filter BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0);
  std::array<sock_filter, 7> program{{
      find_icmp,
      BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, echo_reply_type(v6), 0, 3),
      BPF_STMT(BPF_LD | BPF_H | BPF_IND, 4),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, identifier, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  }};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0) {
    return fail(Errc::io, fmt::format("raw ICMP socket: attach the echo-reply filter: {}",
                                      std::strerror(errno)));
  }
  return {};
}

}  // namespace strait::probe::kernel
