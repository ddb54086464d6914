// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/parse.hpp"

#include <algorithm>
#include <cstring>

#include "probe/dpdk/frame.hpp"
#include "probe/tcp_packet.hpp"

namespace strait::probe::dpdk {
namespace {

constexpr std::uint16_t fragment_bits = 0x3fff;  // more fragments, and the offset
constexpr std::uint8_t echo_reply = 0;
constexpr std::uint8_t echo_request = 8;
constexpr std::uint8_t echo_request_v6 = 128;
constexpr std::uint8_t echo_reply_v6 = 129;
constexpr std::uint8_t unreachable = 3;
constexpr std::uint8_t fragmentation_needed = 4;  // its code
constexpr std::uint8_t packet_too_big = 2;        // ICMPv6
constexpr std::uint8_t neighbor_solicitation = 135;
constexpr std::uint8_t neighbor_advertisement = 136;

// Extension headers (RFC 8200 §4).
constexpr std::uint8_t hop_by_hop = 0;
constexpr std::uint8_t routing = 43;
constexpr std::uint8_t fragment_header = 44;
constexpr std::uint8_t destination_options = 60;
constexpr int most_extensions = 8;

// An IP packet cut to its length, and what stands in it.
struct Packet {
  std::span<const std::byte> addresses;  // both
  std::span<const std::byte> next;
  std::uint8_t protocol = 0;
  bool v6 = false;
};

std::uint8_t octet(std::span<const std::byte> octets, std::size_t at) {
  return std::to_integer<std::uint8_t>(octets[at]);
}

std::uint64_t pseudo_sum(const Packet& packet, std::size_t length) {
  return pseudo_header_sum(packet.addresses, packet.protocol) +
         to_network(static_cast<std::uint16_t>(length));
}

// Right, or as Linux leaves it to hardware.
bool checksum_is_good(const Packet& packet, std::span<const std::byte> octets,
                      std::uint16_t field) {
  const auto pseudo = pseudo_sum(packet, octets.size());
  if (fold_sum(pseudo + octet_sum(octets)) == 0xffff) [[likely]]
    return true;
  return field == fold_sum(pseudo);
}

bool udp_checksum_is_good(const Packet& packet, std::span<const std::byte> datagram) {
  const auto field = load_as_is<std::uint16_t>(datagram.data() + 6);
  // The sender made none: IPv4 allows that (RFC 768), IPv6 does not (RFC 8200 §8.1).
  if (field == 0) return !packet.v6;
  return checksum_is_good(packet, datagram, field);
}

// Field by field: a tuple that is made elsewhere and copied waits for its own stores.
void set_tuple(ParsedFrame& parsed, FlowKind kind, std::uint16_t source_port,
               std::uint16_t destination_port) {
  parsed.tuple.kind = kind;
  parsed.tuple.source.high = parsed.sender.high;
  parsed.tuple.source.low = parsed.sender.low;
  parsed.tuple.destination.high = parsed.receiver.high;
  parsed.tuple.destination.low = parsed.receiver.low;
  parsed.tuple.source_port = source_port;
  parsed.tuple.destination_port = destination_port;
}

void parse_udp(ParsedFrame& parsed, const Packet& packet) {
  auto datagram = packet.next;
  parsed.kind = FrameKind::truncated;
  if (datagram.size() < next_header_size) return;
  const auto length = load<std::uint16_t>(datagram, 4);
  if (length < next_header_size || length > datagram.size()) return;
  datagram = datagram.first(length);
  parsed.kind = FrameKind::bad_checksum;
  if (!udp_checksum_is_good(packet, datagram)) return;
  parsed.kind = FrameKind::udp;
  set_tuple(parsed, FlowKind::udp, load<std::uint16_t>(datagram, 0),
            load<std::uint16_t>(datagram, 2));
  parsed.payload = datagram.subspan(next_header_size);
}

void parse_tcp(ParsedFrame& parsed, const Packet& packet) {
  const auto octets = packet.next;
  parsed.kind = FrameKind::truncated;
  const auto segment = read_tcp(octets);
  if (!segment) return;
  parsed.kind = FrameKind::bad_checksum;
  const auto field = load_as_is<std::uint16_t>(octets.data() + tcp_checksum_at);
  if (!checksum_is_good(packet, octets, field)) return;
  parsed.kind = FrameKind::other_tcp;
  if ((segment->flags & tcp_flag_ack) == 0) return;
  parsed.kind = FrameKind::tcp;
  parsed.tcp_flags = segment->flags;
  set_tuple(parsed, FlowKind::tcp_syn, segment->source_port, segment->destination_port);
  parsed.payload = octets.subspan(tcp_acknowledgment_at, tcp_probe_size);
}

// RFC 792 and RFC 4443 §3: the error quotes the IP header and at least 8 octets of what it refused.
void parse_quoted(ParsedFrame& parsed, std::span<const std::byte> quoted) {
  parsed.kind = FrameKind::truncated;
  const std::size_t shortest = parsed.v6 ? ipv6_header_size : ipv4_header_size;
  if (quoted.size() < shortest) return;
  const std::size_t header =
      parsed.v6 ? ipv6_header_size : (octet(quoted, 0) & 0x0fU) * std::size_t{4};
  if (header < shortest || quoted.size() < header + next_header_size) return;
  const std::uint8_t protocol = octet(quoted, parsed.v6 ? 6 : 9);
  const auto next = quoted.subspan(header);
  FrameTuple tuple{FlowKind::udp,
                   parsed.v6 ? WireAddress::v6_at(quoted, 8) : WireAddress::v4_at(quoted, 12),
                   parsed.v6 ? WireAddress::v6_at(quoted, 24) : WireAddress::v4_at(quoted, 16),
                   load<std::uint16_t>(next, 0), load<std::uint16_t>(next, 2)};
  parsed.kind = FrameKind::other_icmp;
  const bool echo = parsed.v6 ? protocol == protocol_icmpv6 && octet(next, 0) == echo_request_v6
                              : protocol == protocol_icmp && octet(next, 0) == echo_request;
  if (echo) {
    tuple.kind = FlowKind::icmp_echo;
    tuple.source_port = load<std::uint16_t>(next, 4);
    tuple.destination_port = 0;
    parsed.sequence = load<std::uint16_t>(next, 6);
  } else if (protocol == protocol_tcp) {
    tuple.kind = FlowKind::tcp_syn;
  } else if (protocol != protocol_udp) {
    return;
  }
  parsed.kind = FrameKind::icmp_error;
  parsed.tuple = tuple;
  constexpr std::size_t ports_size = 4;
  parsed.payload = next.subspan(protocol == protocol_tcp ? ports_size : next_header_size);
}

void parse_echo(ParsedFrame& parsed, std::span<const std::byte> message, bool reply) {
  parsed.kind = reply ? FrameKind::icmp_echo_reply : FrameKind::icmp_echo_request;
  set_tuple(parsed, FlowKind::icmp_echo, 0, load<std::uint16_t>(message, 4));
  parsed.sequence = load<std::uint16_t>(message, 6);
  parsed.payload = message.subspan(next_header_size);
}

// What the next link takes, as "fragmentation needed" (RFC 1191 §4) or "packet too big" (RFC 4443
// §3.2) says; 0: another error, or a router that does not know how to say it.
std::uint32_t next_hop_mtu(bool v6, std::span<const std::byte> message) {
  if (v6) {
    return octet(message, 0) == packet_too_big ? load<std::uint32_t>(message, 4) : 0;
  }
  const bool needed = octet(message, 0) == unreachable && octet(message, 1) == fragmentation_needed;
  return needed ? load<std::uint16_t>(message, 6) : 0;
}

void parse_icmp(ParsedFrame& parsed, const Packet& packet) {
  const auto message = packet.next;
  parsed.kind = FrameKind::truncated;
  if (message.size() < next_header_size) return;
  parsed.kind = FrameKind::bad_checksum;
  const std::uint64_t pseudo = packet.v6 ? pseudo_sum(packet, message.size()) : 0;
  if (fold_sum(pseudo + octet_sum(message)) != 0xffff) return;
  parsed.icmp_type = octet(message, 0);
  parsed.icmp_code = octet(message, 1);
  const bool reply = parsed.icmp_type == (packet.v6 ? echo_reply_v6 : echo_reply);
  if (reply || parsed.icmp_type == (packet.v6 ? echo_request_v6 : echo_request)) {
    parse_echo(parsed, message, reply);
    return;
  }
  // Unreachable, time exceeded, parameter problem; of ICMPv6 also packet too big.
  const bool error =
      packet.v6 ? parsed.icmp_type >= 1 && parsed.icmp_type <= 4
                : parsed.icmp_type == 3 || parsed.icmp_type == 11 || parsed.icmp_type == 12;
  if (error) {
    parsed.icmp_mtu = next_hop_mtu(packet.v6, message);
    parse_quoted(parsed, message.subspan(next_header_size));
    return;
  }
  parsed.kind = FrameKind::other_icmp;
  const bool neighbor = packet.v6 && (parsed.icmp_type == neighbor_solicitation ||
                                      parsed.icmp_type == neighbor_advertisement);
  // A hop limit of 255 proves that it comes from this link; the code is 0 (RFC 4861 §7.1).
  if (neighbor && parsed.hop_limit == 255 && parsed.icmp_code == 0) {
    parsed.kind = FrameKind::neighbor;
    parsed.payload = message;
  }
}

void parse_next(ParsedFrame& parsed, const Packet& packet) {
  if (packet.protocol == protocol_udp) {
    parse_udp(parsed, packet);
  } else if (packet.protocol == protocol_tcp) {
    parse_tcp(parsed, packet);
  } else if (packet.protocol == (packet.v6 ? protocol_icmpv6 : protocol_icmp)) {
    parse_icmp(parsed, packet);
  } else {
    parsed.kind = FrameKind::other_protocol;
  }
}

void parse_ipv4(ParsedFrame& parsed, std::span<const std::byte> packet) {
  if (packet.size() < ipv4_header_size) return;
  const std::size_t header = (octet(packet, 0) & 0x0fU) * std::size_t{4};
  const auto length = load<std::uint16_t>(packet, 2);
  parsed.kind = FrameKind::bad_ip_header;
  if (octet(packet, 0) >> 4U != 4 || header < ipv4_header_size || length < header) return;
  parsed.kind = FrameKind::truncated;
  if (length > packet.size()) return;
  packet = packet.first(length);  // what follows is Ethernet padding
  parsed.kind = FrameKind::bad_ip_checksum;
  if (fold_sum(octet_sum(packet.first(header))) != 0xffff) return;
  parsed.kind = FrameKind::fragment;
  if ((load<std::uint16_t>(packet, 6) & fragment_bits) != 0) return;

  parsed.dscp_ecn = octet(packet, 1);
  parsed.hop_limit = octet(packet, 8);
  parsed.sender = WireAddress::v4_at(packet, 12);
  parsed.receiver = WireAddress::v4_at(packet, 16);
  parse_next(parsed, {packet.subspan(12, 8), packet.subspan(header), octet(packet, 9), false});
}

// Steps over extension headers (RFC 8200 §4). Returns false when that ends the matter, with the
// reason in `parsed.kind`.
bool skip_extensions(ParsedFrame& parsed, Packet& packet) {
  for (int i = 0; i < most_extensions; ++i) {
    const bool fragment = packet.protocol == fragment_header;
    if (!fragment && packet.protocol != hop_by_hop && packet.protocol != routing &&
        packet.protocol != destination_options) {
      return true;
    }
    parsed.kind = FrameKind::truncated;
    if (packet.next.size() < 8) return false;
    const std::size_t size = fragment ? 8 : 8 * (std::size_t{octet(packet.next, 1)} + 1);
    if (packet.next.size() < size) return false;
    parsed.kind = FrameKind::fragment;
    // One that is the whole packet is called atomic and is fine (RFC 6946).
    if (fragment && (load<std::uint16_t>(packet.next, 2) & 0xfff9U) != 0) return false;
    packet.protocol = octet(packet.next, 0);
    packet.next = packet.next.subspan(size);
  }
  parsed.kind = FrameKind::other_protocol;
  return false;
}

void parse_ipv6(ParsedFrame& parsed, std::span<const std::byte> octets) {
  parsed.v6 = true;
  if (octets.size() < ipv6_header_size) return;
  const auto head = load<std::uint32_t>(octets, 0);
  const auto length = load<std::uint16_t>(octets, 4);
  parsed.kind = FrameKind::bad_ip_header;
  parsed.sender = WireAddress::v6_at(octets, 8);
  parsed.receiver = WireAddress::v6_at(octets, 24);
  if (head >> 28U != 6 || parsed.sender.is_v4() || parsed.receiver.is_v4()) return;
  parsed.kind = FrameKind::truncated;
  if (octets.size() < ipv6_header_size + length) return;
  parsed.dscp_ecn = static_cast<std::uint8_t>(head >> 20U & 0xffU);
  parsed.hop_limit = octet(octets, 7);
  Packet packet{octets.subspan(8, 32), octets.subspan(ipv6_header_size, length), octet(octets, 6),
                true};
  if (skip_extensions(parsed, packet)) parse_next(parsed, packet);
}

FrameKind kind_of(LinkProblem problem) {
  if (problem == LinkProblem::too_many_tags) return FrameKind::too_many_tags;
  return problem == LinkProblem::bad_labels ? FrameKind::bad_labels : FrameKind::truncated;
}

}  // namespace

std::string_view to_string(FrameKind kind) {
  constexpr std::array<std::string_view, frame_kinds> names{
      "udp",        "icmp-echo-request", "icmp-echo-reply", "icmp-error", "arp",
      "tcp",        "neighbor",          "truncated",       "not-ip",     "too-many-tags",
      "bad-labels", "bad-ip-header",     "bad-ip-checksum", "fragment",   "other-protocol",
      "other-icmp", "other-tcp",         "bad-checksum"};
  return names[static_cast<std::size_t>(kind)];
}

ParsedFrame parse_frame(std::span<const std::byte> frame) {
  ParsedFrame parsed;
  read_link_header(frame, parsed.link);
  if (parsed.link.problem != LinkProblem::none) {
    parsed.kind = kind_of(parsed.link.problem);
    return parsed;
  }
  const auto packet = frame.subspan(parsed.link.size);
  switch (parsed.link.type) {
    case type_ipv4:
      parse_ipv4(parsed, packet);
      return parsed;
    case type_ipv6:
      parse_ipv6(parsed, packet);
      return parsed;
    case type_arp:
      parsed.kind = FrameKind::arp;
      return parsed;
    default:
      parsed.kind = FrameKind::not_ip;
      return parsed;
  }
}

std::span<std::byte> turn_around(std::span<std::byte> frame, const ParsedFrame& request,
                                 std::size_t size) {
  const LinkHeader& link = request.link;
  const std::size_t ip_size = request.v6 ? ipv6_header_size : ipv4_header_size;
  const std::size_t payload_at = link.size + ip_size + next_header_size;
  if (request.payload.data() != frame.data() + payload_at) return {};

  const std::size_t labels = link.labels * label_size;
  if (labels > 0) {
    std::memmove(frame.data() + labels, frame.data(), link.size - labels - 2);
    frame = frame.subspan(labels);
    store<std::uint16_t>(frame, link.size - labels - 2, link.type);
  }
  const std::size_t ip_at = link.size - labels;
  std::swap_ranges(frame.data(), frame.data() + 6, frame.data() + 6);
  const auto packet = frame.subspan(ip_at, ip_size + next_header_size + size);
  const std::size_t address_size = request.v6 ? 16 : 4;
  std::byte* const addresses = packet.data() + (request.v6 ? 8 : 12);
  std::swap_ranges(addresses, addresses + address_size, addresses + address_size);
  store<std::uint8_t>(packet, request.v6 ? 7 : 8, 255);
  const auto next = packet.subspan(ip_size);
  if (request.kind == FrameKind::udp) {
    std::swap_ranges(next.data(), next.data() + 2, next.data() + 2);
  } else {
    store<std::uint8_t>(next, 0, request.v6 ? echo_reply_v6 : echo_reply);
  }
  finish_packet(packet);
  const std::size_t length = ip_at + packet.size();
  return {frame.data(), pad_frame(frame.data(), length)};
}

}  // namespace strait::probe::dpdk
