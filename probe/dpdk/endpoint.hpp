// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "probe/dpdk/arp.hpp"
#include "probe/dpdk/port.hpp"
#include "probe/dpdk/transmit_watch.hpp"
#include "probe/dpdk/tsc_clock.hpp"

struct rte_mbuf;

namespace strait::probe::dpdk {

inline constexpr std::size_t burst_limit = 32;

// A port as a station of its Ethernet: what it answers ARP for, and its next hops.
class PortEndpoint {
 public:
  PortEndpoint(DpdkPort port, std::string name) : port_{std::move(port)}, name_{std::move(name)} {}

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const MacAddress& mac() const { return port_.mac(); }
  [[nodiscard]] NeighborTable& neighbors() { return neighbors_; }
  [[nodiscard]] std::span<const Ipv4> local() const { return local_; }
  void add_local(const Ipv4& address);

  // Buffers for `count` frames, all or none.
  [[nodiscard]] bool allocate(std::span<rte_mbuf*> frames);
  struct Transmitted {
    std::size_t count = 0;
    std::uint64_t before = 0;  // TSC
    std::uint64_t after = 0;
  };
  // Sends a prefix; the rest is freed.
  Transmitted transmit(std::span<rte_mbuf*> frames, TransmitWatch& watch);

  struct Polled {
    std::size_t count = 0;
    std::uint64_t tsc = 0;  // when the poll returned
    std::uint64_t gap = 0;  // since the poll before
  };
  // One poll of the device. The frames are the caller's to free.
  Polled poll(std::span<rte_mbuf*> frames);

  // Sends the requests that are due. Returns how many buffers were missing for that.
  std::size_t ask_neighbors(MonoTime now, TransmitWatch& watch);
  // Answers a request for us, and learns from what neighbours say of themselves.
  std::optional<NeighborTable::Learned> hear_arp(std::span<const std::byte> frame, MonoTime now,
                                                 TransmitWatch& watch);

 private:
  bool send_arp(const ArpMessage& message, const MacAddress& to, TransmitWatch& watch);

  DpdkPort port_;
  std::string name_;
  NeighborTable neighbors_;
  std::vector<Ipv4> local_;
  std::uint64_t last_poll_ = 0;
};

[[nodiscard]] std::span<std::byte> octets_of(rte_mbuf* frame);
void set_length(rte_mbuf* frame, std::size_t length);
void prefetch_octets(const rte_mbuf* frame);
void free_frames(std::span<rte_mbuf*> frames);

}  // namespace strait::probe::dpdk
