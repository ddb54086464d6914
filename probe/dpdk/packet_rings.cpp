// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/packet_rings.hpp"

#include <linux/if_packet.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

namespace strait::probe::dpdk {

PacketRings::PacketRings(unsigned interface_index) : interface_index_{interface_index} {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd", failed}) {
    const std::string name = entry.path().filename().string();
    int socket = -1;
    std::from_chars(name.data(), name.data() + name.size(), socket);
    if (is_ours(socket)) sockets_.push_back(socket);
  }
}

bool PacketRings::is_ours(int socket) const {
  sockaddr_ll address{};
  socklen_t size = sizeof address;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return false;
  return address.sll_family == AF_PACKET &&
         address.sll_ifindex == static_cast<int>(interface_index_);
}

std::uint64_t PacketRings::missed() {
  for (const int socket : sockets_) {
    if (!is_ours(socket)) continue;  // closed, and its number given to another
    tpacket_stats counts{};
    socklen_t size = sizeof counts;
    // Reading it sets it back to 0.
    if (getsockopt(socket, SOL_PACKET, PACKET_STATISTICS, &counts, &size) == 0) {
      missed_ += counts.tp_drops;
    }
  }
  return missed_;
}

}  // namespace strait::probe::dpdk
