// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <span>
#include <string_view>

#include "probe/doctor/checks.hpp"

namespace strait::probe::doctor {
namespace {

// Numbers of linux/capability.h.
struct Capability {
  unsigned bit;
  const char* name;
};
constexpr Capability net_admin{12, "cap_net_admin"};
constexpr Capability net_raw{13, "cap_net_raw"};
constexpr Capability ipc_lock{14, "cap_ipc_lock"};
constexpr Capability sys_admin{21, "cap_sys_admin"};
constexpr Capability sys_nice{23, "cap_sys_nice"};
constexpr Capability bpf{39, "cap_bpf"};
constexpr std::array shown{net_raw, net_admin, ipc_lock, sys_nice, sys_admin, bpf};

struct Need {
  Capability capability;
  std::string subject;  // what needs it
  Status without = Status::problem;
  std::string meaning;  // without it
};

Finding finding(const char* check, Status status, std::string seen, std::string meaning = "",
                std::string remedy = "") {
  return {.group = Group::privileges,
          .check = check,
          .subject = "",
          .status = status,
          .seen = std::move(seen),
          .meaning = std::move(meaning),
          .remedy = std::move(remedy),
          .access = false};
}

// The capabilities that count when this process asks the kernel for something.
std::optional<std::uint64_t> effective(const Machine& machine) {
  const auto status = machine.text("proc/self/status");
  if (!status) return std::nullopt;
  const auto mask = field(*status, "CapEff");
  if (!mask) return std::nullopt;
  std::uint64_t held = 0;
  const char* const end = mask->data() + mask->size();
  if (std::from_chars(mask->data(), end, held, 16).ptr != end) return std::nullopt;
  return held;
}

bool holds(std::uint64_t held, const Capability& capability) {
  return (held >> capability.bit & 1U) != 0;
}

// icmp(7): the effective group or one of the others must be inside the range.
std::optional<bool> may_ping(const Machine& machine) {
  const auto status = machine.text("proc/self/status");
  const auto range = machine.line("proc/sys/net/ipv4/ping_group_range");
  if (!status || !range) return std::nullopt;
  const auto number = [](const std::string& text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  };
  const auto bounds = words(*range);
  const auto ids = words(field(*status, "Gid").value_or(""));
  if (bounds.size() != 2 || ids.size() < 2) return std::nullopt;
  auto groups = words(field(*status, "Groups").value_or(""));
  groups.push_back(ids[1]);
  return std::ranges::any_of(groups, [&](const std::string& group) {
    return number(group) >= number(bounds[0]) && number(group) <= number(bounds[1]);
  });
}

void need_for_sockets(const Machine& machine, const Wanted& wanted, std::vector<Need>& needs) {
  if (wanted.icmp && may_ping(machine) != true) {
    needs.push_back({net_raw, "ICMP probes", wanted.configured ? Status::problem : Status::warning,
                     "ICMP targets cannot be probed; STAMP needs no capability"});
  }
  if (wanted.tcp) {
    needs.push_back({net_raw, "TCP probes", Status::warning,
                     "they go by connect(), with this program's own times"});
  }
  if (wanted.marks) {
    needs.push_back(
        {net_admin, "firewall marks", Status::problem, "a path with a mark cannot be opened"});
  }
}

void need_for_pci(const Machine& machine, const WantedDevice& device, std::vector<Need>& needs) {
  const auto driver = machine.link_name("sys/bus/pci/devices/" + device.pci + "/driver");
  if (is_bifurcated(driver.value_or(""))) {
    needs.push_back({net_raw, device.name, Status::problem, "the kernel refuses to share it"});
  } else if (driver != "vfio-pci") {
    needs.push_back({sys_admin, device.name, Status::problem,
                     "DPDK cannot tell the device where its buffers are"});
  }
  needs.push_back({ipc_lock, device.name, Status::warning,
                   "memory that the device may use can only be locked up to the limit below"});
}

void need_for_dpdk(const Machine& machine, const WantedDevice& device, std::vector<Need>& needs) {
  constexpr auto closed = "the device cannot be opened";
  if (!device.pci.empty()) {
    need_for_pci(machine, device, needs);
  } else if (device.driver.starts_with("net_af_packet") || device.driver.starts_with("net_pcap")) {
    needs.push_back({net_raw, device.name, Status::problem, closed});
    needs.push_back({net_admin, device.name, Status::problem, closed});
  } else if (device.driver.starts_with("net_af_xdp")) {
    needs.push_back({net_raw, device.name, Status::problem, closed});
    needs.push_back({net_admin, device.name, Status::problem, closed});
    needs.push_back({bpf, device.name, Status::problem, closed});
  } else if (device.driver.starts_with("net_tap")) {
    needs.push_back({net_admin, device.name, Status::problem, closed});
  }
}

// Each capability once, with all that needs it.
std::vector<Need> merged(const std::vector<Need>& needs) {
  std::vector<Need> all;
  for (const Need& need : needs) {
    const auto same = std::ranges::find_if(
        all, [&](const Need& known) { return known.capability.bit == need.capability.bit; });
    if (same == all.end()) {
      all.push_back(need);
      continue;
    }
    same->subject += ", " + need.subject;
    if (need.without > same->without) {
      same->without = need.without;
      same->meaning = need.meaning;
    }
  }
  return all;
}

std::vector<Need> needs_of(const Machine& machine, const Wanted& wanted) {
  std::vector<Need> needs;
  if (wanted.engine == Engine::socket) {
    need_for_sockets(machine, wanted, needs);
    return needs;
  }
  for (const WantedDevice& device : wanted.devices) need_for_dpdk(machine, device, needs);
  if (wanted.devices.empty() && !wanted.configured) {
    needs.push_back({net_raw, "af_packet devices", Status::warning, "they cannot be opened"});
    needs.push_back({net_admin, "af_packet devices", Status::warning, "they cannot be opened"});
  }
  return needs;
}

// One command for all that is needed: setcap replaces what the file had.
std::string setcap_command(const Machine& machine, const std::vector<Need>& needs) {
  std::vector<std::string_view> names;
  names.reserve(needs.size());
  for (const Need& need : needs) names.emplace_back(need.capability.name);
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  const auto program = machine.link("proc/self/exe");
  return fmt::format("setcap {}+ep {}", fmt::join(names, ","),
                     program ? "'" + *program + "'" : "\"$(command -v strait)\"");
}

std::string held_text(std::uint64_t held) {
  std::vector<const char*> names;
  for (const Capability& capability : shown) {
    if (holds(held, capability)) names.push_back(capability.name);
  }
  if (names.empty()) return "holds none that matter here";
  return fmt::format("holds {}", fmt::join(names, ", "));
}

Findings check_needs(const Machine& machine, const std::vector<Need>& needs) {
  const auto held = effective(machine);
  if (!held) {
    return {finding("capabilities", Status::unknown, "/proc/self/status does not tell them")};
  }
  Findings findings{finding("capabilities", Status::good, held_text(*held),
                            needs.empty() ? "none is needed" : "")};
  for (const Need& need : needs) {
    if (holds(*held, need.capability)) continue;
    // CAP_SYS_ADMIN held all that CAP_BPF does before that was split off (Linux 5.8).
    if (need.capability.bit == bpf.bit && holds(*held, sys_admin)) continue;
    Finding missing =
        finding("capability", need.without, fmt::format("{} is missing", need.capability.name),
                need.meaning, setcap_command(machine, needs));
    missing.subject = need.subject;
    missing.access = need.without == Status::problem;
    findings.push_back(std::move(missing));
  }
  return findings;
}

Findings check_ping(const Machine& machine, const Wanted& wanted) {
  if (wanted.engine != Engine::socket || !wanted.icmp) return {};
  const auto allowed = may_ping(machine);
  if (!allowed) {
    return {finding("ping-sockets", Status::unknown, "net.ipv4.ping_group_range cannot be read")};
  }
  if (*allowed) return {finding("ping-sockets", Status::good, "allowed to this user")};
  const auto held = effective(machine);
  const bool raw = held && holds(*held, net_raw);
  // Where raw sockets serve, this is as good: it only says which of the two is used.
  return {finding("ping-sockets", raw ? Status::good : Status::note,
                  "not allowed to this user by net.ipv4.ping_group_range",
                  raw ? "raw sockets serve" : "the other way to ICMP, without cap_net_raw",
                  raw ? "" : "sysctl -w net.ipv4.ping_group_range='0 2147483647'")};
}

// What the socket engine asks for per socket; see SocketOptions.
constexpr std::int64_t wanted_buffer = std::int64_t{32} << 20U;

Findings check_receive_buffer(const Machine& machine, const Wanted& wanted) {
  if (wanted.engine != Engine::socket) return {};
  const auto held = effective(machine);
  const auto most = machine.number("proc/sys/net/core/rmem_max");
  if (!held || !most) {
    return {finding("receive-buffer", Status::unknown, "its limit cannot be read")};
  }
  if (holds(*held, net_admin) || *most >= wanted_buffer) {
    return {finding("receive-buffer", Status::good, "as large as strait asks for (32 MiB)")};
  }
  return {finding("receive-buffer", Status::note,
                  fmt::format("limited to {} KiB by net.core.rmem_max", *most / 1024),
                  "only bursts of many thousand replies need more",
                  fmt::format("sysctl -w net.core.rmem_max={}", wanted_buffer))};
}

}  // namespace

std::optional<bool> holds_capability(const Machine& machine, unsigned number) {
  const auto held = effective(machine);
  if (!held) return std::nullopt;
  return (*held >> number & 1U) != 0;
}

Findings check_privileges(const Machine& machine, const Wanted& wanted) {
  Findings findings = check_needs(machine, merged(needs_of(machine, wanted)));
  append(findings, check_ping(machine, wanted));
  append(findings, check_receive_buffer(machine, wanted));
  return findings;
}

}  // namespace strait::probe::doctor
