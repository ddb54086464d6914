// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "probe/icmp_packet.hpp"

namespace strait::probe {

// A probe is a SYN (RFC 9293 §3.1) without data; a SYN-ACK and an RST acknowledge its sequence
// number, which therefore is the cookie.
inline constexpr std::size_t tcp_header_size = 20;
inline constexpr std::size_t tcp_syn_size = 24;   // with the Maximum Segment Size option (§3.7.1)
inline constexpr std::size_t tcp_probe_size = 4;  // what stands for a payload: the sequence number

inline constexpr std::uint8_t tcp_flag_syn = 0x02;
inline constexpr std::uint8_t tcp_flag_rst = 0x04;
inline constexpr std::uint8_t tcp_flag_ack = 0x10;

struct TcpSegment {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgment = 0;
  std::uint8_t flags = 0;

  // SYN-ACK, or the RST of a port that is closed: it acknowledges a SYN.
  [[nodiscard]] bool answers_syn() const {
    const unsigned both = flags & (tcp_flag_syn | tcp_flag_rst);
    return (flags & tcp_flag_ack) != 0 && (both == tcp_flag_syn || both == tcp_flag_rst);
  }
};
inline constexpr std::size_t tcp_acknowledgment_at = 8;  // in a segment
inline constexpr std::size_t tcp_checksum_at = 16;

// The header of a segment; nothing if it is not all there. The checksum is the caller's to verify.
[[nodiscard]] std::optional<TcpSegment> read_tcp(std::span<const std::byte> segment);

// Writes the header, its checksum 0; with 24 octets of room the option too. Nothing but a SYN or an
// RST is ever sent.
void write_tcp(const TcpSegment& segment, bool v6, std::span<std::byte> room);

// The sequence number on the wire of a session's probe, and back: a permutation of all 32-bit
// numbers under a key of this process (a Feistel network over SipHash-2-4). Who has not seen the
// SYN guesses the number of an outstanding probe with a chance of 2^-32 for each.
[[nodiscard]] std::uint32_t hide_sequence(const CookieKey& key, std::uint32_t session,
                                          std::uint32_t sequence);
[[nodiscard]] std::uint32_t reveal_sequence(const CookieKey& key, std::uint32_t session,
                                            std::uint32_t number);

}  // namespace strait::probe
