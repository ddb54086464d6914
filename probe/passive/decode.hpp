// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "probe/passive/flow_key.hpp"
#include "probe/passive/packet.hpp"

namespace strait::probe::passive {

// What a packet turned out to be.
enum class Verdict : std::uint8_t {
  tcp,
  udp,
  icmp,             // ICMP or ICMPv6
  other_transport,  // IP, but none of these
  fragment,         // of an IP packet: no times are taken from fragments
  not_ip,           // such as ARP
  unknown_link,     // a link type that is not read here
  truncated,        // its headers are not all captured
  malformed,        // its headers contradict themselves
};
inline constexpr std::size_t verdicts = 9;
[[nodiscard]] std::string_view to_string(Verdict verdict);

// A question with a number, or its answer; or what else is known by more than its ports.
enum class Exchange : std::uint8_t {
  none,
  misfit,  // a STAMP port, but no test packet: not followed
  echo,
  query,
  stamp,
  quic,
};
inline constexpr std::size_t exchanges = 6;
[[nodiscard]] std::string_view to_string(Exchange exchange);

// What the first packet in a datagram of QUIC is (RFC 9000 section 17).
enum class QuicKind : std::uint8_t { initial, zero_rtt, handshake, retry, one_rtt };

namespace tcp {
inline constexpr std::uint8_t fin = 0x01;
inline constexpr std::uint8_t syn = 0x02;
inline constexpr std::uint8_t rst = 0x04;
inline constexpr std::uint8_t ack = 0x10;
}  // namespace tcp

// A packet's headers. Members below `key` have a meaning for some verdicts only.
struct Decoded {
  std::int64_t time = 0;     // ns since 1970
  FlowKey key;               // tcp, udp, icmp
  std::uint32_t hash = 0;    // of the key; the meter's to fill in
  std::uint32_t octets = 0;  // the IP packet
  Verdict verdict = Verdict::not_ip;
  bool from_second = false;  // who sent it: the key's second end
  // TCP (RFC 9293 section 3.1)
  std::uint8_t flags = 0;
  bool has_timestamps = false;  // RFC 7323 section 3.2
  std::uint16_t window = 0;
  // UDP, ICMP. Its number is in `sequence`, of STAMP the sender's time also in `tsval`.
  Exchange exchange = Exchange::none;
  bool answer = false;
  std::uint8_t sack_blocks = 0;  // RFC 2018 section 3
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgment = 0;
  std::uint32_t tsval = 0;
  std::uint32_t tsecr = 0;
  const std::byte* sack = nullptr;  // the first block: two sequence numbers of 4 octets
  // How long the answerer had the question (ns), where the answer says so; below 0: not believable.
  std::int64_t hold = 0;
  QuicKind quic = QuicKind::one_rtt;  // where that is its exchange
  std::uint8_t quic_version = 0;      // likewise; 0 with a short header, which does not tell
  // The way it came
  std::uint32_t interface = 0;
  std::uint32_t mpls_label = 0;  // the outermost
  std::uint16_t vlan = 0;        // likewise; 0: none
  // TCP, UDP, ICMP: octets behind the header, and those of them that were captured. Of ICMP the
  // header is with them.
  std::uint32_t payload_length = 0;
  std::span<const std::byte> payload;
};

struct DecodeOptions {
  bool gre = false;    // look into GRE (RFC 2784, RFC 2890)
  bool vxlan = false;  // look into VXLAN (RFC 7348)
  // UDP ports of reflectors of STAMP or TWAMP-Test: 862 by RFC 8762 section 4.1; any other one only
  // by agreement of both ends.
  std::vector<std::uint16_t> stamp_ports{862};
};

// Reads the headers from the link's to TCP's. Never beyond what was captured, whatever it says.
void decode(const CapturedPacket& packet, const DecodeOptions& options, Decoded& decoded);

}  // namespace strait::probe::passive
