// SPDX-License-Identifier: Apache-2.0
#include "tests/probe/doctor/fake_machine.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

namespace strait::probe::doctor {

Result<StampAbilities> FakeKernel::stamps(const std::string& interface) const {
  const auto found = abilities.find(interface);
  if (found == abilities.end()) return fail(Errc::io, "nobody told");
  return found->second;
}

std::optional<std::string> FakeKernel::driver(const std::string& interface) const {
  const auto found = drivers.find(interface);
  return found == drivers.end() ? std::nullopt : std::optional{found->second};
}

FakeMachine::FakeMachine() {
  static unsigned number = 0;
  root_ = std::filesystem::temp_directory_path() /
          fmt::format("strait-doctor-{}-{}", ::getpid(), number++);
  std::filesystem::create_directories(root_);
}

FakeMachine::~FakeMachine() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

FakeMachine& FakeMachine::file(const std::string& path, std::string_view content) {
  std::filesystem::create_directories((root_ / path).parent_path());
  std::ofstream{root_ / path} << content;
  return *this;
}

FakeMachine& FakeMachine::directory(const std::string& path) {
  std::filesystem::create_directories(root_ / path);
  return *this;
}

FakeMachine& FakeMachine::link(const std::string& path, const std::string& target) {
  std::filesystem::create_directories((root_ / path).parent_path());
  std::filesystem::remove(root_ / path);
  std::filesystem::create_symlink(target, root_ / path);
  return *this;
}

FakeMachine& FakeMachine::remove(const std::string& path) {
  std::filesystem::remove_all(root_ / path);
  return *this;
}

FakeMachine& FakeMachine::process(std::string_view capabilities, unsigned group) {
  return file("proc/self/status",
              fmt::format("Name:\tstrait\nGid:\t{0}\t{0}\t{0}\t{0}\nGroups:\t24 25 \nCapEff:\t{1}\n"
                          "Cpus_allowed_list:\t0-3\n",
                          group, capabilities));
}

FakeMachine& FakeMachine::pci(const std::string& address, const std::string& driver) {
  const auto device = "sys/bus/pci/devices/" + address;
  directory(device);
  if (driver.empty()) return remove(device + "/driver");
  directory("sys/bus/pci/drivers/" + driver);
  return link(device + "/driver", "../../drivers/" + driver);
}

FakeMachine& FakeMachine::interface(const std::string& name) {
  kernel.interfaces.insert(name);
  const auto at = "sys/class/net/" + name;
  return file(at + "/flags", "0x1003\n")
      .file(at + "/carrier", "1\n")
      .file(at + "/mtu", "1500\n")
      .file(at + "/statistics/rx_dropped", "0\n");
}

void make_bare(FakeMachine& machine) {
  machine.process("000001fffeffffff")
      .link("proc/self/exe", "/usr/bin/strait")
      .file("proc/self/limits", "Max locked memory         8388608              8388608   bytes\n")
      .file("proc/self/timerslack_ns", "50000\n")
      .file("proc/sys/net/ipv4/ping_group_range", "1\t0\n")
      .file("proc/sys/net/core/rmem_max", "212992\n")
      .file("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n")
      .file("proc/version", "Linux version 6.1.0-18-amd64 (gcc) #1 SMP PREEMPT_DYNAMIC Debian\n")
      .file("proc/cpuinfo",
            "processor\t: 0\nflags\t\t: fpu tsc constant_tsc nonstop_tsc hypervisor\n")
      .file("proc/stat", "cpu  1000 0 1000 90000 0 0 0 10 0 0\n")
      .file("proc/1/comm", "systemd\n")
      .file("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0\n")
      .file("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "0\n")
      .file("sys/devices/system/cpu/online", "0-3\n")
      .file("sys/devices/system/cpu/isolated", "\n")
      .file("sys/devices/system/node/online", "0\n")
      .file("sys/devices/system/clocksource/clocksource0/current_clocksource", "kvm-clock\n")
      .file("sys/devices/system/clocksource/clocksource0/available_clocksource",
            "kvm-clock tsc acpi_pm \n")
      .interface("eth0");
  machine.kernel.drivers["eth0"] = "virtio_net";
  machine.kernel.abilities["eth0"] = {.software_receive = true,
                                      .software_transmit = true,
                                      .hardware_receive = false,
                                      .hardware_transmit = false,
                                      .card_clock = {},
                                      .receiving_on = {}};
}

void make_tuned(FakeMachine& machine) {
  make_bare(machine);
  const std::string address = "0000:3b:00.0";
  machine.pci(address, "mlx5_core")
      .file("sys/bus/pci/devices/" + address + "/numa_node", "1\n")
      .directory("sys/class/infiniband_verbs")
      .file("proc/cpuinfo", "processor\t: 0\nflags\t\t: tsc constant_tsc nonstop_tsc\n")
      .file("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n")
      .file("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "512\n")
      .file("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "500\n")
      .file("sys/devices/system/node/online", "0-1\n")
      .file("sys/devices/system/node/node1/cpulist", "2-3\n")
      .file("sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages", "256\n")
      .file("sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "250\n")
      .file("sys/devices/system/cpu/isolated", "3\n")
      .file("sys/devices/system/cpu/nohz_full", "3\n")
      .directory("sys/devices/system/cpu/cpu3/node1")
      .file("sys/devices/system/cpu/cpu3/topology/thread_siblings_list", "3\n")
      .file("sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "performance\n")
      .file("sys/devices/system/cpu/cpu3/cpuidle/state1/name", "C1\n")
      .file("sys/devices/system/cpu/cpu3/cpuidle/state1/latency", "2\n")
      .file("sys/devices/system/cpu/cpu3/cpuidle/state1/disable", "0\n")
      .file("proc/812/comm", "chronyd\n");
}

Wanted dpdk_on(const WantedDevice& device) {
  Wanted wanted;
  wanted.engine = Engine::dpdk;
  wanted.configured = true;
  wanted.devices.push_back(device);
  return wanted;
}

WantedDevice af_packet(const std::string& interface) {
  return {.name = "net_af_packet0,iface=" + interface,
          .driver = "net_af_packet0",
          .interface = interface,
          .pci = "",
          .longest_packet = 0};
}

WantedDevice pci_device(const std::string& address) {
  return {.name = address, .driver = "", .interface = "", .pci = address, .longest_packet = 0};
}

Finding the(const Findings& findings, std::string_view check, std::string_view subject) {
  Findings those;
  std::ranges::copy_if(findings, std::back_inserter(those), [&](const Finding& finding) {
    return finding.check == check && (subject == "*" || finding.subject == subject);
  });
  CAPTURE(check, subject);
  REQUIRE(those.size() == 1);
  return those.front();
}

bool has(const Findings& findings, std::string_view check) {
  return std::ranges::count(findings, check, &Finding::check) > 0;
}

}  // namespace strait::probe::doctor
