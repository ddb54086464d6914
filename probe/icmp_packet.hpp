// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/clock.hpp"

namespace strait::probe {

// What follows the 8-octet header of our ICMP and ICMPv6 echo requests, and the payload of UDP echo
// (RFC 862), network order:
//    0-7   cookie: SipHash-2-4 of session and sequence number under a key of this process
//    8-11  sequence number, all 32 bits (the header holds the low 16)
//   12-13  what gives all requests of a flow one checksum (RFC 1071), for routers that balance by
//          it: as Paris traceroute does
//   14-15  0
//   16-23  send time, ns since 1970 UTC: for people who read captures, never read back
//   24-    0
inline constexpr std::size_t icmp_payload_size = 24;  // the smallest

using CookieKey = std::array<std::uint64_t, 2>;

// From the system's entropy: a reply cannot be forged without having seen the request.
[[nodiscard]] CookieKey random_cookie_key();

[[nodiscard]] std::uint64_t cookie(const CookieKey& key, std::uint32_t session,
                                   std::uint32_t sequence);

// Writes all octets of the payload.
void write_icmp_payload(const CookieKey& key, std::uint32_t session, std::uint32_t sequence,
                        WallTime now, std::span<std::byte> payload);

// What became of the check of an echo reply.
enum class EchoCheck : std::uint8_t { good, bad_length, wrong_session };

struct EchoReply {
  EchoCheck check = EchoCheck::bad_length;
  std::uint32_t sequence = 0;  // meaningful when good
};

// Checks that the payload is one that we sent in this session and that its sequence number agrees
// with `header_sequence`, the one of the ICMP header.
[[nodiscard]] EchoReply read_icmp_payload(const CookieKey& key, std::uint32_t session,
                                          std::uint16_t header_sequence,
                                          std::span<const std::byte> payload);

// The same of an echo that has no sequence number of its own beside the payload's: of UDP.
[[nodiscard]] EchoReply read_udp_echo(const CookieKey& key, std::uint32_t session,
                                      std::span<const std::byte> payload);

}  // namespace strait::probe
