// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/address.hpp"
#include "probe/dpdk/wire_address.hpp"

namespace strait::probe::dpdk {

inline constexpr std::size_t ethernet_header_size = 14;
inline constexpr std::size_t tag_size = 4;
inline constexpr std::size_t label_size = 4;
inline constexpr std::size_t most_tags = 2;
inline constexpr std::size_t most_labels = 4;
inline constexpr std::size_t longest_link_header =
    ethernet_header_size + most_tags * tag_size + most_labels * label_size;
inline constexpr std::size_t shortest_frame = 60;  // without the check sequence

inline constexpr std::uint16_t type_ipv4 = 0x0800;
inline constexpr std::uint16_t type_arp = 0x0806;
inline constexpr std::uint16_t type_ctag = 0x8100;  // IEEE 802.1Q
inline constexpr std::uint16_t type_stag = 0x88a8;  // IEEE 802.1ad
inline constexpr std::uint16_t type_ipv6 = 0x86dd;
inline constexpr std::uint16_t type_mpls = 0x8847;

// The VLAN that a frame belongs to: identifiers, 0 for none; `inner` only with `outer`. The type of
// the outer tag is not part of it: drivers that put a stripped tag back in know one type only.
struct Vlan {
  std::uint16_t outer = 0;
  std::uint16_t inner = 0;

  friend bool operator==(const Vlan&, const Vlan&) = default;
};

// What a path has between the Ethernet addresses and the IP packet.
struct Encapsulation {
  Vlan vlan;
  bool stacked_ctags = false;         // of two tags the outer one is a C-tag too
  std::vector<std::uint32_t> labels;  // MPLS, top first
  std::uint8_t priority = 0;          // PCP of the tags, TC of the labels: 0 to 7
  std::uint8_t ttl = 255;             // of the labels
};

// Writes addresses, tags, labels (none for ARP) and types, and returns the length. `frame` has room
// for longest_link_header.
std::size_t write_link_header(std::span<std::byte> frame, const MacAddress& to,
                              const MacAddress& from, const Encapsulation& encapsulation,
                              std::uint16_t type);

enum class LinkProblem : std::uint8_t { none, truncated, too_many_tags, bad_labels };

struct LinkHeader {
  LinkProblem problem = LinkProblem::truncated;
  Vlan vlan;
  std::uint16_t type = 0;  // of what stands at `size`
  std::uint16_t size = 0;  // tags and labels included
  std::uint8_t labels = 0;
};

// Reads up to most_tags tags (a priority tag, with identifier 0, counts as none) and most_labels
// labels, behind which an IP version must stand. Never reads outside of the frame.
void read_long_link_header(std::span<const std::byte> frame, LinkHeader& header);
inline void read_link_header(std::span<const std::byte> frame, LinkHeader& header) {
  if (frame.size() >= ethernet_header_size) {
    const auto type = load<std::uint16_t>(frame, ethernet_header_size - 2);
    if (type == type_ipv4 || type == type_ipv6) [[likely]] {
      header.problem = LinkProblem::none;
      header.type = type;
      header.size = ethernet_header_size;
      return;
    }
  }
  read_long_link_header(frame, header);
}
[[nodiscard]] inline LinkHeader read_link_header(std::span<const std::byte> frame) {
  LinkHeader header;
  read_link_header(frame, header);
  return header;
}

[[nodiscard]] MacAddress load_mac(std::span<const std::byte> octets, std::size_t at);
void store_mac(std::span<std::byte> octets, std::size_t at, const MacAddress& mac);

}  // namespace strait::probe::dpdk
