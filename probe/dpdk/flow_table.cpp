// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/flow_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "probe/random.hpp"

namespace strait::probe::dpdk {
namespace {

constexpr std::uint16_t lowest_chosen_port = 16384;
constexpr std::uint32_t largest_flow_label = 0xfffff;

// A label that is the same for all packets of the flow and looks random among flows (RFC 6437 §3):
// so the flow stays on one member of a bundle whether routers hash ports or labels.
std::uint32_t flow_label(const FlowTable::Flow& flow, const WireAddress& source) {
  std::uint64_t state = source.low ^ flow.remote.high ^ (flow.remote.low << 1U) ^
                        (std::uint64_t{flow.local_port} << 32U |
                         std::uint64_t{flow.remote_port} << 2U | static_cast<unsigned>(flow.kind));
  state = next_random(state);
  return std::max(static_cast<std::uint32_t>(state >> 44U), 1U);  // 0 says: no label
}

}  // namespace

namespace {

// What is wrong with its addresses; empty: nothing.
std::string check_addresses(const PathPin& pin, const Address& to) {
  const bool v6 = to.is_v6();
  const auto& source = pin.source(v6);
  if (!source) {
    return fmt::format(
        "no IPv{} source address: the dpdk engine has no kernel to choose one (give source)",
        v6 ? 6 : 4);
  }
  const WireAddress destination{to};
  if (destination.is_multicast() || destination.is_unspecified() ||
      destination == WireAddress{Ipv4::broadcast()}) {
    return "not a unicast address";
  }
  const auto& hop = pin.next_hop(v6);
  if (source->is_v6() != v6 || (hop && hop->is_v6() != v6)) {
    return "source and next hop must be of its address family";
  }
  return {};
}

}  // namespace

Result<void> check_flow(const FlowSpec& spec) {
  const Address& to = spec.destination.address;
  const auto refuse = [&](std::string_view why) {
    return fail(Errc::unsupported, fmt::format("dpdk flow to {}: {}", to.to_string(), why));
  };
  const PathPin& pin = spec.pin;
  if (pin.mark) {
    return refuse("a mark is for the kernel's routing: pin by device and next hop");
  }
  if (const auto wrong = check_addresses(pin, to); !wrong.empty()) return refuse(wrong);
  if (pin.vlans.size() > most_tags) return refuse("more than two VLAN tags");
  if (pin.labels.size() > most_labels) return refuse("more than four MPLS labels");
  if (spec.kind != FlowKind::icmp_echo && spec.destination.port == 0) {
    return refuse(spec.kind == FlowKind::udp ? "UDP port 0" : "TCP port 0");
  }
  if (spec.dscp > 63) return refuse("DSCP above 63");
  if (spec.flow_label && (*spec.flow_label > largest_flow_label || !to.is_v6())) {
    return refuse("a flow label has 20 bits, and only IPv6 has one");
  }
  return {};
}

Encapsulation encapsulation_of(const FlowSpec& spec) {
  Encapsulation around;
  if (!spec.pin.vlans.empty()) around.vlan.outer = spec.pin.vlans.front();
  if (spec.pin.vlans.size() > 1) around.vlan.inner = spec.pin.vlans.back();
  around.stacked_ctags = spec.pin.stacked_ctags;
  around.labels = spec.pin.labels;
  // The class selector bits, as routers copy them into tags and labels; the TTL likewise, so that a
  // hop-limited probe ends at the first router that switches labels (RFC 3443 §3.1, uniform).
  around.priority = static_cast<std::uint8_t>(spec.dscp >> 3U);
  around.ttl = spec.hop_limit;
  return around;
}

FlowTable::FlowTable(PortShare share) : share_{share}, heads_(3 * port_numbers, no_flow) {}

std::uint16_t FlowTable::local_index(StationIndex station, const WireAddress& address) {
  for (std::size_t i = 0; i < locals_.size(); ++i) {
    if (locals_[i].station == station && locals_[i].address == address) {
      return static_cast<std::uint16_t>(i);
    }
  }
  locals_.push_back({station, address});
  return static_cast<std::uint16_t>(locals_.size() - 1);
}

bool FlowTable::is_local(StationIndex station, const WireAddress& address) const {
  return std::ranges::any_of(locals_, [&](const Local& local) {
    return local.station == station && local.address == address;
  });
}

bool FlowTable::in_use(const Flow& wanted) const {
  FlowId id = heads_[head_index(wanted.kind, wanted.local_port)];
  while (id != no_flow) {
    const Flow& flow = flows_[id];
    if (flow.local == wanted.local && flow.remote == wanted.remote &&
        flow.remote_port == wanted.remote_port) {
      return true;
    }
    id = flow.next;
  }
  return false;
}

// One of ours whose five-tuple is free. Ports are only shared once all are taken.
Result<void> FlowTable::choose_port(Flow& flow) {
  for (std::size_t tries = 0; tries < port_numbers; ++tries) {
    const std::uint16_t candidate = next_port_;
    next_port_ =
        candidate == 65535 ? lowest_chosen_port : static_cast<std::uint16_t>(candidate + 1);
    if (!share_.has(candidate)) continue;
    flow.local_port = candidate;
    if (!in_use(flow)) return {};
  }
  return fail(Errc::io, "dpdk: all source ports to that target are in use");
}

FlowId FlowTable::place() {
  if (!free_.empty()) {
    const FlowId id = free_.back();
    free_.pop_back();
    return id;
  }
  flows_.emplace_back();
  frames_.emplace_back();
  links_.emplace_back();
  return static_cast<FlowId>(flows_.size() - 1);
}

Result<FlowId> FlowTable::open(const FlowSpec& spec, const FlowLink& link) {
  if (const auto ok = check_flow(spec); !ok) return tl::make_unexpected(ok.error());
  const bool v6 = spec.destination.address.is_v6();
  const std::size_t mtu = std::min<std::size_t>(spec.pin.mtu, link.mtu);
  const std::size_t largest = mtu - packet_headers(v6);
  if (spec.max_payload > largest && !spec.tests_mtu) {
    return fail(Errc::unsupported,
                fmt::format("dpdk flow to {}: a payload of {} octets: {} fit the MTU of {}",
                            spec.destination.address.to_string(), spec.max_payload, largest, mtu));
  }
  const WireAddress source{spec.pin.source(v6).value_or(Address{})};  // check_flow() wants one
  Flow flow;
  flow.kind = spec.kind;
  flow.local = local_index(link.station, source);
  flow.remote = spec.destination.address;
  flow.local_port = spec.source_port;
  flow.remote_port = spec.kind == FlowKind::icmp_echo ? std::uint16_t{0} : spec.destination.port;
  flow.max_payload = static_cast<std::uint16_t>(std::min(spec.max_payload, largest));
  flow.port = link.port;
  flow.open = true;
  flow.resolved = link.destination_mac.has_value();
  if (flow.local_port == 0) {
    if (const auto chosen = choose_port(flow); !chosen) return tl::make_unexpected(chosen.error());
  } else if (!share_.has(flow.local_port) || in_use(flow)) {
    return fail(Errc::bad_input,
                fmt::format("dpdk flow to {}: {} (source port {})", to_string(spec.destination),
                            share_.has(flow.local_port)
                                ? "another flow has the same addresses and ports"
                                : "the source port belongs to another polling thread",
                            flow.local_port));
  }
  const FlowId id = place();
  FlowId& head = heads_[head_index(flow.kind, flow.local_port)];
  flow.next = head;
  head = id;
  flows_[id] = flow;
  links_[id] = {link.station, link.neighbor};
  frames_[id] = FrameTemplate{{.kind = flow.kind,
                               .source_mac = link.source_mac,
                               .destination_mac = link.destination_mac.value_or(MacAddress{}),
                               .encapsulation = encapsulation_of(spec),
                               .source = source,
                               .destination = flow.remote,
                               .source_port = flow.local_port,
                               .destination_port = flow.remote_port,
                               .dscp = spec.dscp,
                               .hop_limit = spec.hop_limit,
                               .flow_label = spec.flow_label.value_or(flow_label(flow, source))}};
  return id;
}

void FlowTable::close(FlowId flow) {
  if (!is_open(flow)) return;
  Flow& closed = flows_[flow];
  FlowId* link = &heads_[head_index(closed.kind, closed.local_port)];
  while (*link != flow) link = &flows_[*link].next;
  *link = closed.next;
  closed = Flow{};
  free_.push_back(flow);
}

void FlowTable::set_neighbor(StationIndex station, NeighborId neighbor, const MacAddress& mac) {
  for (std::size_t id = 0; id < flows_.size(); ++id) {
    if (!flows_[id].open || links_[id].station != station || links_[id].neighbor != neighbor) {
      continue;
    }
    frames_[id].set_destination_mac(mac);
    flows_[id].resolved = true;
  }
}

void FlowTable::set_blocked(StationIndex station, const WireAddress& local, bool blocked) {
  for (Flow& flow : flows_) {
    if (!flow.open) continue;
    const Local& its = locals_[flow.local];
    if (its.station == station && its.address == local) flow.blocked = blocked;
  }
}

}  // namespace strait::probe::dpdk
