// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/frame.hpp"

#include <cstring>

#include "probe/tcp_packet.hpp"

namespace strait::probe::dpdk {
namespace {

constexpr std::uint16_t dont_fragment = 0x4000;
constexpr std::uint8_t echo_request = 8;
constexpr std::uint8_t echo_request_v6 = 128;

// Offsets in the packet.
constexpr std::size_t v4_length_at = 2;
constexpr std::size_t v4_checksum_at = 10;
constexpr std::size_t v4_addresses_at = 12;
constexpr std::size_t v6_length_at = 4;
constexpr std::size_t v6_addresses_at = 8;
// In what is in it.
constexpr std::size_t udp_length_at = 4;
constexpr std::size_t udp_checksum_at = 6;
constexpr std::size_t icmp_checksum_at = 2;
constexpr std::size_t icmp_sequence_at = 6;

std::uint8_t protocol_of(FlowKind kind, bool v6) {
  if (kind == FlowKind::udp) return protocol_udp;
  if (kind == FlowKind::tcp_syn) return protocol_tcp;
  return v6 ? protocol_icmpv6 : protocol_icmp;
}

// Checksums and the sums they come from are in the machine's order (RFC 1071 §2 (B)).
void put_word(std::byte* at, std::uint16_t value) { std::memcpy(at, &value, sizeof value); }

std::uint16_t network_length(std::size_t length) {
  return to_network(static_cast<std::uint16_t>(length));
}

void write_ipv4(std::span<std::byte> packet, const FrameFields& fields) {
  store<std::uint8_t>(packet, 0, 0x45);
  store<std::uint8_t>(packet, 1, static_cast<std::uint8_t>(fields.dscp << 2U));
  store<std::uint16_t>(packet, 6, dont_fragment);
  store<std::uint8_t>(packet, 8, fields.hop_limit);
  store<std::uint8_t>(packet, 9, protocol_of(fields.kind, false));
  store<std::uint32_t>(packet, v4_addresses_at, fields.source.v4());
  store<std::uint32_t>(packet, v4_addresses_at + 4, fields.destination.v4());
}

void write_ipv6(std::span<std::byte> packet, const FrameFields& fields) {
  // Version, traffic class and flow label (RFC 8200 §3).
  store<std::uint32_t>(
      packet, 0, 6U << 28U | std::uint32_t{fields.dscp} << 22U | (fields.flow_label & 0xfffffU));
  store<std::uint8_t>(packet, 6, protocol_of(fields.kind, true));
  store<std::uint8_t>(packet, 7, fields.hop_limit);
  fields.source.store_v6(packet, v6_addresses_at);
  fields.destination.store_v6(packet, v6_addresses_at + 16);
}

void write_next(std::span<std::byte> next, const FrameFields& fields, bool v6) {
  if (fields.kind != FlowKind::icmp_echo) {
    store<std::uint16_t>(next, 0, fields.source_port);
    store<std::uint16_t>(next, 2, fields.destination_port);
  } else {
    store<std::uint8_t>(next, 0, v6 ? echo_request_v6 : echo_request);
    store<std::uint16_t>(next, 4, fields.source_port);
  }
}

}  // namespace

std::uint64_t pseudo_header_sum(std::span<const std::byte> addresses, std::uint8_t protocol) {
  return octet_sum(addresses) + to_network<std::uint16_t>(protocol);
}

std::uint16_t finish_checksum(std::uint64_t sum, bool never_zero) {
  const auto value = static_cast<std::uint16_t>(~fold_sum(sum) & 0xffffU);
  return value == 0 && never_zero ? std::uint16_t{0xffff} : value;
}

std::size_t pad_frame(std::byte* frame, std::size_t length) {
  if (length >= shortest_frame) return length;
  std::memset(frame + length, 0, shortest_frame - length);
  return shortest_frame;
}

FrameTemplate::FrameTemplate(const FrameFields& fields)
    : v6_{!fields.source.is_v4()}, kind_{fields.kind} {
  const std::span<std::byte> octets{octets_};
  const std::size_t ip_at = write_link_header(octets, fields.destination_mac, fields.source_mac,
                                              fields.encapsulation, v6_ ? type_ipv6 : type_ipv4);
  const std::size_t ip_size = v6_ ? ipv6_header_size : ipv4_header_size;
  size_ = static_cast<std::uint8_t>(ip_at + ip_size + next_header_size);
  const auto ip = octets.subspan(ip_at, ip_size);
  const auto next = octets.subspan(ip_at + ip_size, next_header_size);
  if (v6_) {
    write_ipv6(ip, fields);
  } else {
    write_ipv4(ip, fields);
    ip_sum_ = fold_sum(octet_sum(ip));
  }
  write_next(next, fields, v6_);
  std::uint64_t sum = octet_sum(next);
  if (v6_) {
    sum += pseudo_header_sum(ip.subspan(v6_addresses_at), protocol_of(kind_, true));
  } else if (kind_ == FlowKind::udp) {
    sum += pseudo_header_sum(ip.subspan(v4_addresses_at), protocol_udp);
  }
  next_sum_ = fold_sum(sum);
}

void FrameTemplate::set_destination_mac(const MacAddress& mac) { store_mac(octets_, 0, mac); }

std::size_t FrameTemplate::write(std::byte* frame, std::span<const std::byte> payload,
                                 std::uint16_t sequence) const {
  if (kind_ == FlowKind::tcp_syn) {
    return write_segment(frame, load<std::uint32_t>(payload, 0), tcp_flag_syn);
  }
  // Fixed lengths are copied without a call; what is too much the payload overwrites.
  if (size_ <= 48) {
    std::memcpy(frame, octets_.data(), 48);
  } else {
    std::memcpy(frame, octets_.data(), 96);
  }
  if (!payload.empty()) std::memcpy(frame + size_, payload.data(), payload.size());
  std::byte* const next = frame + size_ - next_header_size;
  const std::uint16_t next_length = network_length(next_header_size + payload.size());
  if (v6_) {
    put_word(next - ipv6_header_size + v6_length_at, next_length);
  } else {
    std::byte* const ip = next - ipv4_header_size;
    const std::uint16_t length =
        network_length(ipv4_header_size + next_header_size + payload.size());
    put_word(ip + v4_length_at, length);
    put_word(ip + v4_checksum_at, finish_checksum(std::uint64_t{ip_sum_} + length, false));
  }

  std::uint64_t sum = next_sum_ + octet_sum(payload);
  if (kind_ == FlowKind::udp) {
    put_word(next + udp_length_at, next_length);
    sum += 2 * std::uint64_t{next_length};  // in the header and in the pseudo header
    put_word(next + udp_checksum_at, finish_checksum(sum, true));
  } else {
    const auto wire_sequence = to_network(sequence);
    put_word(next + icmp_sequence_at, wire_sequence);
    sum += wire_sequence + (v6_ ? std::uint64_t{next_length} : 0);
    put_word(next + icmp_checksum_at, finish_checksum(sum, false));
  }
  return pad_frame(frame, size_ + payload.size());
}

std::size_t FrameTemplate::write_segment(std::byte* frame, std::uint32_t sequence,
                                         std::uint8_t flags) const {
  const std::size_t at = size_ - next_header_size;
  const std::size_t size = (flags & tcp_flag_syn) != 0 ? tcp_syn_size : tcp_header_size;
  std::memcpy(frame, octets_.data(), size_);
  const std::span<std::byte> segment{frame + at, size};
  write_tcp({.source_port = load<std::uint16_t>(segment, 0),
             .destination_port = load<std::uint16_t>(segment, 2),
             .sequence = sequence,
             .acknowledgment = 0,
             .flags = flags},
            v6_, segment);
  const std::size_t ip_size = v6_ ? ipv6_header_size : ipv4_header_size;
  finish_packet({frame + at - ip_size, ip_size + size});
  return pad_frame(frame, at + size);
}

void finish_packet(std::span<std::byte> packet) {
  const bool v6 = std::to_integer<unsigned>(packet[0]) >> 4U == 6;
  const std::size_t ip_size = v6 ? ipv6_header_size : ipv4_header_size;
  const auto next = packet.subspan(ip_size);
  const std::uint16_t length = network_length(next.size());
  std::span<const std::byte> addresses;
  std::uint8_t protocol = 0;
  if (v6) {
    put_word(&packet[v6_length_at], length);
    protocol = std::to_integer<std::uint8_t>(packet[6]);
    addresses = packet.subspan(v6_addresses_at, 32);
  } else {
    put_word(&packet[v4_length_at], network_length(packet.size()));
    put_word(&packet[v4_checksum_at], 0);
    put_word(&packet[v4_checksum_at], finish_checksum(octet_sum(packet.first(ip_size)), false));
    protocol = std::to_integer<std::uint8_t>(packet[9]);
    addresses = packet.subspan(v4_addresses_at, 8);
  }
  const bool udp = protocol == protocol_udp;
  const bool tcp = protocol == protocol_tcp;
  const bool pseudo = v6 || udp || tcp;
  const std::size_t field_at = udp ? udp_checksum_at : icmp_checksum_at;
  std::byte* const field = &next[tcp ? tcp_checksum_at : field_at];
  if (udp) put_word(&next[udp_length_at], length);
  put_word(field, 0);
  const std::uint64_t head = pseudo ? pseudo_header_sum(addresses, protocol) + length : 0;
  put_word(field, finish_checksum(head + octet_sum(next), udp));
}

}  // namespace strait::probe::dpdk
