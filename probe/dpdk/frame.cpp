// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/frame.hpp"

#include <algorithm>
#include <cstring>

#include "probe/octets.hpp"

namespace strait::probe::dpdk {
namespace {

// Offsets in the frame.
constexpr std::size_t ether_type_at = 12;
constexpr std::size_t ip_at = ethernet_header_size;
constexpr std::size_t ip_length_at = ip_at + 2;
constexpr std::size_t ip_checksum_at = ip_at + 10;
constexpr std::size_t next_at = ip_at + ipv4_header_size;
constexpr std::size_t udp_length_at = next_at + 4;
constexpr std::size_t udp_checksum_at = next_at + 6;
constexpr std::size_t icmp_checksum_at = next_at + 2;
constexpr std::size_t icmp_sequence_at = next_at + 6;

constexpr std::size_t next_header_size = 8;  // UDP's and ICMP echo's
constexpr std::uint16_t type_ipv4 = 0x0800;
constexpr std::uint16_t type_arp = 0x0806;
constexpr std::uint8_t protocol_icmp = 1;
constexpr std::uint8_t protocol_udp = 17;
constexpr std::uint16_t dont_fragment = 0x4000;
constexpr std::uint16_t fragment_bits = 0x3fff;  // more fragments, and the offset
constexpr std::uint8_t echo_reply = 0;
constexpr std::uint8_t echo_request = 8;

std::uint8_t octet(std::span<const std::byte> octets, std::size_t at) {
  return std::to_integer<std::uint8_t>(octets[at]);
}

std::uint16_t checksum(std::uint64_t sum) {
  return static_cast<std::uint16_t>(~fold_sum(sum) & 0xffffU);
}

// Checksums and the sums they come from are in the machine's order (RFC 1071 §2 (B)).
void put_checksum(std::byte* at, std::uint16_t value) { std::memcpy(at, &value, sizeof value); }

// The pseudo header of RFC 768: both addresses, the protocol and the UDP length.
std::uint64_t pseudo_header_sum(std::span<const std::byte> ip, std::uint16_t length) {
  return octet_sum(ip.subspan(12, 8)) + to_network<std::uint16_t>(octet(ip, 9)) +
         to_network(length);
}

bool udp_checksum_is_good(std::span<const std::byte> ip, std::span<const std::byte> datagram) {
  std::uint16_t field = 0;
  std::memcpy(&field, datagram.data() + 6, sizeof field);
  if (field == 0) return true;  // RFC 768: the sender made none
  const auto pseudo = pseudo_header_sum(ip, static_cast<std::uint16_t>(datagram.size()));
  if (fold_sum(pseudo + octet_sum(datagram)) == 0xffff) [[likely]]
    return true;
  return field == fold_sum(pseudo);
}

void parse_udp(ParsedFrame& parsed, std::span<const std::byte> ip,
               std::span<const std::byte> datagram) {
  parsed.kind = FrameKind::truncated;
  if (datagram.size() < next_header_size) return;
  const auto length = load<std::uint16_t>(datagram, 4);
  if (length < next_header_size || length > datagram.size()) return;
  datagram = datagram.first(length);
  parsed.kind = FrameKind::bad_checksum;
  if (!udp_checksum_is_good(ip, datagram)) return;
  parsed.kind = FrameKind::udp;
  parsed.tuple = {FlowKind::udp, parsed.sender, parsed.receiver, load<std::uint16_t>(datagram, 0),
                  load<std::uint16_t>(datagram, 2)};
  parsed.payload = datagram.subspan(next_header_size);
}

// RFC 792: the error quotes the IP header and at least 8 octets of what it refused.
void parse_icmp_error(ParsedFrame& parsed, std::span<const std::byte> quoted) {
  parsed.kind = FrameKind::truncated;
  if (quoted.size() < ipv4_header_size) return;
  const std::size_t header = (octet(quoted, 0) & 0x0fU) * std::size_t{4};
  if (header < ipv4_header_size || quoted.size() < header + next_header_size) return;
  const auto next = quoted.subspan(header);
  FrameTuple tuple{FlowKind::udp, load<std::uint32_t>(quoted, 12), load<std::uint32_t>(quoted, 16),
                   load<std::uint16_t>(next, 0), load<std::uint16_t>(next, 2)};
  parsed.kind = FrameKind::other_icmp;
  if (octet(quoted, 9) == protocol_icmp && octet(next, 0) == echo_request) {
    tuple.kind = FlowKind::icmp_echo;
    tuple.source_port = load<std::uint16_t>(next, 4);
    tuple.destination_port = 0;
    parsed.sequence = load<std::uint16_t>(next, 6);
  } else if (octet(quoted, 9) != protocol_udp) {
    return;
  }
  parsed.kind = FrameKind::icmp_error;
  parsed.tuple = tuple;
}

void parse_icmp(ParsedFrame& parsed, std::span<const std::byte> message) {
  parsed.kind = FrameKind::truncated;
  if (message.size() < next_header_size) return;
  parsed.kind = FrameKind::bad_checksum;
  if (fold_sum(octet_sum(message)) != 0xffff) return;
  parsed.icmp_type = octet(message, 0);
  parsed.icmp_code = octet(message, 1);
  switch (parsed.icmp_type) {
    case echo_reply:
    case echo_request:
      parsed.kind = parsed.icmp_type == echo_reply ? FrameKind::icmp_echo_reply
                                                   : FrameKind::icmp_echo_request;
      parsed.tuple = {FlowKind::icmp_echo, parsed.sender, parsed.receiver, 0,
                      load<std::uint16_t>(message, 4)};
      parsed.sequence = load<std::uint16_t>(message, 6);
      parsed.payload = message.subspan(next_header_size);
      return;
    case 3:   // destination unreachable
    case 11:  // time exceeded
    case 12:  // parameter problem
      parse_icmp_error(parsed, message.subspan(next_header_size));
      return;
    default:
      parsed.kind = FrameKind::other_icmp;
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
  parsed.sender = load<std::uint32_t>(packet, 12);
  parsed.receiver = load<std::uint32_t>(packet, 16);
  const auto next = packet.subspan(header);
  switch (octet(packet, 9)) {
    case protocol_udp:
      parse_udp(parsed, packet.first(header), next);
      return;
    case protocol_icmp:
      parse_icmp(parsed, next);
      return;
    default:
      parsed.kind = FrameKind::other_protocol;
  }
}

}  // namespace

FrameTemplate::FrameTemplate(const FrameFields& fields) : kind_{fields.kind} {
  const std::span<std::byte> octets{octets_};
  std::memcpy(octets_.data(), fields.destination_mac.octets.data(), 6);
  std::memcpy(octets_.data() + 6, fields.source_mac.octets.data(), 6);
  store<std::uint16_t>(octets, ether_type_at, type_ipv4);
  store<std::uint8_t>(octets, ip_at, 0x45);
  store<std::uint8_t>(octets, ip_at + 1, static_cast<std::uint8_t>(fields.dscp << 2U));
  store<std::uint16_t>(octets, ip_at + 6, dont_fragment);
  store<std::uint8_t>(octets, ip_at + 8, fields.hop_limit);
  store<std::uint8_t>(octets, ip_at + 9, kind_ == FlowKind::udp ? protocol_udp : protocol_icmp);
  store<std::uint32_t>(octets, ip_at + 12, fields.source.to_uint());
  store<std::uint32_t>(octets, ip_at + 16, fields.destination.to_uint());
  if (kind_ == FlowKind::udp) {
    store<std::uint16_t>(octets, next_at, fields.source_port);
    store<std::uint16_t>(octets, next_at + 2, fields.destination_port);
  } else {
    store<std::uint8_t>(octets, next_at, echo_request);
    store<std::uint16_t>(octets, next_at + 4, fields.source_port);
  }
  const auto ip = std::span<const std::byte>{octets_}.subspan(ip_at, ipv4_header_size);
  const auto next = std::span<const std::byte>{octets_}.subspan(next_at);
  ip_sum_ = fold_sum(octet_sum(ip));
  next_sum_ = fold_sum(octet_sum(next) + (kind_ == FlowKind::udp ? pseudo_header_sum(ip, 0) : 0));
}

void FrameTemplate::set_destination_mac(const MacAddress& mac) {
  std::memcpy(octets_.data(), mac.octets.data(), mac.octets.size());
}

std::size_t FrameTemplate::write(std::byte* frame, std::span<const std::byte> payload,
                                 std::uint16_t sequence) const {
  std::memcpy(frame, octets_.data(), headers_size);
  if (!payload.empty()) std::memcpy(frame + headers_size, payload.data(), payload.size());
  const auto next_length =
      to_network(static_cast<std::uint16_t>(next_header_size + payload.size()));
  const auto ip_length =
      to_network(static_cast<std::uint16_t>(ipv4_header_size + next_header_size + payload.size()));
  std::memcpy(frame + ip_length_at, &ip_length, sizeof ip_length);
  put_checksum(frame + ip_checksum_at, checksum(std::uint64_t{ip_sum_} + ip_length));

  std::uint64_t sum = next_sum_ + octet_sum(payload);
  if (kind_ == FlowKind::udp) {
    std::memcpy(frame + udp_length_at, &next_length, sizeof next_length);
    sum += 2 * std::uint64_t{next_length};  // in the header and in the pseudo header
    const std::uint16_t value = checksum(sum);
    put_checksum(frame + udp_checksum_at, value == 0 ? 0xffff : value);  // RFC 768
  } else {
    const auto wire_sequence = to_network(sequence);
    std::memcpy(frame + icmp_sequence_at, &wire_sequence, sizeof wire_sequence);
    put_checksum(frame + icmp_checksum_at, checksum(sum + wire_sequence));
  }
  const std::size_t length = headers_size + payload.size();
  if (length >= shortest_frame) return length;
  std::memset(frame + length, 0, shortest_frame - length);
  return shortest_frame;
}

std::string_view to_string(FrameKind kind) {
  switch (kind) {
    case FrameKind::udp:
      return "udp";
    case FrameKind::icmp_echo_request:
      return "icmp-echo-request";
    case FrameKind::icmp_echo_reply:
      return "icmp-echo-reply";
    case FrameKind::icmp_error:
      return "icmp-error";
    case FrameKind::arp:
      return "arp";
    case FrameKind::truncated:
      return "truncated";
    case FrameKind::not_ipv4:
      return "not-ipv4";
    case FrameKind::bad_ip_header:
      return "bad-ip-header";
    case FrameKind::bad_ip_checksum:
      return "bad-ip-checksum";
    case FrameKind::fragment:
      return "fragment";
    case FrameKind::other_protocol:
      return "other-protocol";
    case FrameKind::other_icmp:
      return "other-icmp";
    case FrameKind::bad_checksum:
      return "bad-checksum";
  }
  return "unknown";
}

std::size_t turn_around(std::byte* frame, std::size_t size) {
  std::swap_ranges(frame, frame + 6, frame + 6);
  std::swap_ranges(frame + ip_at + 12, frame + ip_at + 16, frame + ip_at + 16);
  const std::span octets{frame, headers_size + size};
  const auto ip = octets.subspan(ip_at, ipv4_header_size);
  const auto next = octets.subspan(next_at);
  store<std::uint16_t>(ip, 2, static_cast<std::uint16_t>(octets.size() - ip_at));
  store<std::uint8_t>(ip, 8, 255);
  put_checksum(frame + ip_checksum_at, 0);
  put_checksum(frame + ip_checksum_at, checksum(octet_sum(ip)));
  if (octet(ip, 9) == protocol_udp) {
    std::swap_ranges(frame + next_at, frame + next_at + 2, frame + next_at + 2);
    const auto length = static_cast<std::uint16_t>(next.size());
    store<std::uint16_t>(next, 4, length);
    put_checksum(frame + udp_checksum_at, 0);
    const std::uint16_t value = checksum(pseudo_header_sum(ip, length) + octet_sum(next));
    put_checksum(frame + udp_checksum_at, value == 0 ? 0xffff : value);
  } else {
    store<std::uint8_t>(next, 0, echo_reply);
    put_checksum(frame + icmp_checksum_at, 0);
    put_checksum(frame + icmp_checksum_at, checksum(octet_sum(next)));
  }
  if (octets.size() >= shortest_frame) return octets.size();
  std::memset(frame + octets.size(), 0, shortest_frame - octets.size());
  return shortest_frame;
}

ParsedFrame parse_frame(std::span<const std::byte> frame) {
  ParsedFrame parsed;
  if (frame.size() < ethernet_header_size) return parsed;
  switch (load<std::uint16_t>(frame, ether_type_at)) {
    case type_ipv4:
      parse_ipv4(parsed, frame.subspan(ip_at));
      return parsed;
    case type_arp:
      parsed.kind = FrameKind::arp;
      return parsed;
    default:
      parsed.kind = FrameKind::not_ipv4;
      return parsed;
  }
}

}  // namespace strait::probe::dpdk
