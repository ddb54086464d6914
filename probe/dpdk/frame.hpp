// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/address.hpp"
#include "probe/dpdk/checksum.hpp"
#include "probe/dpdk/link_header.hpp"
#include "probe/dpdk/wire_address.hpp"
#include "probe/transport.hpp"

namespace strait::probe::dpdk {

inline constexpr std::size_t ipv4_header_size = 20;  // without options
inline constexpr std::size_t ipv6_header_size = 40;
inline constexpr std::size_t next_header_size = 8;  // UDP's and ICMP echo's
inline constexpr std::size_t longest_headers =
    longest_link_header + ipv6_header_size + next_header_size;
inline constexpr std::size_t default_mtu = 1500;  // octets of IP packet
inline constexpr std::size_t largest_mtu = 9216;
inline constexpr std::size_t longest_frame = longest_link_header + largest_mtu;

inline constexpr std::uint8_t protocol_icmp = 1;
inline constexpr std::uint8_t protocol_tcp = 6;
inline constexpr std::uint8_t protocol_udp = 17;
inline constexpr std::uint8_t protocol_icmpv6 = 58;

// Headers of IP and of what is in it.
[[nodiscard]] constexpr std::size_t packet_headers(bool v6) {
  return (v6 ? ipv6_header_size : ipv4_header_size) + next_header_size;
}

// What stays the same in all frames of a flow. Both addresses are of one family. For an icmp_echo
// flow the source port is the identifier and the destination port is not used.
struct FrameFields {
  FlowKind kind = FlowKind::udp;
  MacAddress source_mac;
  MacAddress destination_mac;
  Encapsulation encapsulation;
  WireAddress source;
  WireAddress destination;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint8_t dscp = 0;
  std::uint8_t hop_limit = 255;
  std::uint32_t flow_label = 0;  // IPv6
};

// Link header, IP, and UDP, ICMP echo request or TCP SYN, ready to be copied in front of a payload.
// All checksums are filled in. IPv4 datagrams are atomic (DF, identification 0: RFC 6864 §4.1). The
// headers of an untagged IPv4 frame fit the first cache line.
class alignas(64) FrameTemplate {
 public:
  FrameTemplate() = default;
  explicit FrameTemplate(const FrameFields& fields);

  void set_destination_mac(const MacAddress& mac);

  // Writes the frame and returns its length, padded to the shortest Ethernet has. `frame` has room
  // for all headers, rounded up to 48 or 96 octets, and for the payload. `sequence` is the ICMP
  // one. Of a tcp_syn flow the payload is the SYN's sequence number.
  std::size_t write(std::byte* frame, std::span<const std::byte> payload,
                    std::uint16_t sequence) const;
  // Of a tcp_syn flow: a SYN, or the RST that ends what a SYN began. `frame` has room for 128
  // octets.
  std::size_t write_segment(std::byte* frame, std::uint32_t sequence, std::uint8_t flags) const;

  [[nodiscard]] std::size_t headers_size() const { return size_; }

 private:
  // Sums are folded.
  std::uint16_t ip_sum_ = 0;  // of the IPv4 header, its length left out
  std::uint16_t next_sum_ =
      0;                   // of UDP or ICMP with its pseudo header, payload and length left out
  std::uint8_t size_ = 0;  // of all headers
  bool v6_ = false;
  FlowKind kind_ = FlowKind::udp;
  alignas(8) std::array<std::byte, 96> octets_{};
};
static_assert(longest_headers <= 96);

// The sum of addresses and protocol, as UDP (RFC 768) and what IPv6 carries (RFC 8200 §8.1) have it
// in their checksums; the length is to be added.
[[nodiscard]] std::uint64_t pseudo_header_sum(std::span<const std::byte> addresses,
                                              std::uint8_t protocol);

// The checksum of what is summed up: 0xffff instead of 0, as UDP and IPv6 want it.
[[nodiscard]] std::uint16_t finish_checksum(std::uint64_t sum, bool never_zero);

// Sets the lengths and checksums of a packet whose headers are otherwise ready: IPv4 without
// options or IPv6 without extension headers, then UDP, TCP or ICMP, to its end.
void finish_packet(std::span<std::byte> packet);

// Fills with zeros up to the shortest frame; the length of the frame.
std::size_t pad_frame(std::byte* frame, std::size_t length);

}  // namespace strait::probe::dpdk
