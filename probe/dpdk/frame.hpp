// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <boost/asio/ip/address_v4.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/address.hpp"
#include "probe/dpdk/checksum.hpp"
#include "probe/transport.hpp"

namespace strait::probe::dpdk {

using Ipv4 = boost::asio::ip::address_v4;

inline constexpr std::size_t ethernet_header_size = 14;
inline constexpr std::size_t ipv4_header_size = 20;
// Ethernet, IPv4 without options, and the 8 octets of UDP or of an ICMP echo.
inline constexpr std::size_t headers_size = 42;
inline constexpr std::size_t shortest_frame = 60;   // without the check sequence
inline constexpr std::size_t longest_frame = 1514;  // an MTU of 1500
inline constexpr std::size_t longest_payload = longest_frame - headers_size;

// What stays the same in all frames of a flow. For an icmp_echo flow the source port is the
// identifier and the destination port is not used.
struct FrameFields {
  FlowKind kind = FlowKind::udp;
  MacAddress source_mac;
  MacAddress destination_mac;
  Ipv4 source;
  Ipv4 destination;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint8_t dscp = 0;
  std::uint8_t hop_limit = 255;
};

// Ethernet, IPv4, and UDP or ICMP echo request, ready to be copied in front of a payload. All
// checksums are filled in. Datagrams are atomic (DF, identification 0: RFC 6864 §4.1).
class alignas(64) FrameTemplate {
 public:
  FrameTemplate() = default;
  explicit FrameTemplate(const FrameFields& fields);

  void set_destination_mac(const MacAddress& mac);

  // Writes the frame and returns its length, padded to the shortest Ethernet has. `frame` has room
  // for longest_frame, the payload is no longer than longest_payload. `sequence` is the ICMP one.
  std::size_t write(std::byte* frame, std::span<const std::byte> payload,
                    std::uint16_t sequence) const;

 private:
  alignas(8) std::array<std::byte, headers_size> octets_{};
  FlowKind kind_ = FlowKind::udp;
  std::uint32_t ip_sum_ = 0;    // of the IPv4 header, its length left out
  std::uint32_t next_sum_ = 0;  // of what UDP (with pseudo header) or ICMP sum up, payload left out
};

// What a received frame is, or why nothing can be done with it.
enum class FrameKind : std::uint8_t {
  udp,
  icmp_echo_request,
  icmp_echo_reply,
  icmp_error,  // destination unreachable, time exceeded or parameter problem
  arp,
  truncated,
  not_ipv4,
  bad_ip_header,
  bad_ip_checksum,
  fragment,
  other_protocol,
  other_icmp,
  bad_checksum,
};
[[nodiscard]] std::string_view to_string(FrameKind kind);

// The addresses and ports of a packet, in host order; for ICMP echo the identifier is the source
// port of a request and the destination port of a reply.
struct FrameTuple {
  FlowKind kind = FlowKind::udp;
  std::uint32_t source = 0;
  std::uint32_t destination = 0;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
};

struct ParsedFrame {
  FrameKind kind = FrameKind::truncated;
  std::uint8_t hop_limit = 0;
  std::uint8_t dscp_ecn = 0;
  std::uint8_t icmp_type = 0;
  std::uint8_t icmp_code = 0;
  std::uint16_t sequence = 0;  // of an ICMP echo, also of a quoted one
  FrameTuple tuple;            // an ICMP error: that of the packet it quotes
  std::uint32_t sender = 0;    // of the packet itself
  std::uint32_t receiver = 0;
  std::span<const std::byte> payload;  // of UDP or ICMP echo; points into the frame
};

// Never reads outside of `frame`. A UDP checksum is accepted when it is right, absent, or the bare
// pseudo-header sum that Linux leaves in a packet which it expects hardware to finish: that is what
// a neighbour on the same host sends over a veth.
[[nodiscard]] ParsedFrame parse_frame(std::span<const std::byte> frame);

// Makes the reply to a received UDP or ICMP echo request in its own memory: addresses and ports
// change places, the hop limit is 255, checksums are made anew. The payload (`size` octets, after
// headers_size) is the reply's already. Returns the length of the frame.
std::size_t turn_around(std::byte* frame, std::size_t size);

}  // namespace strait::probe::dpdk
