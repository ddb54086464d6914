// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "core/clock.hpp"
#include "probe/clock_quality.hpp"
#include "probe/octets.hpp"
#include "probe/wire_time.hpp"

namespace strait::probe {

// STAMP test packets in unauthenticated mode, as they stand in the UDP payload, network order.
//
//         Session-Sender (RFC 8762 §4.2.1)      Session-Reflector (RFC 8762 §4.3.1)
//    0-3  Sequence Number                       Sequence Number
//   4-11  Timestamp (T1)                        Timestamp (T3, when the reply left)
//  12-13  Error Estimate                        Error Estimate (of T2 and T3)
//  14-15  SSID (RFC 8972 §3)                    SSID
//  16-23  MBZ                                   Receive Timestamp (T2)
//  24-27  MBZ                                   Session-Sender Sequence Number
//  28-35  MBZ                                   Session-Sender Timestamp (copy of T1)
//  36-37  MBZ                                   Session-Sender Error Estimate
//  38-39  MBZ                                   MBZ
//     40  MBZ                                   Session-Sender TTL
//  41-43  MBZ                                   MBZ
//  44-    TLVs (RFC 8972)                       TLVs
inline constexpr std::size_t stamp_packet_size = 44;
// A TWAMP-Light request has no MBZ octets (RFC 5357 §4.1.2).
inline constexpr std::size_t twamp_request_size = 14;
// Real TWAMP-Light reflectors answer with as little as this: all but TTL and padding.
inline constexpr std::size_t shortest_twamp_reply = 38;
inline constexpr std::uint16_t stamp_port = 862;

// RFC 4656 §4.1.2 with the Z bit of RFC 8186 §2.3: |S|Z| Scale (6) | Multiplier (8) |.
// The error is Multiplier * 2^(Scale - 32) seconds; a Multiplier of 0 is corrupt.
struct ErrorEstimate {
  bool synchronised = false;                      // S
  TimestampFormat format = TimestampFormat::ntp;  // Z
  std::uint8_t scale = 0;                         // 0 to 63
  std::uint8_t multiplier = 1;

  [[nodiscard]] bool corrupt() const { return multiplier == 0; }
  [[nodiscard]] Nanos error() const;  // rounded up; Nanos::max() when it does not fit

  friend bool operator==(const ErrorEstimate&, const ErrorEstimate&) = default;
};

[[nodiscard]] std::uint16_t encode(const ErrorEstimate& estimate);
[[nodiscard]] inline ErrorEstimate decode_error_estimate(std::uint16_t bits) {
  return {.synchronised = (bits & 0x8000U) != 0,
          .format = (bits & 0x4000U) != 0 ? TimestampFormat::ptp : TimestampFormat::ntp,
          .scale = static_cast<std::uint8_t>(bits >> 8U & 0x3fU),
          .multiplier = static_cast<std::uint8_t>(bits)};
}

// The smallest estimate that is not below the clock's maximum error.
[[nodiscard]] ErrorEstimate error_estimate(const ClockQuality& quality, TimestampFormat format);

struct StampRequest {
  std::uint32_t sequence = 0;
  WireTime timestamp = 0;  // T1
  std::uint16_t error_estimate = 0;
  std::uint16_t ssid = 0;
};

// Writes the 44 octets. `packet` must hold them; what is beyond is left alone.
inline void write_stamp_request(const StampRequest& request, std::span<std::byte> packet) {
  assert(packet.size() >= stamp_packet_size);
  std::memset(packet.data(), 0, stamp_packet_size);
  store(packet, 0, request.sequence);
  store(packet, 4, request.timestamp);
  store(packet, 12, request.error_estimate);
  store(packet, 14, request.ssid);
}

// A sequence of pseudorandom numbers, the same each time (RFC 8972 §4.1).
void fill_padding(std::span<std::byte> padding);

// Makes `packet`, of which write_stamp_request() fills the first 44 octets, a whole STAMP packet
// with one Extra Padding TLV (RFC 8972 §4.1) over the rest. Its size must be 44, or at least 48.
void write_extra_padding(std::span<std::byte> packet);

// The fields of a request; nothing below 14 octets. The SSID is 0 in a request below 44 octets,
// where these octets are TWAMP-Light padding.
[[nodiscard]] std::optional<StampRequest> read_stamp_request(std::span<const std::byte> packet);

struct StampReply {
  std::uint32_t sequence = 0;        // the reflector's: a copy or a count of its own
  WireTime timestamp = 0;            // T3
  std::uint16_t error_estimate = 0;  // of T2 and T3; its Z is their format
  std::uint16_t ssid = 0;
  WireTime receive_timestamp = 0;  // T2
  std::uint32_t sender_sequence = 0;
  WireTime sender_timestamp = 0;  // T1 as echoed: never used to compute anything
  std::uint16_t sender_error_estimate = 0;
  std::uint8_t sender_ttl = 0;  // 0 where the reply is too short to hold it
};

// The Session-Sender Sequence Number of a reply that has at least shortest_twamp_reply octets.
[[nodiscard]] inline std::uint32_t stamp_reply_sequence(std::span<const std::byte> packet) {
  return load<std::uint32_t>(packet, 24);
}

// Writes the 44 octets of a reply. `packet` must hold them; what is beyond is left alone.
void write_stamp_reply(const StampReply& reply, std::span<std::byte> packet);

// Nothing below `shortest` octets (44, or 38 from a TWAMP-Light reflector).
[[nodiscard]] inline std::optional<StampReply> read_stamp_reply(
    std::span<const std::byte> packet, std::size_t shortest = stamp_packet_size) {
  if (packet.size() < shortest || packet.size() < shortest_twamp_reply) return std::nullopt;
  return StampReply{
      .sequence = load<std::uint32_t>(packet, 0),
      .timestamp = load<std::uint64_t>(packet, 4),
      .error_estimate = load<std::uint16_t>(packet, 12),
      .ssid = load<std::uint16_t>(packet, 14),
      .receive_timestamp = load<std::uint64_t>(packet, 16),
      .sender_sequence = stamp_reply_sequence(packet),
      .sender_timestamp = load<std::uint64_t>(packet, 28),
      .sender_error_estimate = load<std::uint16_t>(packet, 36),
      .sender_ttl = packet.size() > 40 ? load<std::uint8_t>(packet, 40) : std::uint8_t{0}};
}

}  // namespace strait::probe
