// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/port.hpp"

#include <fmt/format.h>
#include <net/if.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>
#include <thread>

#include "probe/dpdk/frame.hpp"
#include "probe/dpdk/options.hpp"

namespace strait::probe::dpdk {
namespace {

constexpr std::uint16_t ring_size = 512;
constexpr unsigned pool_size = 2047;  // 2^n - 1 is what rte_mempool packs best
// net_af_xdp keeps 2048 buffers in its fill ring and up to as many that wait for completion.
constexpr unsigned large_pool_size = 8191;
constexpr unsigned cache_size = 128;
constexpr int link_tries = 50;
constexpr auto link_nap = std::chrono::milliseconds{20};
constexpr std::uint64_t shared_receive_offloads = RTE_ETH_RX_OFFLOAD_TIMESTAMP;

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
  const bool absent = !known && errno == ENODEV;
  close(fd);
  if (absent) return false;
  return !known || ((request.ifr_flags & IFF_UP) != 0 && (request.ifr_flags & IFF_RUNNING) != 0);
}

// These get a link when another process comes, and lose it when it goes.
bool waits_for_peer(const std::string& device) {
  return device.starts_with("net_memif") || device.starts_with("net_vhost") ||
         device.starts_with("net_virtio_user");
}

Result<void> check_link(std::uint16_t id, const std::string& device) {
  const auto interface = kernel_interface(device);
  if (interface && !interface_is_up(*interface)) {
    return fail(Errc::io, fmt::format("dpdk device '{0}': the link of '{1}' is down: `ip link set "
                                      "{1} up`, and look at its far end",
                                      device, *interface));
  }
  if (waits_for_peer(device)) return {};
  rte_eth_link link{};
  // Waits up to 9 s for a NIC that is still negotiating; a software device needs a moment too.
  if (rte_eth_link_get(id, &link) != 0) return {};
  for (int i = 0; i < link_tries && link.link_status == RTE_ETH_LINK_DOWN; ++i) {
    std::this_thread::sleep_for(link_nap);
    if (rte_eth_link_get_nowait(id, &link) != 0) return {};
  }
  if (link.link_status == RTE_ETH_LINK_DOWN) {
    return fail(Errc::io, fmt::format("dpdk device '{}': the link is down: look at the cable and "
                                      "the far end",
                                      device));
  }
  return {};
}

Mempool make_pool(int socket, std::size_t mtu, unsigned buffers) {
  static std::atomic<unsigned> number{0};
  const auto name = fmt::format("strait_{}", number++);
  const std::size_t room = RTE_PKTMBUF_HEADROOM + longest_link_header + mtu;
  const auto size =
      static_cast<std::uint16_t>(std::max<std::size_t>(room, RTE_MBUF_DEFAULT_BUF_SIZE));
  return Mempool{rte_pktmbuf_pool_create(name.c_str(), buffers, cache_size, 0, size, socket)};
}

MacAddress made_up_mac(std::uint16_t id) {
  return {{0x02, 's', 't', 'r', static_cast<std::uint8_t>(id >> 8U),
           static_cast<std::uint8_t>(id & 0xffU)}};
}

}  // namespace

void MempoolDeleter::operator()(rte_mempool* pool) const noexcept { rte_mempool_free(pool); }

Result<void> DpdkPort::configure(const std::string& device, const PortSettings& settings) {
  rte_eth_dev_info info{};
  if (const int rc = rte_eth_dev_info_get(id_, &info); rc != 0) {
    return dpdk_error(device, "ask what it can do", rc);
  }
  const auto most = std::max<std::uint16_t>(1, std::min(info.max_rx_queues, info.max_tx_queues));
  queues_ = std::clamp<std::uint16_t>(settings.queues, 1, most);
  rte_eth_conf conf{};
  conf.rxmode.offloads = info.rx_offload_capa & shared_receive_offloads;
  if (queues_ > 1) {
    // Which queue a packet comes in by does not matter: its port number says whose it is.
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf =
        info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP);
    if (conf.rx_adv_conf.rss_conf.rss_hf == 0) conf.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
  }
  if (const int rc = rte_eth_dev_configure(id_, queues_, queues_, &conf); rc != 0) {
    return dpdk_error(device, "configure", rc);
  }
  mtu_ = settings.mtu;
  // Software devices may not know the word; what they cannot take they say when it is sent.
  if (const int rc = rte_eth_dev_set_mtu(id_, static_cast<std::uint16_t>(mtu_));
      rc != 0 && rc != -ENOTSUP && mtu_ > default_mtu) {
    return dpdk_error(device, fmt::format("set an MTU of {}", mtu_), rc);
  }
  if ((conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_TIMESTAMP) != 0) {
    TimestampField field;
    if (rte_mbuf_dyn_rx_timestamp_register(&field.offset, &field.flag) == 0) timestamps_ = field;
  }
  return {};
}

Result<void> DpdkPort::set_up_queues(const std::string& device) {
  const int socket = rte_eth_dev_socket_id(id_);
  const auto node = static_cast<unsigned>(socket);
  std::uint16_t receive_ring = ring_size;
  std::uint16_t transmit_ring = ring_size;
  if (const int rc = rte_eth_dev_adjust_nb_rx_tx_desc(id_, &receive_ring, &transmit_ring);
      rc != 0) {
    return dpdk_error(device, "choose the size of its queues", rc);
  }
  const unsigned buffers = device.starts_with("net_af_xdp") ? large_pool_size : pool_size;
  for (std::uint16_t queue = 0; queue < queues_; ++queue) {
    pools_.push_back(make_pool(socket, mtu_, buffers));
    if (!pools_.back()) {
      return fail(Errc::io,
                  fmt::format("dpdk device '{}': no memory for packet buffers ({}): raise "
                              "memory_mb in [dpdk]",
                              device, rte_strerror(rte_errno)));
    }
    if (const int rc = rte_eth_rx_queue_setup(id_, queue, receive_ring, node, nullptr, pool(queue));
        rc != 0) {
      return dpdk_error(device, "set up the receive queue", rc);
    }
    if (const int rc = rte_eth_tx_queue_setup(id_, queue, transmit_ring, node, nullptr); rc != 0) {
      return dpdk_error(device, "set up the transmit queue", rc);
    }
  }
  return {};
}

Result<void> DpdkPort::start(const std::string& device) {
  if (const int rc = rte_eth_dev_start(id_); rc != 0) return dpdk_error(device, "start", rc);
  // Neighbour Discovery asks by multicast. Software devices pass everything on anyway.
  static_cast<void>(rte_eth_allmulticast_enable(id_));
  rte_ether_addr mac{};
  if (const int rc = rte_eth_macaddr_get(id_, &mac); rc != 0) {
    return dpdk_error(device, "read the MAC address", rc);
  }
  std::ranges::copy(mac.addr_bytes, mac_.octets.begin());
  // net_ring has no address of its own: give it a locally administered one.
  if (mac_ == MacAddress{}) mac_ = made_up_mac(id_);
  return check_link(id_, device);
}

Result<DpdkPort> DpdkPort::open(std::uint16_t id, const std::string& device,
                                const PortSettings& settings) {
  DpdkPort port{id};
  port.interface_ = kernel_interface(device).value_or("");
  port.index_ = if_nametoindex(port.interface_.c_str());
  if (auto ok = port.configure(device, settings); !ok) {
    port.id_ = no_port;  // it may be somebody else's, and running
    return tl::make_unexpected(ok.error());
  }
  // From here on the port is ours to close, whichever step fails.
  if (auto ok = port.set_up_queues(device); !ok) return tl::make_unexpected(ok.error());
  if (auto ok = port.start(device); !ok) return tl::make_unexpected(ok.error());
  if (device.starts_with("net_af_packet")) {
    port.rings_ = std::make_unique<PacketRings>(port.index_);
  }
  return port;
}

bool DpdkPort::link_is_up() const {
  if (!interface_.empty() && !interface_is_up(interface_)) return false;
  rte_eth_link link{};
  return rte_eth_link_get_nowait(id_, &link) != 0 || link.link_status == RTE_ETH_LINK_UP;
}

bool DpdkPort::is_gone() const {
  if (!interface_.empty() && if_nametoindex(interface_.c_str()) != index_) return true;
  return rte_eth_dev_is_removed(id_) == 1;
}

PortCounters DpdkPort::counters() const {
  rte_eth_stats stats{};
  if (rte_eth_stats_get(id_, &stats) != 0) return {};
  const std::uint64_t ring_missed = rings_ ? rings_->missed() : 0;
  return {stats.imissed + ring_missed, stats.ierrors, stats.oerrors, stats.rx_nombuf};
}

DpdkPort::~DpdkPort() {
  if (id_ == no_port) return;
  rte_eth_dev_stop(id_);
  rte_eth_dev_close(id_);
}

}  // namespace strait::probe::dpdk
