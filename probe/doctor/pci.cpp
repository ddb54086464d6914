// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "probe/doctor/checks.hpp"

namespace strait::probe::doctor {
namespace {

Finding finding(const WantedDevice& device, const char* check, Status status, std::string seen,
                std::string meaning = "", std::string remedy = "") {
  return {.group = Group::devices,
          .check = check,
          .subject = device.name,
          .status = status,
          .seen = std::move(seen),
          .meaning = std::move(meaning),
          .remedy = std::move(remedy),
          .access = false};
}

std::string directory(const WantedDevice& device) { return "sys/bus/pci/devices/" + device.pci; }

// The interface that the kernel makes of the device: below it, or below its virtio device.
std::string interface_on(const Machine& machine, const WantedDevice& device) {
  const std::string root = directory(device);
  auto direct = machine.names(root + "/net");
  if (!direct.empty()) return direct.front();
  for (const std::string& name : machine.names(root)) {
    if (!name.starts_with("virtio")) continue;
    auto below = machine.names(fmt::format("{}/{}/net", root, name));
    if (!below.empty()) return below.front();
  }
  return {};
}

// vfio-pci built in, loaded, or there to be loaded.
enum class Module : std::uint8_t { ready, loadable, absent };

Module vfio(const Machine& machine) {
  if (machine.exists("sys/bus/pci/drivers/vfio-pci")) return Module::ready;
  const auto release = machine.line("proc/sys/kernel/osrelease");
  if (!release) return Module::absent;
  for (const char* const list : {"/modules.dep", "/modules.builtin"}) {
    const auto modules = machine.text("lib/modules/" + *release + list);
    if (modules && modules->find("/vfio-pci.ko") != std::string::npos) return Module::loadable;
  }
  return Module::absent;
}

std::string bind_command(const Machine& machine, const WantedDevice& device) {
  const auto bind = fmt::format("dpdk-devbind.py -b vfio-pci {}", device.pci);
  return vfio(machine) == Module::ready ? bind : "modprobe vfio-pci && " + bind;
}

Finding not_bound(const Machine& machine, const WantedDevice& device, const std::string& driver) {
  const std::string interface = interface_on(machine, device);
  std::string seen = driver.empty() ? "no driver is bound" : "bound to " + driver;
  if (!interface.empty()) seen += ", which makes it " + interface;
  if (vfio(machine) == Module::absent) {
    return finding(device, "pci-driver", Status::problem, std::move(seen),
                   "DPDK needs vfio-pci, and this kernel has none: another kernel, or "
                   "net_af_packet on the interface");
  }
  std::string meaning = "DPDK cannot open it";
  if (!interface.empty()) {
    meaning +=
        fmt::format("; binding takes {} away from the kernel, with all that uses it", interface);
  }
  return finding(device, "pci-driver", Status::problem, std::move(seen), std::move(meaning),
                 bind_command(machine, device));
}

Findings check_driver(const Machine& machine, const WantedDevice& device) {
  const auto driver = machine.link_name(directory(device) + "/driver").value_or("");
  if (driver == "vfio-pci")
    return {finding(device, "pci-driver", Status::good, "bound to vfio-pci")};
  if (is_bifurcated(driver)) {
    const bool verbs = machine.exists("sys/class/infiniband_verbs");
    return {finding(device, "pci-driver", verbs ? Status::good : Status::problem,
                    fmt::format("bound to {}{}", driver, verbs ? "" : ", without ib_uverbs"),
                    verbs ? "shared between DPDK and the kernel" : "DPDK cannot open it",
                    verbs ? "" : "modprobe ib_uverbs")};
  }
  if (driver == "uio_pci_generic" || driver == "igb_uio") {
    return {finding(device, "pci-driver", Status::note, "bound to " + driver,
                    "it works as root, without the protection of an IOMMU",
                    bind_command(machine, device))};
  }
  return {not_bound(machine, device, driver)};
}

Findings check_iommu(const Machine& machine, const WantedDevice& device) {
  const auto driver = machine.link_name(directory(device) + "/driver").value_or("");
  if (driver != "vfio-pci") return {};
  if (const auto group = machine.link_name(directory(device) + "/iommu_group")) {
    const std::string file = "/dev/vfio/" + *group;
    if (!machine.exists(file.substr(1))) {
      return {finding(device, "iommu", Status::problem,
                      fmt::format("IOMMU group {}, but {} is not there", *group, file),
                      "DPDK cannot open it; in a container the file must be handed in")};
    }
    return {finding(device, "iommu", Status::good, "IOMMU group " + *group)};
  }
  constexpr auto unsafe = "sys/module/vfio/parameters/enable_unsafe_noiommu_mode";
  if (machine.line(unsafe) == "Y") {
    return {finding(device, "iommu", Status::note, "no IOMMU; vfio works without one",
                    "the device can write to all memory")};
  }
  return {finding(device, "iommu", Status::problem, "no IOMMU group", "vfio-pci refuses it",
                  fmt::format("echo Y > /{}", unsafe))};
}

Findings check_device(const Machine& machine, const WantedDevice& device) {
  if (!machine.exists(directory(device))) {
    Finding gone = finding(device, "pci-device", Status::problem, "no such PCI device",
                           "nothing can be sent through it", "ls /sys/bus/pci/devices");
    gone.access = true;
    return {std::move(gone)};
  }
  Findings findings = check_driver(machine, device);
  append(findings, check_iommu(machine, device));
  return findings;
}

Finding machine_iommu(const Machine& machine) {
  const std::size_t groups = machine.names("sys/kernel/iommu_groups").size();
  Finding found = finding({}, "iommu", Status::good,
                          groups == 0 ? "no IOMMU" : fmt::format("{} IOMMU groups", groups));
  switch (vfio(machine)) {
    case Module::ready:
      found.seen += ", vfio-pci is there";
      break;
    case Module::loadable:
      found.seen += ", vfio-pci can be loaded";
      break;
    case Module::absent:
      found.seen += ", no vfio-pci in this kernel";
  }
  found.meaning = "only PCI devices need them";
  return found;
}

}  // namespace

bool is_bifurcated(std::string_view driver) {
  static constexpr std::array<std::string_view, 3> drivers{"mlx4_core", "mlx5_core", "mana"};
  return std::ranges::find(drivers, driver) != drivers.end();
}

bool Wanted::has_pci() const {
  return std::ranges::any_of(devices,
                             [](const WantedDevice& device) { return !device.pci.empty(); });
}

Findings check_pci(const Machine& machine, const Wanted& wanted) {
  if (wanted.engine != Engine::dpdk) return {};
  if (!wanted.has_pci()) return {machine_iommu(machine)};
  Findings findings;
  for (const WantedDevice& device : wanted.devices) {
    if (!device.pci.empty()) append(findings, check_device(machine, device));
  }
  return findings;
}

std::optional<int> node_of(const Machine& machine, const WantedDevice& device) {
  std::optional<std::int64_t> node;
  if (!device.pci.empty()) {
    node = machine.number(directory(device) + "/numa_node");
  } else if (!device.interface.empty()) {
    const auto hardware = "sys/class/net/" + device.interface + "/device";
    node = machine.number(hardware + "/numa_node");
    // A virtio device has no node of its own, the PCI device above it has.
    if (!node) node = machine.number(hardware + "/../numa_node");
  }
  if (!node || *node < 0) return std::nullopt;
  return static_cast<int>(*node);
}

}  // namespace strait::probe::doctor
