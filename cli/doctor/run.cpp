// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor/run.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <ostream>
#include <set>
#include <tuple>
#include <utility>

#include "cli/doctor/devices.hpp"
#include "cli/doctor/report.hpp"
#include "probe/doctor/linux_kernel.hpp"

namespace strait::cli {
namespace {

using probe::doctor::Finding;
using probe::doctor::Findings;
using probe::doctor::Group;
using probe::doctor::LinuxKernel;
using probe::doctor::Machine;
using probe::doctor::path_finding;
using probe::doctor::Status;
using probe::doctor::Wanted;
using probe::doctor::WantedDevice;

WantedDevice device_of(probe::Engine engine, const std::string& name) {
  WantedDevice device;
  device.name = name;
  if (engine == probe::Engine::socket) {
    device.interface = name;
  } else if (probe::dpdk::is_pci_device(name)) {
    constexpr std::size_t short_form = 7;  // "03:00.0"
    const auto address = probe::dpdk::device_name(name);
    device.pci = address.size() == short_form ? "0000:" + address : address;
  } else {
    device.driver = probe::dpdk::device_name(name);
    device.interface = probe::dpdk::device_argument(name, "iface").value_or("");
  }
  return device;
}

// The device of a flow with this pin, as the engine finds it.
std::string device_name_of(const Configuration& configuration, const probe::PathPin& pin) {
  const auto& listed = configuration.dpdk.devices;
  if (configuration.probe.engine == probe::Engine::socket) return pin.device;
  if (pin.device.empty()) return listed.size() == 1 ? listed.front() : "";
  const auto same = [&](const std::string& device) {
    return probe::dpdk::device_name(device) == probe::dpdk::device_name(pin.device);
  };
  const auto found = std::ranges::find_if(listed, same);
  return found == listed.end() ? pin.device : *found;
}

std::size_t longest_packet(const Configuration& configuration, const probe::PathPin& pin) {
  constexpr std::size_t udp = 8;  // so is the header of ICMP echo
  constexpr std::size_t v4 = 20;
  constexpr std::size_t v6 = 40;
  const bool any_v6 = std::ranges::any_of(
      configuration.targets, [](const auto& target) { return target.address.is_v6(); });
  return configuration.probe.payload + udp + (any_v6 ? v6 : v4) + 4 * pin.labels.size();
}

void add_device(Wanted& wanted, WantedDevice device) {
  if (device.name.empty()) return;
  const auto known = std::ranges::find(wanted.devices, device.name, &WantedDevice::name);
  if (known == wanted.devices.end()) {
    wanted.devices.push_back(std::move(device));
  } else {
    known->longest_packet = std::max(known->longest_packet, device.longest_packet);
  }
}

std::set<std::string> devices_of(const Configuration& configuration,
                                 const std::vector<std::string>& paths) {
  std::set<std::string> devices;
  for (const probe::NamedPin& path : configuration.pins) {
    if (std::ranges::count(paths, path.path) > 0) {
      devices.insert(device_name_of(configuration, path.pin));
    }
  }
  return devices;
}

bool has_problem(const Findings& findings, const std::string& subject) {
  return std::ranges::any_of(findings, [&](const Finding& finding) {
    return finding.subject == subject && finding.status == Status::problem &&
           finding.group == Group::devices;
  });
}

Finding not_tried(const std::string& device) {
  return {.group = Group::devices,
          .check = "dpdk-device",
          .subject = device,
          .status = Status::unknown,
          .seen = "not opened, for what is said above",
          .meaning = "",
          .remedy = "",
          .access = false};
}

// What makes two paths of the dpdk engine differ on the wire.
auto wire_of(const Configuration& configuration, const probe::PathPin& pin) {
  return std::tuple{device_name_of(configuration, pin), pin.next_hop_v4, pin.next_hop_v6, pin.vlans,
                    pin.labels};
}

const PathRoute* route_of(const std::vector<PathRoute>& routes, const std::string& path) {
  const auto found = std::ranges::find(routes, path, &PathRoute::path);
  return found == routes.end() ? nullptr : &*found;
}

// The source address is part of it: a router upstream may choose the way by that.
bool leave_alike(const Configuration& configuration, const std::vector<PathRoute>& routes,
                 const probe::NamedPin& a, const probe::NamedPin& b) {
  if (configuration.probe.engine == probe::Engine::dpdk) {
    return wire_of(configuration, a.pin) == wire_of(configuration, b.pin);
  }
  const PathRoute* const first = route_of(routes, a.path);
  const PathRoute* const second = route_of(routes, b.path);
  if (first == nullptr || second == nullptr) return false;
  const auto facts = [](const PathRoute& path) {
    return std::tie(path.route.interface, path.route.gateway, path.route.source);
  };
  return facts(*first) == facts(*second);
}

Finding alike(const Configuration& configuration, const probe::NamedPin& path,
              const probe::NamedPin& other) {
  const bool dpdk = configuration.probe.engine == probe::Engine::dpdk;
  // A filter may tell marks apart where the routing tables do not.
  const bool surely = dpdk || path.pin.mark == other.pin.mark;
  return path_finding(
      path.path, "distinct", surely ? Status::problem : Status::warning,
      fmt::format("its probes leave exactly as those of path {}", other.path),
      "both measure the same way out",
      dpdk ? "in the [[path]]: another device, next_hop_v4, next_hop_v6, vlans or mpls"
           : "in the [[path]]: another device, source_v4, source_v6 or mark");
}

std::optional<Address> next_hop_of(const Configuration& configuration,
                                   const std::vector<PathRoute>& routes,
                                   const probe::NamedPin& path, bool v6) {
  if (configuration.probe.engine == probe::Engine::dpdk) return path.pin.next_hop(v6);
  const PathRoute* const route = route_of(routes, path.path);
  if (route == nullptr || !route->route.gateway) return std::nullopt;
  return route->route.gateway->is_v6() == v6 ? route->route.gateway : std::nullopt;
}

// The neighbour that BGP names should be where the probes go first, unless it peers over hops.
Findings neighbour_findings(const Configuration& configuration,
                            const std::vector<PathRoute>& routes, const probe::NamedPin& pin) {
  Findings findings;
  const auto path = std::ranges::find(configuration.paths, pin.path, &routes::Path::name);
  if (path == configuration.paths.end()) return findings;
  for (const bool v6 : {false, true}) {
    const auto& neighbour = v6 ? path->neighbor_v6 : path->neighbor_v4;
    const auto hop = next_hop_of(configuration, routes, pin, v6);
    if (!neighbour || !hop || *hop == *neighbour) continue;
    if (hop->is_v6() && hop->to_v6().is_link_local()) continue;  // another name of the same
    findings.push_back(path_finding(pin.path, "bgp-neighbour", Status::note,
                                    fmt::format("its probes go to {}, but its BGP neighbour is {}",
                                                hop->to_string(), neighbour->to_string()),
                                    "right only where that is a session over more than one hop",
                                    ""));
  }
  return findings;
}

Findings try_devices(const Wanted& wanted, const Findings& so_far) {
  Findings findings;
  if (wanted.engine != probe::Engine::dpdk) return findings;
  probe::dpdk::DpdkOptions dpdk;
  for (const WantedDevice& device : wanted.devices) dpdk.devices.push_back(device.name);
  for (const std::string& device : dpdk.devices) {
    // DPDK could only say less well what is wrong with it.
    append(findings, has_problem(so_far, device) ? Findings{not_tried(device)}
                                                 : trial_findings(dpdk, device));
  }
  return findings;
}

// Where a path names no interface, the one that its probes leave through.
void add_routed_devices(const Configuration& configuration, const Machine& machine,
                        Wanted& wanted) {
  if (wanted.engine != probe::Engine::socket) return;
  for (const probe::NamedPin& path : configuration.pins) {
    const probe::Target* const target = target_for(configuration, path.pin);
    if (!path.pin.device.empty() || target == nullptr) continue;
    const auto route = machine.kernel().route(question_of(path.pin, *target));
    if (!route) continue;  // said of the path
    auto device = device_of(wanted.engine, route->interface);
    device.longest_packet = longest_packet(configuration, path.pin);
    add_device(wanted, std::move(device));
  }
}

Findings examine_configuration(const Configuration& configuration, const Machine& machine) {
  Wanted wanted = wanted_of(configuration);
  add_routed_devices(configuration, machine, wanted);
  Findings findings = probe::doctor::examine(machine, wanted);
  Findings devices;
  auto paths = examine_paths(
      configuration, machine.kernel(), [&](const std::vector<std::string>& open_paths) {
        if (wanted.engine != probe::Engine::dpdk) return;
        const auto running = devices_of(configuration, open_paths);
        for (const WantedDevice& device : wanted.devices) {
          append(devices, has_problem(findings, device.name)
                              ? Findings{not_tried(device.name)}
                              : device_findings(configuration.dpdk, device.name,
                                                running.contains(device.name)));
        }
      });
  append(findings, std::move(devices));
  append(findings, std::move(paths.findings));
  append(findings, distinct_findings(configuration, paths.routes));
  return findings;
}

// Progress and events of the engine must not get between the findings.
void log_to_stderr() { spdlog::set_default_logger(spdlog::stderr_color_mt("doctor")); }

}  // namespace

Wanted wanted_of(const Configuration& configuration) {
  Wanted wanted;
  wanted.engine = configuration.probe.engine;
  wanted.configured = true;
  wanted.icmp = std::ranges::any_of(
      configuration.targets, [](const auto& target) { return target.protocol == Protocol::icmp; });
  wanted.tcp = std::ranges::any_of(
      configuration.targets, [](const auto& target) { return target.protocol == Protocol::tcp; });
  wanted.huge_pages = configuration.dpdk.huge_pages;
  wanted.memory_mb = configuration.dpdk.memory_mb;
  wanted.cores = configuration.dpdk.cores;
  wanted.busy = configuration.dpdk.poll == probe::dpdk::Poll::busy;
  wanted.clock_error_limit = configuration.probe.clock_error_limit;
  wanted.own_clock_error = configuration.probe.own_clock_error;
  if (wanted.engine == probe::Engine::dpdk) {
    for (const std::string& name : configuration.dpdk.devices) {
      add_device(wanted, device_of(wanted.engine, name));
    }
  }
  for (const probe::NamedPin& path : configuration.pins) {
    wanted.marks |= path.pin.mark.has_value();
    auto device = device_of(wanted.engine, device_name_of(configuration, path.pin));
    device.longest_packet = longest_packet(configuration, path.pin);
    add_device(wanted, std::move(device));
  }
  return wanted;
}

Wanted wanted_of(const DoctorOptions& options) {
  Wanted wanted;
  wanted.engine = options.engine;
  if (!options.device.empty()) add_device(wanted, device_of(options.engine, options.device));
  return wanted;
}

Findings distinct_findings(const Configuration& configuration,
                           const std::vector<PathRoute>& routes) {
  Findings findings;
  const auto& pins = configuration.pins;
  for (auto path = pins.begin(); path != pins.end(); ++path) {
    const auto other = std::find_if(pins.begin(), path, [&](const probe::NamedPin& earlier) {
      return leave_alike(configuration, routes, *path, earlier);
    });
    if (other != path) findings.push_back(alike(configuration, *path, *other));
    append(findings, neighbour_findings(configuration, routes, *path));
  }
  if (findings.empty() && pins.size() > 1) {
    findings.push_back(
        path_finding("", "distinct", Status::good, "no two paths leave alike", "", ""));
  }
  return findings;
}

Result<int> run_doctor(const DoctorOptions& options, bool colours, std::ostream& results) {
  log_to_stderr();
  const LinuxKernel kernel;
  const Machine machine{kernel};
  Findings findings;
  if (options.config.empty()) {
    const Wanted wanted = wanted_of(options);
    findings = probe::doctor::examine(machine, wanted);
    append(findings, try_devices(wanted, findings));
  } else {
    const auto configuration = load_configuration(options.config);
    if (!configuration) return tl::make_unexpected(configuration.error());
    findings = examine_configuration(*configuration, machine);
  }
  results << (options.json ? to_json(findings) : to_text(findings, colours)) << std::flush;
  return exit_status(findings);
}

}  // namespace strait::cli
