// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/address.hpp"
#include "core/result.hpp"
#include "probe/dpdk/options.hpp"

namespace strait::probe::dpdk {

// What DPDK says of a device and its driver, for people to read.
struct DeviceFacts {
  std::string driver;  // "net_af_packet", "mlx5_pci"
  MacAddress mac;
  std::optional<int> node;           // NUMA
  std::uint16_t receive_queues = 0;  // at most
  std::uint16_t transmit_queues = 0;
  std::uint16_t mtu = 0;
  std::uint16_t largest_mtu = 0;
  bool receive_stamps = false;     // hardware timestamps
  bool receive_checksums = false;  // of IPv4 and UDP
  bool transmit_checksums = false;
  bool vlan_insertion = false;
  bool spreads_flows = false;  // RSS
  // Of a port that runs.
  std::optional<bool> link_up;
  std::uint32_t link_mbps = 0;  // 0: unknown
  std::uint64_t missed = 0;     // dropped by the device since it started
  std::uint64_t receive_errors = 0;
  std::uint64_t no_buffer = 0;
  std::uint64_t transmit_errors = 0;
};

// Starts the EAL where it does not run yet, and attaches the device. `running`: a transport has its
// port, so that link and counters mean something; otherwise the port stays as it is.
[[nodiscard]] Result<DeviceFacts> device_facts(const DpdkOptions& options,
                                               const std::string& device, bool running);

// The same of a device that nobody uses yet: starts its port, and closes it again for good.
[[nodiscard]] Result<DeviceFacts> try_device(const DpdkOptions& options, const std::string& device);

}  // namespace strait::probe::dpdk
