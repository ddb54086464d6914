// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/port.hpp"

#include <fmt/format.h>
#include <net/if.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "probe/dpdk/options.hpp"

namespace strait::probe::dpdk {
namespace {

constexpr std::uint16_t ring_size = 512;
constexpr unsigned pool_size = 2047;  // 2^n - 1 is what rte_mempool packs best
constexpr unsigned cache_size = 128;

tl::unexpected<Error> dpdk_error(const std::string& device, std::string_view doing, int code) {
  if (code == -EPERM || code == -EACCES) {
    return fail(Errc::no_permission,
                fmt::format("dpdk device '{}': {}: no permission to change the interface "
                            "(CAP_NET_ADMIN): run as root, or once `setcap "
                            "cap_net_raw,cap_net_admin+ep` on the program",
                            device, doing));
  }
  return fail(Errc::io,
              fmt::format("dpdk device '{}': {}: {}", device, doing, rte_strerror(-code)));
}

// IFF_UP and IFF_RUNNING of the interface under a software device, whose driver always says "up".
bool interface_is_up(const std::string& name) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return true;
  ifreq request{};
  name.copy(request.ifr_name, sizeof request.ifr_name - 1);
  const bool known = ioctl(fd, SIOCGIFFLAGS, &request) == 0;
  close(fd);
  return !known || ((request.ifr_flags & IFF_UP) != 0 && (request.ifr_flags & IFF_RUNNING) != 0);
}

Result<void> check_link(std::uint16_t id, const std::string& device) {
  const auto interface = device_argument(device, "iface");
  if (interface && !interface_is_up(*interface)) {
    return fail(Errc::io, fmt::format("dpdk device '{0}': the link of '{1}' is down: `ip link set "
                                      "{1} up`, and look at its far end",
                                      device, *interface));
  }
  rte_eth_link link{};
  // Waits up to 9 s for a NIC that is still negotiating.
  if (rte_eth_link_get(id, &link) == 0 && link.link_status == RTE_ETH_LINK_DOWN) {
    return fail(Errc::io, fmt::format("dpdk device '{}': the link is down: look at the cable and "
                                      "the far end",
                                      device));
  }
  return {};
}

Mempool make_pool(int socket) {
  static std::atomic<unsigned> number{0};
  const auto name = fmt::format("strait_{}", number++);
  return Mempool{rte_pktmbuf_pool_create(name.c_str(), pool_size, cache_size, 0,
                                         RTE_MBUF_DEFAULT_BUF_SIZE, socket)};
}

}  // namespace

void MempoolDeleter::operator()(rte_mempool* pool) const noexcept { rte_mempool_free(pool); }

Result<DpdkPort> DpdkPort::open(std::uint16_t id, const std::string& device) {
  const int socket = rte_eth_dev_socket_id(id);
  Mempool pool = make_pool(socket);
  if (!pool) {
    return fail(Errc::io, fmt::format("dpdk device '{}': no memory for packet buffers ({}): raise "
                                      "memory_mb in [dpdk]",
                                      device, rte_strerror(rte_errno)));
  }
  const rte_eth_conf plain{};
  if (const int rc = rte_eth_dev_configure(id, 1, 1, &plain); rc != 0) {
    return dpdk_error(device, "configure", rc);
  }

  // From here on the port is ours to close, whichever step fails.
  DpdkPort port{id, std::move(pool)};
  std::uint16_t receive_ring = ring_size;
  std::uint16_t transmit_ring = ring_size;
  if (const int rc = rte_eth_dev_adjust_nb_rx_tx_desc(id, &receive_ring, &transmit_ring); rc != 0) {
    return dpdk_error(device, "choose the size of its queues", rc);
  }
  const auto node = static_cast<unsigned>(socket);
  if (const int rc = rte_eth_rx_queue_setup(id, 0, receive_ring, node, nullptr, port.pool_.get());
      rc != 0) {
    return dpdk_error(device, "set up the receive queue", rc);
  }
  if (const int rc = rte_eth_tx_queue_setup(id, 0, transmit_ring, node, nullptr); rc != 0) {
    return dpdk_error(device, "set up the transmit queue", rc);
  }
  if (const int rc = rte_eth_dev_start(id); rc != 0) return dpdk_error(device, "start", rc);
  rte_ether_addr mac{};
  if (const int rc = rte_eth_macaddr_get(id, &mac); rc != 0) {
    return dpdk_error(device, "read the MAC address", rc);
  }
  std::ranges::copy(mac.addr_bytes, port.mac_.octets.begin());
  // net_ring has no address of its own: give it a locally administered one.
  if (port.mac_ == MacAddress{}) {
    port.mac_.octets = {0x02,
                        's',
                        't',
                        'r',
                        static_cast<std::uint8_t>(id >> 8U),
                        static_cast<std::uint8_t>(id & 0xffU)};
  }
  if (const auto link = check_link(id, device); !link) return tl::make_unexpected(link.error());
  return port;
}

DpdkPort::~DpdkPort() {
  if (id_ == no_port) return;
  rte_eth_dev_stop(id_);
  rte_eth_dev_close(id_);
}

}  // namespace strait::probe::dpdk
