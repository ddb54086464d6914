// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "probe/dpdk/arp.hpp"
#include "probe/dpdk/frame.hpp"
#include "probe/dpdk/neighbor_discovery.hpp"
#include "probe/dpdk/parse.hpp"
#include "probe/dpdk/ring_wire.hpp"
#include "probe/dpdk/transport.hpp"

namespace strait::probe::dpdk {

using Octets = std::vector<std::byte>;

inline constexpr MacAddress router_mac{{2, 0, 0, 0, 0, 0xfe}};
inline constexpr MacAddress new_router_mac{{2, 0, 0, 0, 0, 0xfd}};
inline const Ipv4 router{0x0a0000fe};
inline const Address router_v6 = *parse_address("2001:db8:1::fe");
inline const Address local_v6 = *parse_address("2001:db8:1::1");
inline const Address target_v6 = *parse_address("2001:db8:2::1");

// The far end of a carried wire: what the probes meet, one frame at a time. It is a router with two
// addresses that answers on every VLAN, and whatever is behind it.
struct FarEnd {
  explicit FarEnd(RingWire made) : wire{std::move(made)} {}

  RingWire wire;
  MacAddress mac = router_mac;
  bool answers_arp = true;
  bool answers_probes = true;
  std::vector<Octets> seen;       // frames from the left, without ARP and Neighbour Discovery
  std::vector<Octets> questions;  // ARP and Neighbour Discovery

  static FarEnd make(const std::string& name) {
    static int number = 0;  // names are taken until the process ends
    auto made = RingWire::make({}, name + std::to_string(number++), RingWire::Kind::carried);
    if (!made) FAIL(made.error().message);
    return FarEnd(std::move(*made));
  }

  // The answer to a question for the router, if it is one.
  [[nodiscard]] Octets answer_to(std::span<const std::byte> frame,
                                 const ParsedFrame& parsed) const {
    const Encapsulation tags{parsed.link.vlan, false, {}, 0, 255};
    Octets reply(longest_neighbor_frame);
    if (const auto arp = read_arp(frame, parsed.link)) {
      if (arp->target != router || arp->operation != ArpOperation::request) return {};
      const ArpMessage message{ArpOperation::reply, mac, router, arp->sender_mac, arp->sender};
      reply.resize(write_arp(message, arp->sender_mac, tags, reply));
      return reply;
    }
    const auto asked = read_neighbor(parsed);
    if (!asked || asked->advertisement || asked->target != WireAddress{router_v6}) return {};
    const NeighborMessage message{.advertisement = true,
                                  .source = router_v6,
                                  .destination = asked->source,
                                  .target = router_v6,
                                  .link_address = mac,
                                  .solicited = true};
    reply.resize(write_neighbor(message, load_mac(frame, 6), mac, tags, reply));
    return reply;
  }

  // True for ARP, Neighbour Discovery and Listener Reports.
  bool is_question(const ParsedFrame& parsed) const {
    return parsed.kind == FrameKind::arp || parsed.kind == FrameKind::neighbor ||
           parsed.kind == FrameKind::other_icmp;
  }

  void carry() {
    std::vector<Octets> replies;
    wire.carry([&](std::span<std::byte> frame, bool to_right) {
      if (!to_right) return false;
      const ParsedFrame parsed = parse_frame(frame);
      if (is_question(parsed)) {
        questions.emplace_back(frame.begin(), frame.end());
        Octets answer = answer_to(frame, parsed);
        if (answers_arp && !answer.empty()) replies.push_back(std::move(answer));
        return false;
      }
      seen.emplace_back(frame.begin(), frame.end());
      if (answers_probes) replies.push_back(reply_to(seen.back()));
      return false;
    });
    for (const Octets& reply : replies) REQUIRE(wire.inject(reply, false));
  }

  static Octets reply_to(const Octets& probe) {
    Octets room = probe;
    room.resize(std::max(probe.size(), shortest_frame) + 64);
    const ParsedFrame parsed = parse_frame(std::span{room}.first(probe.size()));
    const auto reply = turn_around(room, parsed, parsed.payload.size());
    return {reply.begin(), reply.end()};
  }
};

inline std::unique_ptr<DpdkTransport> open_transport(DpdkTransport::OnEvent on_event = {}) {
  auto transport = DpdkTransport::open({}, std::move(on_event));
  if (!transport) FAIL(transport.error().message);
  return std::move(*transport);
}

inline FlowSpec spec_on(const std::string& device) {
  FlowSpec spec;
  spec.pin.device = device;
  spec.pin.source_v4 = Ipv4{0x0a000001};
  spec.pin.next_hop_v4 = router;
  spec.pin.source_v6 = local_v6;
  spec.pin.next_hop_v6 = router_v6;
  spec.destination = {Ipv4{0xc0000201}, 862};
  spec.dscp = 46;
  return spec;
}

inline FlowId open_flow(DpdkTransport& transport, const FlowSpec& spec) {
  const auto flow = transport.open_flow(spec);
  if (!flow) FAIL(flow.error().message);
  return *flow;
}

inline std::vector<Arrival> receive_all(DpdkTransport& transport) {
  std::array<Arrival, 32> burst;
  const std::size_t count = transport.receive(burst);
  return {burst.begin(), burst.begin() + static_cast<long>(count)};
}

inline void resolve(DpdkTransport& transport, FarEnd& far) {
  static_cast<void>(receive_all(transport));  // asks
  far.carry();
  static_cast<void>(receive_all(transport));  // hears
  const auto resolved = transport.resolve(std::chrono::nanoseconds{0});
  if (!resolved) FAIL(resolved.error().message);
}

inline Octets octets(std::size_t size) { return Octets(size, std::byte{0x5a}); }

}  // namespace strait::probe::dpdk
