// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/result.hpp"
#include "probe/dpdk/arp.hpp"
#include "probe/dpdk/frame.hpp"

namespace strait::probe::dpdk {

using PortIndex = std::uint16_t;

// The flows of one engine: their frames, and which of them an arriving packet belongs to. Knows no
// device. Flat tables, because every probe passes here twice.
class FlowTable {
 public:
  // One more port, with its own space of UDP ports and ICMP identifiers.
  PortIndex add_port();

  // Fails on what this engine cannot send: IPv6, a mark, no source address, a payload that does not
  // fit a frame, and on a five-tuple that is in use. A source port of 0 is chosen here.
  // `mac` is the port's own.
  struct NextHop {
    NeighborId neighbor = 0;
    std::optional<MacAddress> mac;  // if it is known already
  };
  [[nodiscard]] Result<FlowId> open(PortIndex port, const FlowSpec& spec, const MacAddress& mac,
                                    const NextHop& next_hop);
  void close(FlowId flow);

  // The address of the frames to this neighbour, from now on. Flows can only be sent after it.
  void set_neighbor(PortIndex port, NeighborId neighbor, const MacAddress& mac);

  struct Flow {
    std::uint32_t local = 0;  // addresses in host order
    std::uint32_t remote = 0;
    std::uint16_t local_port = 0;
    std::uint16_t remote_port = 0;
    FlowId next = no_flow;  // with the same local port, from other addresses
    NeighborId neighbor = 0;
    std::uint16_t max_payload = 0;
    PortIndex port = 0;
    FlowKind kind = FlowKind::udp;
    bool open = false;
    bool ready = false;  // the neighbour's address is known
  };
  [[nodiscard]] bool is_open(FlowId flow) const {
    return flow < flows_.size() && flows_[flow].open;
  }
  [[nodiscard]] const Flow& flow(FlowId flow) const { return flows_[flow]; }
  [[nodiscard]] const FrameTemplate& frame(FlowId flow) const { return frames_[flow]; }
  // Asks for what sending needs of the flow to be brought into the cache.
  void prefetch(FlowId flow) const {
    if (flow >= flows_.size()) return;
    __builtin_prefetch(&flows_[flow]);
    __builtin_prefetch(&frames_[flow]);
  }

  // The flow whose replies look like `tuple`; no_flow if there is none.
  [[nodiscard]] FlowId find_reply(PortIndex port, const FrameTuple& tuple) const {
    FlowId id = heads_[port][head_index(tuple.kind, tuple.destination_port)];
    while (id != no_flow) {
      const Flow& flow = flows_[id];
      if (flow.local == tuple.destination && flow.remote == tuple.source &&
          flow.remote_port == tuple.source_port) {
        return id;
      }
      id = flow.next;
    }
    return no_flow;
  }
  // The flow that sent a packet with `tuple`.
  [[nodiscard]] FlowId find_request(PortIndex port, const FrameTuple& tuple) const;

 private:
  static constexpr std::size_t port_numbers = 65536;
  // First flow by UDP port, then by ICMP identifier.
  using Heads = std::vector<FlowId>;

  [[nodiscard]] static std::size_t head_index(FlowKind kind, std::uint16_t port) {
    return (kind == FlowKind::udp ? 0 : port_numbers) + port;
  }
  [[nodiscard]] FlowId find(PortIndex port, const Flow& wanted) const;
  [[nodiscard]] Result<std::uint16_t> free_port(PortIndex port, FlowKind kind);

  std::vector<Heads> heads_;  // by port
  std::vector<Flow> flows_;
  std::vector<FrameTemplate> frames_;
  std::vector<FlowId> free_;
  std::uint16_t next_port_ = 49152;  // RFC 6335: dynamic ports
};

// What open() checks before it knows a port: reasons that are the caller's to mend.
[[nodiscard]] Result<void> check_flow(const FlowSpec& spec);

}  // namespace strait::probe::dpdk
