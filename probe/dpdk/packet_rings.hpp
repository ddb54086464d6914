// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace strait::probe::dpdk {

// The packet sockets (packet(7)) that this process has on an interface: those of net_af_packet. The
// kernel drops what finds their receive ring full and says so to their owner only, and the driver
// does not ask. Without this a reply that was lost here would be called lost on the path.
class PacketRings {
 public:
  // Those that are open now.
  explicit PacketRings(unsigned interface_index);

  // Frames that the kernel has dropped for want of room, since the rings are there. Any thread.
  [[nodiscard]] std::uint64_t missed();

 private:
  [[nodiscard]] bool is_ours(int socket) const;

  unsigned interface_index_;
  std::vector<int> sockets_;  // the driver's
  std::atomic<std::uint64_t> missed_{0};
};

}  // namespace strait::probe::dpdk
