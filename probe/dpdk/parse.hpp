// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "probe/dpdk/link_header.hpp"
#include "probe/dpdk/wire_address.hpp"
#include "probe/transport.hpp"

namespace strait::probe::dpdk {

// What a received frame is, or why nothing can be done with it.
enum class FrameKind : std::uint8_t {
  udp,
  icmp_echo_request,
  icmp_echo_reply,
  icmp_error,  // ICMP: destination unreachable, time exceeded, parameter problem; ICMPv6: types 1-4
  arp,
  tcp,       // with a number that it acknowledges; its checksum good
  neighbor,  // ICMPv6 Neighbour Solicitation or Advertisement, its checksum and hop limit good
  truncated,
  not_ip,
  too_many_tags,
  bad_labels,
  bad_ip_header,
  bad_ip_checksum,
  fragment,
  other_protocol,
  other_icmp,
  other_tcp,
  bad_checksum,
};
inline constexpr std::size_t frame_kinds = static_cast<std::size_t>(FrameKind::bad_checksum) + 1;
[[nodiscard]] std::string_view to_string(FrameKind kind);

// The addresses and ports of a packet; for ICMP echo the identifier is the source port of a request
// and the destination port of a reply.
struct FrameTuple {
  FlowKind kind = FlowKind::udp;
  WireAddress source;
  WireAddress destination;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
};

struct ParsedFrame {
  FrameKind kind = FrameKind::truncated;
  std::uint8_t hop_limit = 0;
  std::uint8_t dscp_ecn = 0;
  std::uint8_t icmp_type = 0;
  std::uint8_t icmp_code = 0;
  std::uint8_t tcp_flags = 0;
  std::uint32_t icmp_mtu = 0;  // as an error gives it that is about a packet's length
  bool v6 = false;
  LinkHeader link;
  std::uint16_t sequence = 0;  // of an ICMP echo, also of a quoted one
  FrameTuple tuple;            // an ICMP error: that of the packet it quotes
  WireAddress sender;          // of the packet itself
  WireAddress receiver;
  // Of UDP or ICMP echo, an error's as quoted; the whole of a neighbour message; of TCP the number
  // that it acknowledges, and of an error about TCP what it quotes from the sequence number on. In
  // the frame.
  std::span<const std::byte> payload;
};

// Reads a frame with or without tags and labels. Never reads outside of `frame`. A checksum of UDP
// or TCP is accepted when it is right, absent (UDP over IPv4 only), or the bare pseudo-header sum
// that Linux leaves in a packet which it expects hardware to finish: that is what a neighbour on
// the same host sends over a veth.
[[nodiscard]] ParsedFrame parse_frame(std::span<const std::byte> frame);

// Makes the reply to a received UDP or ICMP echo request in its own memory: MAC addresses,
// addresses and ports change places, the hop limit is 255, lengths and checksums are made anew;
// tags stay and labels go. The payload (`size` octets at the place of the request's) is the reply's
// already. Returns the part of the frame that is the reply, padded to the shortest Ethernet has;
// nothing for a request with IPv4 options or IPv6 extension headers. `frame` begins where the
// request does and has room for the padding.
[[nodiscard]] std::span<std::byte> turn_around(std::span<std::byte> frame,
                                               const ParsedFrame& request, std::size_t size);

}  // namespace strait::probe::dpdk
