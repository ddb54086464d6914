// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/result.hpp"
#include "probe/dpdk/frame.hpp"
#include "probe/dpdk/neighbor_table.hpp"
#include "probe/dpdk/parse.hpp"

namespace strait::probe::dpdk {

using PortIndex = std::uint16_t;
using StationIndex = std::uint16_t;

// Which local port numbers (UDP and TCP ports, ICMP identifiers) belong to one of several threads:
// those with the remainder `own` by `count`. Whichever queue a reply comes in by, its port says
// whose it is.
struct PortShare {
  std::uint16_t own = 0;
  std::uint16_t count = 1;

  [[nodiscard]] bool has(std::uint16_t port) const { return port % count == own; }
};

// How a flow leaves: what the caller knows of its station.
struct FlowLink {
  StationIndex station = 0;
  PortIndex port = 0;
  MacAddress source_mac;
  NeighborId neighbor = 0;
  std::optional<MacAddress> destination_mac;  // if it is known already
  std::size_t mtu = default_mtu;              // of the port
};

// The flows of one thread: their frames, and which of them an arriving packet belongs to. Knows no
// device. Flat tables, because every probe passes here twice.
class FlowTable {
 public:
  explicit FlowTable(PortShare share = {});

  // Fails on what cannot be sent: a mark, no source address, a payload that does not fit the path,
  // and on a five-tuple that is in use. A source port of 0 is chosen here.
  [[nodiscard]] Result<FlowId> open(const FlowSpec& spec, const FlowLink& link);
  void close(FlowId flow);

  // The address of the frames to this neighbour, from now on. Flows can only be sent after it.
  void set_neighbor(StationIndex station, NeighborId neighbor, const MacAddress& mac);
  // Nothing is sent from this address while it is `blocked`.
  void set_blocked(StationIndex station, const WireAddress& local, bool blocked);

  // What sending and receiving look at: half a cache line.
  struct Flow {
    WireAddress remote;
    FlowId next = no_flow;    // with the same local port
    std::uint16_t local = 0;  // index of station and local address
    std::uint16_t local_port = 0;
    std::uint16_t remote_port = 0;
    std::uint16_t max_payload = 0;
    PortIndex port = 0;
    FlowKind kind : 2 = FlowKind::udp;
    bool open : 1 = false;
    bool resolved : 1 = false;  // the neighbour's address is known
    bool blocked : 1 = false;   // the source address is in conflict
  };
  static_assert(sizeof(Flow) == 32);
  struct Local {
    StationIndex station = 0;
    WireAddress address;
  };

  [[nodiscard]] bool is_open(FlowId flow) const {
    return flow < flows_.size() && flows_[flow].open;
  }
  [[nodiscard]] const Flow& flow(FlowId flow) const { return flows_[flow]; }
  [[nodiscard]] const FrameTemplate& frame(FlowId flow) const { return frames_[flow]; }
  // The source addresses of all flows that ever were, each once.
  [[nodiscard]] const std::vector<Local>& locals() const { return locals_; }
  // Asks for what sending needs of the flow to be brought into the cache.
  void prefetch(FlowId flow) const {
    if (flow >= flows_.size()) return;
    __builtin_prefetch(&flows_[flow]);
    __builtin_prefetch(&frames_[flow]);
  }

  // The flow whose replies look like `tuple`; no_flow if there is none.
  [[nodiscard]] FlowId find_reply(StationIndex station, const FrameTuple& tuple) const {
    FlowId id = heads_[head_index(tuple.kind, tuple.destination_port)];
    while (id != no_flow) {
      const Flow& flow = flows_[id];
      if (flow.remote == tuple.source && flow.remote_port == tuple.source_port) {
        const Local& local = locals_[flow.local];
        if (local.station == station && local.address == tuple.destination) return id;
      }
      id = flow.next;
    }
    return no_flow;
  }
  // The flow that sent a packet with `tuple`.
  [[nodiscard]] FlowId find_request(StationIndex station, const FrameTuple& tuple) const {
    return find_reply(station, {tuple.kind, tuple.destination, tuple.source, tuple.destination_port,
                                tuple.source_port});
  }
  [[nodiscard]] bool is_local(StationIndex station, const WireAddress& address) const;
  [[nodiscard]] const PortShare& share() const { return share_; }

 private:
  static constexpr std::size_t port_numbers = 65536;
  struct Link {
    StationIndex station = 0;
    NeighborId neighbor = 0;
  };

  [[nodiscard]] static std::size_t head_index(FlowKind kind, std::uint16_t port) {
    return static_cast<std::size_t>(kind) * port_numbers + port;
  }
  [[nodiscard]] std::uint16_t local_index(StationIndex station, const WireAddress& address);
  [[nodiscard]] bool in_use(const Flow& wanted) const;
  [[nodiscard]] Result<void> choose_port(Flow& flow);
  [[nodiscard]] FlowId place();

  PortShare share_;
  std::vector<FlowId> heads_;  // first flow by UDP port, ICMP identifier, TCP port
  std::vector<Local> locals_;
  std::vector<Flow> flows_;
  std::vector<FrameTemplate> frames_;
  std::vector<Link> links_;
  std::vector<FlowId> free_;
  std::uint16_t next_port_ = 49152;  // RFC 6335: dynamic ports
};

// What open() checks before it knows a port: reasons that are the caller's to mend.
[[nodiscard]] Result<void> check_flow(const FlowSpec& spec);
// What the path asks for between Ethernet and IP.
[[nodiscard]] Encapsulation encapsulation_of(const FlowSpec& spec);

}  // namespace strait::probe::dpdk
