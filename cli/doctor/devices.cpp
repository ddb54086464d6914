// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor/devices.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <utility>
#include <vector>

namespace strait::cli {
namespace {

using probe::doctor::Finding;
using probe::doctor::Findings;
using probe::doctor::Group;
using probe::doctor::Status;
using probe::dpdk::DeviceFacts;

Finding finding(const std::string& device, const char* check, Status status, std::string seen,
                std::string meaning = "") {
  return {.group = Group::devices,
          .check = check,
          .subject = device,
          .status = status,
          .seen = std::move(seen),
          .meaning = std::move(meaning),
          .remedy = "",
          .access = false};
}

std::string abilities_text(const DeviceFacts& facts) {
  const std::array<std::pair<bool, const char*>, 5> abilities{
      {{facts.receive_stamps, "hardware receive stamps"},
       {facts.receive_checksums, "receive checksums"},
       {facts.transmit_checksums, "transmit checksums"},
       {facts.vlan_insertion, "VLAN insertion"},
       {facts.spreads_flows, "RSS"}}};
  std::vector<const char*> has;
  for (const auto& [able, name] : abilities) {
    if (able) has.push_back(name);
  }
  return has.empty() ? "no offload" : fmt::format("offloads: {}", fmt::join(has, ", "));
}

Findings link_finding(const std::string& device, const DeviceFacts& facts) {
  if (!facts.link_up) return {};
  if (!*facts.link_up) {
    return {finding(device, "dpdk-link", Status::problem, "down",
                    "nothing can be sent: look at the cable and the far end")};
  }
  return {finding(device, "dpdk-link", Status::good,
                  facts.link_mbps == 0 ? "up" : fmt::format("up, {} Mb/s", facts.link_mbps))};
}

Findings counter_finding(const std::string& device, const DeviceFacts& facts) {
  if (!facts.link_up) return {};
  const std::array<std::pair<std::uint64_t, const char*>, 4> counters{
      {{facts.missed, "missed"},
       {facts.receive_errors, "receive errors"},
       {facts.no_buffer, "without a buffer"},
       {facts.transmit_errors, "transmit errors"}}};
  std::string seen;
  for (const auto& [count, name] : counters) {
    if (count > 0) seen += fmt::format("{}{} {}", seen.empty() ? "" : ", ", count, name);
  }
  if (seen.empty()) return {};
  return {finding(device, "dpdk-counters", Status::note, std::move(seen),
                  "while one grows, replies may be lost in this machine")};
}

Findings findings_of(const std::string& device, const Result<DeviceFacts>& facts) {
  if (facts) return cli::findings_of(device, *facts);
  Finding refused = finding(device, "dpdk-device", Status::problem, facts.error().message);
  refused.access = facts.error().code != Errc::bad_input && facts.error().code != Errc::io;
  return {std::move(refused)};
}

}  // namespace

Findings findings_of(const std::string& device, const DeviceFacts& facts) {
  std::string seen = fmt::format("driver {}, {}, queues: at most {} to receive, {} to send; {}",
                                 facts.driver, to_string(facts.mac), facts.receive_queues,
                                 facts.transmit_queues, abilities_text(facts));
  // The drivers of virtual devices make up an MTU and a link.
  const bool hardware = probe::dpdk::is_pci_device(device);
  if (hardware && facts.node) seen += fmt::format("; NUMA node {}", *facts.node);
  if (hardware) seen += fmt::format("; MTU {} of at most {}", facts.mtu, facts.largest_mtu);
  Findings findings{finding(
      device, "dpdk-device", Status::good, std::move(seen),
      facts.receive_stamps ? "" : "stamps are the processor's (TSC), taken when a poll returns")};
  if (hardware) append(findings, link_finding(device, facts));
  append(findings, counter_finding(device, facts));
  return findings;
}

Findings trial_findings(const probe::dpdk::DpdkOptions& options, const std::string& device) {
  return findings_of(device, probe::dpdk::try_device(options, device));
}

Findings device_findings(const probe::dpdk::DpdkOptions& options, const std::string& device,
                         bool running) {
  return findings_of(device, probe::dpdk::device_facts(options, device, running));
}

}  // namespace strait::cli
