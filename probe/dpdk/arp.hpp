// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "probe/dpdk/link_header.hpp"
#include "probe/dpdk/wire_address.hpp"

namespace strait::probe::dpdk {

enum class ArpOperation : std::uint16_t { request = 1, reply = 2 };

// RFC 826, for Ethernet and IPv4.
struct ArpMessage {
  ArpOperation operation = ArpOperation::request;
  MacAddress sender_mac;
  Ipv4 sender;
  MacAddress target_mac;
  Ipv4 target;
};

// Reads a frame whose type, at the end of its link header, is type_arp. Nothing for what is no ARP
// for Ethernet and IPv4, is too short, or comes from a group address.
[[nodiscard]] std::optional<ArpMessage> read_arp(std::span<const std::byte> frame,
                                                 const LinkHeader& link);
// Writes a frame (`frame` has room for longest_arp_frame) and returns its length.
inline constexpr std::size_t longest_arp_frame = 64;
std::size_t write_arp(const ArpMessage& message, const MacAddress& to,
                      const Encapsulation& encapsulation, std::span<std::byte> frame);

// RFC 5227 §1.1: an ARP Probe asks whether anybody has an address, without claiming it; an
// announcement claims it.
[[nodiscard]] ArpMessage arp_probe(const MacAddress& mac, const Ipv4& address);
[[nodiscard]] ArpMessage arp_announcement(const MacAddress& mac, const Ipv4& address);

}  // namespace strait::probe::dpdk
