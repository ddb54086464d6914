// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/flow_table.hpp"

#include <fmt/format.h>

namespace strait::probe::dpdk {
namespace {

constexpr std::uint16_t lowest_chosen_port = 16384;

bool same_tuple(const FlowTable::Flow& a, const FlowTable::Flow& b) {
  return a.local == b.local && a.remote == b.remote && a.remote_port == b.remote_port;
}

}  // namespace

Result<void> check_flow(const FlowSpec& spec) {
  const auto refuse = [&](std::string_view why) {
    return fail(Errc::unsupported,
                fmt::format("dpdk flow to {}: {}", spec.destination.address.to_string(), why));
  };
  if (!spec.pin.vlans.empty() || !spec.pin.labels.empty()) return refuse("no tags yet");
  if (!spec.destination.address.is_v4() ||
      (spec.pin.next_hop_v4 && !spec.pin.next_hop_v4->is_v4())) {
    return refuse("IPv6 is not there yet in the dpdk engine: use the socket engine");
  }
  if (spec.pin.mark)
    return refuse("a mark is for the kernel's routing: pin by device and next_hop");
  if (!spec.pin.source_v4) {
    return refuse("no source address: the dpdk engine has no kernel to choose one (give source)");
  }
  const auto destination = spec.destination.address.to_v4();
  if (destination.is_multicast() || destination.is_unspecified() ||
      destination == Ipv4::broadcast()) {
    return refuse("not a unicast address");
  }
  if (spec.kind == FlowKind::udp && spec.destination.port == 0) return refuse("UDP port 0");
  if (spec.max_payload > longest_payload) {
    return refuse(fmt::format("a payload of {} octets: an Ethernet frame holds {}",
                              spec.max_payload, longest_payload));
  }
  if (spec.dscp > 63) return refuse("DSCP above 63");
  return {};
}

PortIndex FlowTable::add_port() {
  heads_.emplace_back(2 * port_numbers, no_flow);
  return static_cast<PortIndex>(heads_.size() - 1);
}

FlowId FlowTable::find(PortIndex port, const Flow& wanted) const {
  FlowId id = heads_[port][head_index(wanted.kind, wanted.local_port)];
  while (id != no_flow && !same_tuple(flows_[id], wanted)) id = flows_[id].next;
  return id;
}

FlowId FlowTable::find_request(PortIndex port, const FrameTuple& tuple) const {
  return find_reply(port, {tuple.kind, tuple.destination, tuple.source, tuple.destination_port,
                           tuple.source_port});
}

Result<std::uint16_t> FlowTable::free_port(PortIndex port, FlowKind kind) {
  for (std::size_t tries = 0; tries < port_numbers; ++tries) {
    const std::uint16_t candidate = next_port_;
    next_port_ =
        candidate == 65535 ? lowest_chosen_port : static_cast<std::uint16_t>(candidate + 1);
    if (heads_[port][head_index(kind, candidate)] == no_flow) return candidate;
  }
  return fail(Errc::io, "dpdk: all source ports of the device are in use");
}

Result<FlowId> FlowTable::open(PortIndex port, const FlowSpec& spec, const MacAddress& mac,
                               const NextHop& next_hop) {
  if (const auto ok = check_flow(spec); !ok) return tl::make_unexpected(ok.error());
  Flow flow;
  flow.kind = spec.kind;
  flow.local = spec.pin.source_v4.value_or(Address{}).to_v4().to_uint();
  flow.remote = spec.destination.address.to_v4().to_uint();
  flow.local_port = spec.source_port;
  flow.remote_port = spec.kind == FlowKind::udp ? spec.destination.port : std::uint16_t{0};
  flow.neighbor = next_hop.neighbor;
  flow.max_payload = static_cast<std::uint16_t>(spec.max_payload);
  flow.port = port;
  flow.open = true;
  flow.ready = next_hop.mac.has_value();
  if (flow.local_port == 0) {
    auto chosen = free_port(port, flow.kind);
    if (!chosen) return fail(std::move(chosen));
    flow.local_port = *chosen;
  } else if (find(port, flow) != no_flow) {
    return fail(Errc::bad_input,
                fmt::format("dpdk flow to {}: another flow has the same addresses and ports "
                            "(source port {})",
                            to_string(spec.destination), flow.local_port));
  }

  auto id = static_cast<FlowId>(flows_.size());
  if (free_.empty()) {
    flows_.emplace_back();
    frames_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  FlowId& head = heads_[port][head_index(flow.kind, flow.local_port)];
  flow.next = head;
  head = id;
  flows_[id] = flow;
  frames_[id] = FrameTemplate{{flow.kind, mac, next_hop.mac.value_or(MacAddress{}),
                               Ipv4{flow.local}, Ipv4{flow.remote}, flow.local_port,
                               flow.remote_port, spec.dscp, spec.hop_limit}};
  return id;
}

void FlowTable::close(FlowId flow) {
  if (!is_open(flow)) return;
  Flow& closed = flows_[flow];
  FlowId* link = &heads_[closed.port][head_index(closed.kind, closed.local_port)];
  while (*link != flow) link = &flows_[*link].next;
  *link = closed.next;
  closed = Flow{};
  free_.push_back(flow);
}

void FlowTable::set_neighbor(PortIndex port, NeighborId neighbor, const MacAddress& mac) {
  for (std::size_t id = 0; id < flows_.size(); ++id) {
    Flow& flow = flows_[id];
    if (!flow.open || flow.port != port || flow.neighbor != neighbor) continue;
    frames_[id].set_destination_mac(mac);
    flow.ready = true;
  }
}

}  // namespace strait::probe::dpdk
