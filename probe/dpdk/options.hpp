// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/config.hpp"

namespace strait::probe::dpdk {

// `busy` looks at the device all the time and takes a whole core; `adaptive` sleeps while nothing
// is due or expected and looks closely only around the time a reply should come.
enum class Poll : std::uint8_t { adaptive, busy };

// What [dpdk] says. The EAL starts once per process with the first options it is given.
struct DpdkOptions {
  // EAL devices, in its own words: "net_af_packet0,iface=veth0", or a PCI address "0000:03:00.0".
  // Virtual ones may also be named later, by a path; PCI devices must stand here.
  std::vector<std::string> devices;
  bool huge_pages = false;
  unsigned memory_mb = 64;
  // A polling thread is pinned to each of these CPUs, and the sessions are shared out among them.
  // Empty: one thread, wherever the scheduler puts it.
  std::vector<unsigned> cores;
  std::size_t mtu = 1500;  // of the ports, in octets of IP packet
  Poll poll = Poll::adaptive;
  // Of a core, that an adaptive thread takes for looking and working before it naps more.
  double poll_share = 0.2;
  std::vector<std::string> eal_arguments;  // handed on as they are, after ours

  [[nodiscard]] std::size_t threads() const { return cores.empty() ? 1 : cores.size(); }

  friend bool operator==(const DpdkOptions&, const DpdkOptions&) = default;
};

// Reads the table [dpdk].
[[nodiscard]] DpdkOptions read_dpdk_options(ConfigTable table);

// "net_af_packet0" of "net_af_packet0,iface=veth0": the name of the port.
[[nodiscard]] std::string device_name(const std::string& device);
// The value of `key` in a device's arguments ("veth0" of iface), if it is there.
[[nodiscard]] std::optional<std::string> device_argument(const std::string& device,
                                                         const std::string& key);
// The interface of the kernel that a software device sits on (net_af_packet, net_af_xdp, net_pcap);
// other drivers call other things "iface".
[[nodiscard]] std::optional<std::string> kernel_interface(const std::string& device);
// True for "0000:03:00.0" and "03:00.0".
[[nodiscard]] bool is_pci_device(const std::string& device);

}  // namespace strait::probe::dpdk
