// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/device_facts.hpp"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <algorithm>

#include "probe/dpdk/eal.hpp"
#include "probe/dpdk/port.hpp"

namespace strait::probe::dpdk {
namespace {

bool all(std::uint64_t abilities, std::uint64_t wanted) { return (abilities & wanted) == wanted; }

DeviceFacts facts_of(const rte_eth_dev_info& info) {
  DeviceFacts facts;
  facts.driver = info.driver_name == nullptr ? "unknown" : info.driver_name;
  facts.receive_queues = info.max_rx_queues;
  facts.transmit_queues = info.max_tx_queues;
  facts.largest_mtu = info.max_mtu;
  facts.receive_stamps = all(info.rx_offload_capa, RTE_ETH_RX_OFFLOAD_TIMESTAMP);
  facts.receive_checksums =
      all(info.rx_offload_capa, RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
  facts.transmit_checksums =
      all(info.tx_offload_capa, RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM);
  facts.vlan_insertion = all(info.tx_offload_capa, RTE_ETH_TX_OFFLOAD_VLAN_INSERT);
  facts.spreads_flows = info.reta_size > 0 && info.flow_type_rss_offloads != 0;
  return facts;
}

// Before a port runs, its link and its counters say nothing.
void add_state(std::uint16_t port, DeviceFacts& facts) {
  rte_eth_link link{};
  if (rte_eth_link_get_nowait(port, &link) == 0) {
    facts.link_up = link.link_status == RTE_ETH_LINK_UP;
    if (link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN) facts.link_mbps = link.link_speed;
  }
  rte_eth_stats counters{};
  if (rte_eth_stats_get(port, &counters) != 0) return;
  facts.missed = counters.imissed;
  facts.receive_errors = counters.ierrors;
  facts.no_buffer = counters.rx_nombuf;
  facts.transmit_errors = counters.oerrors;
}

Result<DeviceFacts> look(std::uint16_t port, const std::string& device, bool running) {
  rte_eth_dev_info info{};
  if (const int code = rte_eth_dev_info_get(port, &info); code != 0) {
    return fail(Errc::io,
                fmt::format("dpdk device '{}': ask what it can: {}", device, rte_strerror(-code)));
  }
  DeviceFacts facts = facts_of(info);
  rte_ether_addr mac{};
  if (rte_eth_macaddr_get(port, &mac) == 0) {
    std::ranges::copy(mac.addr_bytes, facts.mac.octets.begin());
  }
  if (const int node = rte_eth_dev_socket_id(port); node >= 0) facts.node = node;
  static_cast<void>(rte_eth_dev_get_mtu(port, &facts.mtu));
  if (running) add_state(port, facts);
  return facts;
}

}  // namespace

Result<DeviceFacts> device_facts(const DpdkOptions& options, const std::string& device,
                                 bool running) {
  const auto eal = Eal::ensure(options);
  if (!eal) return tl::make_unexpected(eal.error());
  const auto port = (*eal)->attach(device);
  if (!port) return tl::make_unexpected(port.error());
  return look(*port, device, running);
}

Result<DeviceFacts> try_device(const DpdkOptions& options, const std::string& device) {
  const auto eal = Eal::ensure(options);
  if (!eal) return tl::make_unexpected(eal.error());
  const auto id = (*eal)->attach(device);
  if (!id) return tl::make_unexpected(id.error());
  const auto port = DpdkPort::open(*id, device);
  if (!port) return tl::make_unexpected(port.error());
  return look(*id, device, true);
}

}  // namespace strait::probe::dpdk
