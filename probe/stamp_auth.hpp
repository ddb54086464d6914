// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cassert>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>

#include "probe/stamp_packet.hpp"

namespace strait::probe {

// STAMP test packets in authenticated mode (RFC 8762 §4.2.2, §4.3.2; SSID: RFC 8972 §3).
//
//         Session-Sender            Session-Reflector
//    0-3  Sequence Number           Sequence Number
//   4-15  MBZ                       MBZ
//  16-23  Timestamp (T1)            Timestamp (T3)
//  24-25  Error Estimate            Error Estimate
//  26-27  SSID                      SSID
//  28-31  MBZ                       MBZ
//  32-39  MBZ                       Receive Timestamp (T2)
//  48-51  MBZ                       Session-Sender Sequence Number
//  64-71  MBZ                       Session-Sender Timestamp
//  72-73  MBZ                       Session-Sender Error Estimate
//     80  MBZ                       Session-Sender TTL
//  96-111 HMAC of octets 0 to 95    HMAC of octets 0 to 95
//  112-   TLVs                      TLVs
inline constexpr std::size_t authenticated_packet_size = 112;
inline constexpr std::size_t authenticated_part = 96;

[[nodiscard]] constexpr std::size_t base_packet_size(bool authenticated) {
  return authenticated ? authenticated_packet_size : stamp_packet_size;
}

// The four below write or read all but the HMAC. The packet must hold 112 octets.
inline void write_authenticated_request(const StampRequest& request, std::span<std::byte> packet) {
  assert(packet.size() >= authenticated_packet_size);
  std::memset(packet.data(), 0, authenticated_part);
  store(packet, 0, request.sequence);
  store(packet, 16, request.timestamp);
  store(packet, 24, request.error_estimate);
  store(packet, 26, request.ssid);
}

[[nodiscard]] inline std::optional<StampRequest> read_authenticated_request(
    std::span<const std::byte> packet) {
  if (packet.size() < authenticated_packet_size) return std::nullopt;
  return StampRequest{.sequence = load<std::uint32_t>(packet, 0),
                      .timestamp = load<std::uint64_t>(packet, 16),
                      .error_estimate = load<std::uint16_t>(packet, 24),
                      .ssid = load<std::uint16_t>(packet, 26)};
}

inline void write_authenticated_reply(const StampReply& reply, std::span<std::byte> packet) {
  assert(packet.size() >= authenticated_packet_size);
  std::memset(packet.data(), 0, authenticated_part);
  store(packet, 0, reply.sequence);
  store(packet, 16, reply.timestamp);
  store(packet, 24, reply.error_estimate);
  store(packet, 26, reply.ssid);
  store(packet, 32, reply.receive_timestamp);
  store(packet, 48, reply.sender_sequence);
  store(packet, 64, reply.sender_timestamp);
  store(packet, 72, reply.sender_error_estimate);
  store(packet, 80, reply.sender_ttl);
}

[[nodiscard]] inline std::optional<StampReply> read_authenticated_reply(
    std::span<const std::byte> packet) {
  if (packet.size() < authenticated_packet_size) return std::nullopt;
  return StampReply{.sequence = load<std::uint32_t>(packet, 0),
                    .timestamp = load<std::uint64_t>(packet, 16),
                    .error_estimate = load<std::uint16_t>(packet, 24),
                    .ssid = load<std::uint16_t>(packet, 26),
                    .receive_timestamp = load<std::uint64_t>(packet, 32),
                    .sender_sequence = load<std::uint32_t>(packet, 48),
                    .sender_timestamp = load<std::uint64_t>(packet, 64),
                    .sender_error_estimate = load<std::uint16_t>(packet, 72),
                    .sender_ttl = load<std::uint8_t>(packet, 80)};
}

[[nodiscard]] inline std::span<std::byte> hmac_field(std::span<std::byte> packet) {
  return packet.subspan(authenticated_part, 16);
}
[[nodiscard]] inline std::span<const std::byte> hmac_field(std::span<const std::byte> packet) {
  return packet.subspan(authenticated_part, 16);
}

}  // namespace strait::probe
