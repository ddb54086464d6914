// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/neighbor_discovery.hpp"

#include <algorithm>
#include <cstring>

#include "probe/dpdk/frame.hpp"

namespace strait::probe::dpdk {
namespace {

constexpr std::uint8_t solicitation = 135;
constexpr std::uint8_t advertisement = 136;
constexpr std::uint8_t listener_report = 143;
constexpr std::size_t message_size = 24;  // without options
constexpr std::size_t link_option_size = 8;
constexpr std::uint8_t source_link_address = 1;
constexpr std::uint8_t target_link_address = 2;
constexpr std::uint32_t solicited_flag = 0x40000000;
constexpr std::uint32_t override_flag = 0x20000000;
const WireAddress listener_routers{0xff02'0000'0000'0000, 0x16};  // RFC 3810 §5.2.14

std::span<std::byte> begin_packet(std::span<std::byte> packet, const WireAddress& source,
                                  const WireAddress& destination, std::uint8_t next,
                                  std::uint8_t hop_limit) {
  std::ranges::fill(packet, std::byte{0});
  store<std::uint32_t>(packet, 0, 6U << 28U);
  store<std::uint8_t>(packet, 6, next);
  store<std::uint8_t>(packet, 7, hop_limit);
  source.store_v6(packet, 8);
  destination.store_v6(packet, 24);
  return packet.subspan(ipv6_header_size);
}

bool is_solicited_node(const WireAddress& address) {
  return address.high == 0xff02'0000'0000'0000 && address.low >> 24U == 0x1ff;
}

// The rules that look at the whole message (RFC 4861 §7.1.1 and §7.1.2).
bool is_valid(const NeighborMessage& message) {
  if (message.target.is_multicast()) return false;
  if (message.advertisement) return !(message.destination.is_multicast() && message.solicited);
  const bool nobody = message.source.high == 0 && message.source.low == 0;
  return !nobody || (is_solicited_node(message.destination) && !message.link_address);
}

}  // namespace

WireAddress solicited_node(const WireAddress& address) {
  return {0xff02'0000'0000'0000, 0x1'ff00'0000 | (address.low & 0xffffffU)};
}

MacAddress multicast_mac(const WireAddress& group) {
  const auto octet = [&](unsigned shift) {
    return static_cast<std::uint8_t>(group.low >> shift & 0xffU);
  };
  return {{0x33, 0x33, octet(24), octet(16), octet(8), octet(0)}};
}

WireAddress link_local(const MacAddress& mac) {
  std::uint64_t id = 0;
  for (const std::uint8_t octet :
       {mac.octets[0], mac.octets[1], mac.octets[2], std::uint8_t{0xff}, std::uint8_t{0xfe},
        mac.octets[3], mac.octets[4], mac.octets[5]}) {
    id = id << 8U | octet;
  }
  return {0xfe80'0000'0000'0000, id ^ 0x0200'0000'0000'0000};
}

namespace {

// Takes the link-layer address out of the options. False: they are malformed (RFC 4861 §6.1).
bool read_options(std::span<const std::byte> options, std::uint8_t wanted,
                  std::optional<MacAddress>& link_address) {
  while (!options.empty()) {
    if (options.size() < 2) return false;
    const std::size_t size = 8 * std::to_integer<std::size_t>(options[1]);
    if (size == 0 || size > options.size()) return false;
    if (std::to_integer<std::uint8_t>(options[0]) == wanted && size == link_option_size) {
      const MacAddress mac = load_mac(options, 2);
      if (!is_station(mac)) return false;
      link_address = mac;
    }
    options = options.subspan(size);
  }
  return true;
}

}  // namespace

std::optional<NeighborMessage> read_neighbor(const ParsedFrame& parsed) {
  const auto octets = parsed.payload;
  if (parsed.kind != FrameKind::neighbor || octets.size() < message_size) return std::nullopt;
  NeighborMessage message;
  message.advertisement = parsed.icmp_type == advertisement;
  message.source = parsed.sender;
  message.destination = parsed.receiver;
  message.target = WireAddress::v6_at(octets, 8);
  const auto flags = load<std::uint32_t>(octets, 4);
  message.solicited = (flags & solicited_flag) != 0;
  message.override = !message.advertisement || (flags & override_flag) != 0;
  const std::uint8_t wanted = message.advertisement ? target_link_address : source_link_address;
  if (!read_options(octets.subspan(message_size), wanted, message.link_address) ||
      !is_valid(message)) {
    return std::nullopt;
  }
  return message;
}

std::size_t write_neighbor(const NeighborMessage& message, const MacAddress& to,
                           const MacAddress& from, const Encapsulation& encapsulation,
                           std::span<std::byte> frame) {
  const Encapsulation tags_only{encapsulation.vlan,
                                encapsulation.stacked_ctags,
                                {},
                                encapsulation.priority,
                                encapsulation.ttl};
  const std::size_t at = write_link_header(frame, to, from, tags_only, type_ipv6);
  const std::size_t size =
      ipv6_header_size + message_size + (message.link_address ? link_option_size : 0);
  const auto packet = frame.subspan(at, size);
  const auto body = begin_packet(packet, message.source, message.destination, protocol_icmpv6, 255);
  store<std::uint8_t>(body, 0, message.advertisement ? advertisement : solicitation);
  if (message.advertisement) {
    store<std::uint32_t>(
        body, 4, (message.solicited ? solicited_flag : 0) | (message.override ? override_flag : 0));
  }
  message.target.store_v6(body, 8);
  if (message.link_address) {
    const auto option = body.subspan(message_size);
    store<std::uint8_t>(option, 0,
                        message.advertisement ? target_link_address : source_link_address);
    store<std::uint8_t>(option, 1, 1);  // in units of 8 octets
    store_mac(option, 2, *message.link_address);
  }
  finish_packet(packet);
  return pad_frame(frame.data(), at + size);
}

std::size_t write_listener_report(const WireAddress& address, const MacAddress& from,
                                  const Encapsulation& encapsulation, std::span<std::byte> frame) {
  constexpr std::size_t hop_by_hop_size = 8;
  constexpr std::size_t report_size = 8 + 20;
  const Encapsulation tags_only{encapsulation.vlan, encapsulation.stacked_ctags, {}, 0, 255};
  const std::size_t at =
      write_link_header(frame, multicast_mac(listener_routers), from, tags_only, type_ipv6);
  const auto packet = frame.subspan(at, ipv6_header_size + hop_by_hop_size + report_size);
  const auto options = begin_packet(packet, link_local(from), listener_routers, 0, 1);
  // Hop-by-hop: next header ICMPv6, Router Alert for MLD (RFC 2711), two octets of padding (PadN).
  store<std::uint64_t>(options, 0, 0x3a00'0502'0000'0100);
  const auto report = options.subspan(hop_by_hop_size);
  store<std::uint8_t>(report, 0, listener_report);
  store<std::uint16_t>(report, 6, 1);  // one record
  store<std::uint8_t>(report, 8, 4);   // CHANGE_TO_EXCLUDE_MODE of no source: join
  solicited_node(address).store_v6(report, 12);
  store<std::uint16_t>(packet, 4, static_cast<std::uint16_t>(hop_by_hop_size + report_size));
  const auto sum = pseudo_header_sum(packet.subspan(8, 32), protocol_icmpv6) +
                   to_network(static_cast<std::uint16_t>(report_size)) + octet_sum(report);
  const std::uint16_t checksum = finish_checksum(sum, false);
  std::memcpy(report.data() + 2, &checksum, sizeof checksum);
  return pad_frame(frame.data(), at + packet.size());
}

}  // namespace strait::probe::dpdk
