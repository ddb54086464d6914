// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/duration.hpp"
#include "probe/doctor/finding.hpp"
#include "probe/doctor/machine.hpp"
#include "probe/options.hpp"

namespace strait::probe::doctor {

// A device that shall carry probes.
struct WantedDevice {
  std::string name;       // as the user wrote it
  std::string driver;     // of a DPDK device that is virtual: "net_af_packet"; else empty
  std::string interface;  // of the kernel's, if there is one under it
  std::string pci;        // "0000:03:00.0", if it is one
  // The longest IP packet that shall leave through it, MPLS labels included; 0: not known.
  std::size_t longest_packet = 0;
};

// What the machine shall do.
struct Wanted {
  Engine engine = Engine::socket;
  bool configured = false;  // there is a configuration, so what it does not name is not needed
  bool icmp = true;
  bool tcp = false;
  bool marks = false;
  std::vector<WantedDevice> devices;
  bool huge_pages = false;
  unsigned memory_mb = 64;
  std::vector<unsigned> cores;  // of the polling threads
  bool busy = false;            // which never sleeps
  Nanos clock_error_limit{1'000'000};
  std::optional<Nanos> own_clock_error;  // as the configuration tells

  [[nodiscard]] bool has_pci() const;
};

// Each looks at one topic. Pure but for what the machine and its kernel answer.
[[nodiscard]] Findings check_privileges(const Machine& machine, const Wanted& wanted);
[[nodiscard]] Findings check_memory(const Machine& machine, const Wanted& wanted);
[[nodiscard]] Findings check_pci(const Machine& machine, const Wanted& wanted);
[[nodiscard]] Findings check_interfaces(const Machine& machine, const Wanted& wanted);
[[nodiscard]] Findings check_processor(const Machine& machine, const Wanted& wanted);
[[nodiscard]] Findings check_tsc(const Machine& machine, const Wanted& wanted);
[[nodiscard]] Findings check_timers(const Machine& machine, const Wanted& wanted);
[[nodiscard]] Findings check_clock(const Machine& machine, const Wanted& wanted);

// All of them.
[[nodiscard]] Findings examine(const Machine& machine, const Wanted& wanted);

// The interfaces to look at when nobody names one: those with hardware under them, else those that
// are up, without the loopback.
[[nodiscard]] std::vector<std::string> interfaces_of(const Machine& machine);

// The NUMA node of a PCI device or of the hardware under an interface; absent: unknown, or the
// machine has only one.
[[nodiscard]] std::optional<int> node_of(const Machine& machine, const WantedDevice& device);

// Whether this process holds a capability of linux/capability.h; absent: cannot be seen.
[[nodiscard]] std::optional<bool> holds_capability(const Machine& machine, unsigned number);

// A driver that DPDK uses through the kernel's, which keeps the interface.
[[nodiscard]] bool is_bifurcated(std::string_view driver);

// A command that has the kernel boot with `parameters`, where the machine boots by GRUB as Debian
// sets it up; else empty.
[[nodiscard]] std::string boot_command(const Machine& machine, const std::string& parameters);

}  // namespace strait::probe::doctor
