// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/link_header.hpp"

#include <cstring>

namespace strait::probe::dpdk {
namespace {

constexpr std::size_t type_at = 12;
constexpr std::uint16_t vlan_id_bits = 0x0fff;
constexpr std::uint32_t bottom_of_stack = 0x100;  // RFC 3032 §2.1

std::uint16_t tag_control(std::uint16_t id, std::uint8_t priority) {
  return static_cast<std::uint16_t>((priority & 7U) << 13U | id);
}

bool is_tag(std::uint16_t type) { return type == type_ctag || type == type_stag; }

// The labels from `header.size` on. What follows the last one has no type: its first four bits say
// which IP it is (RFC 4928 §3).
void read_labels(LinkHeader& header, std::span<const std::byte> frame) {
  header.problem = LinkProblem::truncated;
  for (;;) {
    if (frame.size() < header.size + label_size + 1) return;
    const auto entry = load<std::uint32_t>(frame, header.size);
    header.size += label_size;
    ++header.labels;
    if ((entry & bottom_of_stack) != 0) break;
    if (header.labels == most_labels) {
      header.problem = LinkProblem::bad_labels;
      return;
    }
  }
  const auto version = std::to_integer<unsigned>(frame[header.size]) >> 4U;
  header.type = version == 4 ? type_ipv4 : type_ipv6;
  header.problem = version == 4 || version == 6 ? LinkProblem::none : LinkProblem::bad_labels;
}

}  // namespace

MacAddress load_mac(std::span<const std::byte> octets, std::size_t at) {
  MacAddress mac;
  std::memcpy(mac.octets.data(), octets.data() + at, mac.octets.size());
  return mac;
}

void store_mac(std::span<std::byte> octets, std::size_t at, const MacAddress& mac) {
  std::memcpy(octets.data() + at, mac.octets.data(), mac.octets.size());
}

std::size_t write_link_header(std::span<std::byte> frame, const MacAddress& to,
                              const MacAddress& from, const Encapsulation& encapsulation,
                              std::uint16_t type) {
  store_mac(frame, 0, to);
  store_mac(frame, 6, from);
  std::size_t at = type_at;
  const auto put_tag = [&](std::uint16_t tag_type, std::uint16_t id) {
    store(frame, at, tag_type);
    store(frame, at + 2, tag_control(id, encapsulation.priority));
    at += tag_size;
  };
  const Vlan& vlan = encapsulation.vlan;
  if (vlan.inner != 0) {
    put_tag(encapsulation.stacked_ctags ? type_ctag : type_stag, vlan.outer);
    put_tag(type_ctag, vlan.inner);
  } else if (vlan.outer != 0) {
    put_tag(type_ctag, vlan.outer);
  }
  const bool labelled = !encapsulation.labels.empty() && type != type_arp;
  store(frame, at, labelled ? type_mpls : type);
  at += 2;
  if (!labelled) return at;
  for (std::size_t i = 0; i < encapsulation.labels.size(); ++i) {
    const bool last = i + 1 == encapsulation.labels.size();
    store<std::uint32_t>(frame, at,
                         encapsulation.labels[i] << 12U | (encapsulation.priority & 7U) << 9U |
                             (last ? bottom_of_stack : 0) | encapsulation.ttl);
    at += label_size;
  }
  return at;
}

void read_long_link_header(std::span<const std::byte> frame, LinkHeader& header) {
  if (frame.size() < ethernet_header_size) return;
  header.size = ethernet_header_size;
  header.type = load<std::uint16_t>(frame, type_at);
  for (std::size_t tags = 0; is_tag(header.type); ++tags) {
    if (frame.size() < header.size + tag_size) return;
    if (tags == most_tags) {
      header.problem = LinkProblem::too_many_tags;
      return;
    }
    const auto id =
        static_cast<std::uint16_t>(load<std::uint16_t>(frame, header.size) & vlan_id_bits);
    if (id != 0) (header.vlan.outer == 0 ? header.vlan.outer : header.vlan.inner) = id;
    header.type = load<std::uint16_t>(frame, header.size + 2U);
    header.size += tag_size;
  }
  header.problem = LinkProblem::none;
  if (header.type == type_mpls) read_labels(header, frame);
}

}  // namespace strait::probe::dpdk
