// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/arp.hpp"

#include "probe/dpdk/frame.hpp"

namespace strait::probe::dpdk {
namespace {

constexpr std::size_t arp_size = 28;
// Hardware Ethernet (1), protocol IPv4 (0x0800), lengths 6 and 4.
constexpr std::uint64_t ethernet_ipv4 = 0x000108000604;
static_assert(ethernet_header_size + most_tags * tag_size + arp_size <= longest_arp_frame);

}  // namespace

std::optional<ArpMessage> read_arp(std::span<const std::byte> frame, const LinkHeader& link) {
  if (link.type != type_arp || frame.size() < link.size + arp_size) return std::nullopt;
  const auto arp = frame.subspan(link.size);
  const auto head = load<std::uint64_t>(arp, 0);
  if (head >> 16U != ethernet_ipv4) return std::nullopt;
  const auto operation = static_cast<std::uint16_t>(head & 0xffffU);
  if (operation != 1 && operation != 2) return std::nullopt;
  const ArpMessage message{static_cast<ArpOperation>(operation), load_mac(arp, 8),
                           Ipv4{load<std::uint32_t>(arp, 14)}, load_mac(arp, 18),
                           Ipv4{load<std::uint32_t>(arp, 24)}};
  if (!is_station(message.sender_mac)) return std::nullopt;
  return std::optional{message};
}

std::size_t write_arp(const ArpMessage& message, const MacAddress& to,
                      const Encapsulation& encapsulation, std::span<std::byte> frame) {
  const std::size_t at = write_link_header(frame, to, message.sender_mac, encapsulation, type_arp);
  const auto arp = frame.subspan(at, arp_size);
  store<std::uint64_t>(arp, 0,
                       ethernet_ipv4 << 16U | static_cast<std::uint16_t>(message.operation));
  store_mac(arp, 8, message.sender_mac);
  store<std::uint32_t>(arp, 14, message.sender.to_uint());
  store_mac(arp, 18, message.target_mac);
  store<std::uint32_t>(arp, 24, message.target.to_uint());
  return pad_frame(frame.data(), at + arp_size);
}

ArpMessage arp_probe(const MacAddress& mac, const Ipv4& address) {
  return {ArpOperation::request, mac, Ipv4{}, {}, address};
}

ArpMessage arp_announcement(const MacAddress& mac, const Ipv4& address) {
  return {ArpOperation::request, mac, address, {}, address};
}

}  // namespace strait::probe::dpdk
