// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/frame.hpp"

#include <algorithm>
#include <array>

namespace strait::lab {
namespace {

constexpr std::size_t ethernet_header = 14;
constexpr std::size_t ipv4_header = 20;
constexpr std::size_t ipv6_header = 40;

unsigned octet(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<unsigned>(bytes[at]);
}

template <class Ip, std::size_t size>
Address address_at(std::span<const std::byte> packet, std::size_t at) {
  std::array<unsigned char, size> bytes{};
  std::ranges::transform(packet.subspan(at, size), bytes.begin(),
                         [](std::byte b) { return std::to_integer<unsigned char>(b); });
  return Ip{bytes};
}

std::optional<Address> far_v4(std::span<const std::byte> packet, Direction direction) {
  if (packet.size() < ipv4_header) return std::nullopt;
  auto far =
      address_at<boost::asio::ip::address_v4, 4>(packet, direction == Direction::out ? 16 : 12);
  if (far.is_multicast()) return std::nullopt;
  return far;
}

// ICMPv6 133 to 137 (RFC 4861), or a hop-by-hop header, which carries MLD (RFC 2710).
bool speaks_to_the_link(std::span<const std::byte> packet) {
  const unsigned next = octet(packet, 6);
  if (next == 0) return true;
  if (next != 58 || packet.size() <= ipv6_header) return false;
  const unsigned type = octet(packet, ipv6_header);
  return type >= 133 && type <= 137;
}

std::optional<Address> far_v6(std::span<const std::byte> packet, Direction direction) {
  if (packet.size() < ipv6_header || speaks_to_the_link(packet)) return std::nullopt;
  auto far =
      address_at<boost::asio::ip::address_v6, 16>(packet, direction == Direction::out ? 24 : 8);
  if (far.is_multicast() || far.to_v6().is_link_local()) return std::nullopt;
  return far;
}

// RFC 791: of the header, with 0 in its own place.
void make_checksum(std::span<std::byte> header) {
  header[10] = header[11] = std::byte{0};
  unsigned sum = 0;
  for (std::size_t at = 0; at < header.size(); at += 2) {
    sum += octet(header, at) << 8U | octet(header, at + 1);
  }
  sum = (sum & 0xffffU) + (sum >> 16U);
  sum += sum >> 16U;
  header[10] = static_cast<std::byte>(~sum >> 8U & 0xffU);
  header[11] = static_cast<std::byte>(~sum & 0xffU);
}

}  // namespace

std::optional<Address> far_address(std::span<const std::byte> frame, Direction direction) {
  if (frame.size() < ethernet_header) return std::nullopt;
  const unsigned ether_type = octet(frame, 12) << 8U | octet(frame, 13);
  const auto packet = frame.subspan(ethernet_header);
  if (ether_type == 0x0800) return far_v4(packet, direction);
  if (ether_type == 0x86dd) return far_v6(packet, direction);
  return std::nullopt;
}

void remark(std::span<std::byte> frame, std::uint8_t dscp) {
  if (frame.size() < ethernet_header + ipv4_header) return;
  const unsigned ether_type = octet(frame, 12) << 8U | octet(frame, 13);
  const auto packet = frame.subspan(ethernet_header);
  if (ether_type == 0x0800) {
    packet[1] = static_cast<std::byte>(unsigned{dscp} << 2U | (octet(packet, 1) & 3U));
    const std::size_t header = 4 * (octet(packet, 0) & 0x0fU);
    if (header >= ipv4_header && header <= packet.size()) make_checksum(packet.first(header));
  } else if (ether_type == 0x86dd) {
    packet[0] = static_cast<std::byte>(0x60U | dscp >> 2U);
    packet[1] = static_cast<std::byte>((unsigned{dscp} & 3U) << 6U | (octet(packet, 1) & 0x3fU));
  }
}

bool is_even_flow(std::span<const std::byte> frame) {
  if (frame.size() < ethernet_header + ipv4_header) return false;
  const auto packet = frame.subspan(ethernet_header);
  const bool v6 = octet(packet, 0) >> 4U == 6;
  const std::size_t header = v6 ? ipv6_header : 4 * (octet(packet, 0) & 0x0fU);
  if (packet.size() < header + 8) return false;
  const bool udp = octet(packet, v6 ? 6 : 9) == 17;
  return octet(packet, header + (udp ? 1 : 5)) % 2 == 0;
}

}  // namespace strait::lab
