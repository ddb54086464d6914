// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/result.hpp"

namespace strait::probe::kernel {

// The 8 octets of an echo request or reply (RFC 792, RFC 4443 section 4): type, code, checksum,
// identifier, sequence number.
inline constexpr std::size_t icmp_header_octets = 8;
using IcmpHeaderBytes = std::array<std::byte, icmp_header_octets>;

struct IcmpEcho {
  std::uint8_t type = 0;
  std::uint16_t identifier = 0;
  std::uint16_t sequence = 0;
};

[[nodiscard]] std::uint8_t echo_request_type(bool v6);
[[nodiscard]] std::uint8_t echo_reply_type(bool v6);

// An echo request with its checksum over `data` (IPv6: 0, the kernel has the pseudo-header).
[[nodiscard]] IcmpHeaderBytes echo_request(bool v6, std::uint16_t identifier,
                                           std::uint16_t sequence, std::span<const std::byte> data);
// The header at the start of `message`; nothing if it is shorter than one.
[[nodiscard]] std::optional<IcmpEcho> read_echo(std::span<const std::byte> message);
// What follows the IPv4 header that a raw socket delivers; nothing if the packet is malformed.
[[nodiscard]] std::optional<std::span<const std::byte>> skip_ipv4_header(
    std::span<const std::byte> packet);

// Of the Internet checksum (RFC 1071): the sum of 16-bit words, an odd last octet padded with zero,
// and what the field holds where the sum is of all else.
[[nodiscard]] std::uint32_t word_sum(std::span<const std::byte> bytes);
[[nodiscard]] std::uint16_t fold_checksum(std::uint32_t sum);

// Lets only echo replies with this identifier into a raw ICMP socket, so that other programs'
// pings cost us nothing.
[[nodiscard]] Result<void> attach_echo_filter(int fd, bool v6, std::uint16_t identifier);

}  // namespace strait::probe::kernel
