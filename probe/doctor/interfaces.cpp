// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "probe/doctor/checks.hpp"

namespace strait::probe::doctor {
namespace {

Finding finding(const std::string& interface, const char* check, Status status, std::string seen,
                std::string meaning = "", std::string remedy = "") {
  return {.group = Group::devices,
          .check = check,
          .subject = interface,
          .status = status,
          .seen = std::move(seen),
          .meaning = std::move(meaning),
          .remedy = std::move(remedy),
          .access = false};
}

std::string directory(const std::string& interface) { return "sys/class/net/" + interface; }

// IFF_UP and IFF_LOOPBACK of linux/if.h.
constexpr std::uint64_t flag_up = 0x1;
constexpr std::uint64_t flag_loopback = 0x8;

std::optional<std::uint64_t> flags_of(const Machine& machine, const std::string& interface) {
  const auto text = machine.line(directory(interface) + "/flags");
  if (!text || !text->starts_with("0x")) return std::nullopt;
  std::uint64_t flags = 0;
  std::from_chars(text->data() + 2, text->data() + text->size(), flags, 16);
  return flags;
}

bool is_up(const Machine& machine, const std::string& interface) {
  return (flags_of(machine, interface).value_or(0) & flag_up) != 0;
}

Finding check_driver(const Machine& machine, const Wanted& wanted, const std::string& interface) {
  const auto driver = machine.kernel().driver(interface);
  if (!driver) return finding(interface, "driver", Status::good, "no driver: made by the kernel");
  if (!is_bifurcated(*driver)) return finding(interface, "driver", Status::good, *driver);
  const auto pci = machine.link_name(directory(interface) + "/device").value_or("its PCI address");
  return finding(interface, "driver", Status::good, *driver,
                 wanted.engine == Engine::dpdk
                     ? fmt::format("DPDK can share it with the kernel: device {}", pci)
                     : "");
}

std::string speed_text(const Machine& machine, const std::string& interface) {
  const auto speed = machine.number(directory(interface) + "/speed");
  if (!speed || *speed <= 0) return "";
  return *speed % 1000 == 0 ? fmt::format(", {} Gb/s", *speed / 1000)
                            : fmt::format(", {} Mb/s", *speed);
}

// `needed`: somebody named it, so it must carry probes.
Finding check_link(const Machine& machine, const std::string& interface, bool needed) {
  const Status bad = needed ? Status::problem : Status::note;
  const auto flags = flags_of(machine, interface);
  if (!flags) return finding(interface, "link", Status::unknown, "its flags cannot be read");
  if ((*flags & flag_up) == 0) {
    return finding(interface, "link", bad, "down", needed ? "nothing can be sent" : "",
                   fmt::format("ip link set {} up", interface));
  }
  if (machine.number(directory(interface) + "/carrier") == 0) {
    return finding(interface, "link", bad, "up, but without a carrier",
                   "look at the cable and the far end");
  }
  return finding(interface, "link", Status::good, "up" + speed_text(machine, interface));
}

Findings check_mtu(const Machine& machine, const Wanted& wanted, const WantedDevice& device) {
  const auto mtu = machine.number(directory(device.interface) + "/mtu");
  if (!mtu) return {finding(device.interface, "mtu", Status::unknown, "it cannot be read")};
  const auto seen = fmt::format("{} octets", *mtu);
  if (static_cast<std::size_t>(*mtu) >= device.longest_packet) {
    return {finding(device.interface, "mtu", Status::good, seen)};
  }
  const bool fragments = wanted.engine == Engine::socket;
  return {finding(device.interface, "mtu", fragments ? Status::warning : Status::problem,
                  fmt::format("{}, probes have {}", seen, device.longest_packet),
                  fragments ? "probes leave in fragments" : "none can be sent",
                  fmt::format("ip link set {} mtu {}", device.interface, device.longest_packet))};
}

std::string abilities_text(const StampAbilities& can) {
  const auto both = [](bool receive, bool transmit) {
    if (receive && transmit) return "both ways";
    if (receive) return "on receipt only";
    return transmit ? "on sending only" : "none";
  };
  std::string text = fmt::format("kernel stamps {}, hardware stamps {}",
                                 both(can.software_receive, can.software_transmit),
                                 both(can.hardware_receive, can.hardware_transmit));
  if (can.card_clock) text += fmt::format(", card clock /dev/ptp{}", *can.card_clock);
  return text;
}

Findings check_stamps(const Machine& machine, const Wanted& wanted, const std::string& interface) {
  if (wanted.engine != Engine::socket) return {};  // DPDK does without the kernel's
  const auto can = machine.kernel().stamps(interface);
  if (!can) return {finding(interface, "timestamps", Status::unknown, can.error().message)};
  const auto seen = abilities_text(*can);
  if (!can->software_receive || !can->software_transmit) {
    return {finding(interface, "timestamps", Status::warning, seen,
                    "what is not stamped by the kernel is stamped by strait, when the scheduler "
                    "lets it")};
  }
  if (!can->hardware_receive) {
    return {finding(interface, "timestamps", Status::good, seen,
                    "times include what the card and its interrupt take")};
  }
  if (can->receiving_on == false) {
    return {finding(interface, "timestamps", Status::note, seen + ", switched off",
                    "the kernel's stamps are used; the card's count only while its clock keeps UTC",
                    fmt::format("hwstamp_ctl -i {0} -t 1 -r 1 && phc2sys -s CLOCK_REALTIME -c {0} "
                                "-O 0",
                                interface))};
  }
  return {finding(interface, "timestamps", Status::good, seen)};
}

// Packets that this machine lost before strait could see them.
Findings check_counters(const Machine& machine, const std::string& interface) {
  static constexpr std::array<const char*, 9> names{
      "rx_dropped", "rx_missed_errors", "rx_fifo_errors", "rx_over_errors",   "rx_crc_errors",
      "rx_errors",  "tx_dropped",       "tx_errors",      "tx_carrier_errors"};
  std::string seen;
  bool read = false;
  for (const char* const name : names) {
    const auto count = machine.number(directory(interface) + "/statistics/" + name);
    if (!count) continue;
    read = true;
    if (*count == 0) continue;
    seen += fmt::format("{}{} {}", seen.empty() ? "" : ", ", name, *count);
  }
  if (!read) return {finding(interface, "counters", Status::unknown, "they cannot be read")};
  if (seen.empty()) {
    return {finding(interface, "counters", Status::good, "no drop and no error so far")};
  }
  return {finding(interface, "counters", Status::note, seen,
                  "while one grows, replies may be lost in this machine",
                  fmt::format("watch -d -n 1 ip -s -s link show {}", interface))};
}

Findings check_interface(const Machine& machine, const Wanted& wanted, const WantedDevice& device,
                         bool needed) {
  const std::string& name = device.interface;
  if (!machine.kernel().has_interface(name)) {
    Finding gone =
        finding(name, "interface", Status::problem, "no such interface in this network namespace",
                "nothing can be sent through it", "ip link");
    gone.access = true;
    return {std::move(gone)};
  }
  if (!machine.exists(directory(name))) {
    Findings findings{check_driver(machine, wanted, name)};
    append(findings, check_stamps(machine, wanted, name));
    findings.push_back(
        finding(name, "interface", Status::unknown,
                "/sys is of another network namespace: link, MTU and counters cannot "
                "be seen",
                "", fmt::format("ip -s -s link show {}", name)));
    return findings;
  }
  Findings findings{check_driver(machine, wanted, name), check_link(machine, name, needed)};
  append(findings, check_mtu(machine, wanted, device));
  append(findings, check_stamps(machine, wanted, name));
  append(findings, check_counters(machine, name));
  return findings;
}

Findings check_busy_poll(const Machine& machine, const Wanted& wanted) {
  if (wanted.engine != Engine::socket) return {};
  const auto poll = machine.number("proc/sys/net/core/busy_poll");
  const auto read = machine.number("proc/sys/net/core/busy_read");
  if (!poll || !read) return {};
  Finding found = finding("", "busy-poll", Status::good,
                          fmt::format("net.core.busy_poll {} us, busy_read {} us", *poll, *read));
  if (*poll > 0 || *read > 0) {
    found.status = Status::note;
    found.meaning = "the kernel spins for replies: they come sooner and cost more of a processor";
  }
  return {std::move(found)};
}

}  // namespace

std::vector<std::string> interfaces_of(const Machine& machine) {
  std::vector<std::string> hardware;
  std::vector<std::string> up;
  for (const std::string& name : machine.names("sys/class/net")) {
    const auto flags = flags_of(machine, name);
    if (!flags || (*flags & flag_loopback) != 0) continue;
    if (!machine.kernel().has_interface(name)) continue;
    if (machine.exists(directory(name) + "/device")) hardware.push_back(name);
    if (is_up(machine, name)) up.push_back(name);
  }
  return hardware.empty() ? up : hardware;
}

Findings check_interfaces(const Machine& machine, const Wanted& wanted) {
  Findings findings;
  std::vector<std::string> seen;
  const auto look = [&](const WantedDevice& device, bool needed) {
    if (device.interface.empty() || std::ranges::count(seen, device.interface) > 0) return;
    seen.push_back(device.interface);
    append(findings, check_interface(machine, wanted, device, needed));
  };
  for (const WantedDevice& device : wanted.devices) look(device, true);
  if (wanted.devices.empty()) {
    for (const std::string& name : interfaces_of(machine)) {
      look({.name = name, .driver = "", .interface = name, .pci = "", .longest_packet = 0}, false);
    }
  }
  if (findings.empty() && wanted.devices.empty()) {
    findings.push_back(finding("", "interface", Status::unknown,
                               "none with hardware and none that is up can be seen", "",
                               "ip link"));
  }
  append(findings, check_busy_poll(machine, wanted));
  return findings;
}

}  // namespace strait::probe::doctor
