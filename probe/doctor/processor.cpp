// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "probe/doctor/checks.hpp"

namespace strait::probe::doctor {
namespace {

Finding finding(std::string subject, const char* check, Status status, std::string seen,
                std::string meaning = "", std::string remedy = "") {
  return {.group = Group::processor,
          .check = check,
          .subject = std::move(subject),
          .status = status,
          .seen = std::move(seen),
          .meaning = std::move(meaning),
          .remedy = std::move(remedy),
          .access = false};
}

constexpr auto cpus_directory = "sys/devices/system/cpu";

std::string cpu_directory(unsigned cpu) { return fmt::format("{}/cpu{}", cpus_directory, cpu); }

std::vector<unsigned> cpu_list(const Machine& machine, const std::string& file) {
  const auto text = machine.line(file);
  return text ? parse_cpu_list(*text).value_or(std::vector<unsigned>{}) : std::vector<unsigned>{};
}

bool holds(const std::vector<unsigned>& cpus, unsigned cpu) {
  return std::ranges::find(cpus, cpu) != cpus.end();
}

// The CPUs that matter: those that poll, or all.
std::vector<unsigned> cpus_of_interest(const Machine& machine, const Wanted& wanted) {
  if (wanted.engine == Engine::dpdk && !wanted.cores.empty()) return wanted.cores;
  return cpu_list(machine, fmt::format("{}/online", cpus_directory));
}

std::optional<int> node_of_cpu(const Machine& machine, unsigned cpu) {
  constexpr std::string_view prefix = "node";
  for (const std::string& name : machine.names(cpu_directory(cpu))) {
    if (!name.starts_with(prefix)) continue;
    if (const auto node = parse_cpu_list(name.substr(prefix.size())); node && node->size() == 1) {
      return static_cast<int>(node->front());
    }
  }
  return std::nullopt;
}

// May this process run there: online, and in its cpuset.
Findings check_core_exists(const Machine& machine, unsigned core) {
  const auto subject = fmt::format("CPU {}", core);
  const auto online = machine.line(fmt::format("{}/online", cpus_directory));
  if (online && !holds(parse_cpu_list(*online).value_or(std::vector<unsigned>{}), core)) {
    Finding gone =
        finding(subject, "core", Status::problem, fmt::format("not online; these are: {}", *online),
                "the polling thread cannot be pinned to it",
                fmt::format("core = one of {}, under [dpdk]", *online));
    return {std::move(gone)};
  }
  const auto allowed = field(machine.text("proc/self/status").value_or(""), "Cpus_allowed_list");
  if (allowed && !holds(parse_cpu_list(*allowed).value_or(std::vector<unsigned>{}), core)) {
    return {
        finding(subject, "core", Status::problem,
                fmt::format("not for this process, which may use {}", *allowed),
                "the polling thread cannot be pinned to it; in a unit of systemd: CPUAffinity and "
                "AllowedCPUs",
                fmt::format("taskset -c {},{} strait run", *allowed, core))};
  }
  return {};
}

Finding check_isolation(const Machine& machine, const Wanted& wanted, unsigned core) {
  const bool isolated = holds(cpu_list(machine, fmt::format("{}/isolated", cpus_directory)), core);
  const bool quiet = holds(cpu_list(machine, fmt::format("{}/nohz_full", cpus_directory)), core);
  const auto subject = fmt::format("CPU {}", core);
  if (isolated && quiet) {
    return finding(subject, "core", Status::good, "isolated, and without ticks (nohz_full)");
  }
  const auto parameters =
      fmt::format("isolcpus=managed_irq,domain,{0} nohz_full={0} rcu_nocbs={0}", core);
  std::string meaning = isolated ? "the kernel's tick still interrupts the polling thread"
                                 : "other threads run there too, and then replies wait";
  auto remedy = boot_command(machine, parameters);
  if (remedy.empty()) meaning += fmt::format("; boot the kernel with {}", parameters);
  const Status status = wanted.busy && !isolated ? Status::warning : Status::note;
  return finding(subject, "core", status,
                 isolated ? "isolated, but not in nohz_full" : "not isolated (isolcpus)",
                 std::move(meaning), std::move(remedy));
}

Findings check_siblings(const Machine& machine, unsigned core) {
  auto siblings = cpu_list(machine, cpu_directory(core) + "/topology/thread_siblings_list");
  std::erase(siblings, core);
  const auto isolated = cpu_list(machine, fmt::format("{}/isolated", cpus_directory));
  std::erase_if(siblings, [&](unsigned cpu) { return holds(isolated, cpu); });
  if (siblings.empty()) return {};
  const auto names = fmt::format("{}", fmt::join(siblings, ","));
  return {finding(fmt::format("CPU {}", core), "core", Status::note,
                  fmt::format("shares its core with CPU {}", names),
                  "what runs there slows the polling thread",
                  fmt::format("echo 0 > /{}/online", cpu_directory(siblings.front())))};
}

Findings check_core(const Machine& machine, const Wanted& wanted) {
  if (wanted.engine != Engine::dpdk) return {};
  if (wanted.cores.empty()) {
    if (!wanted.configured) return {};
    return {finding("", "core", wanted.busy ? Status::warning : Status::note,
                    "[dpdk] cores is not set",
                    "the polling thread runs where the scheduler puts it, and moves",
                    "cores = [1] under [dpdk], or another CPU that nothing else needs")};
  }
  Findings findings;
  for (const unsigned core : wanted.cores) {
    Findings missing = check_core_exists(machine, core);
    if (!missing.empty()) {
      append(findings, std::move(missing));
      continue;
    }
    findings.push_back(check_isolation(machine, wanted, core));
    append(findings, check_siblings(machine, core));
  }
  return findings;
}

Finding check_node(const Machine& machine, const std::string& device, int node,
                   std::optional<unsigned> core) {
  const auto cpus = fmt::format("sys/devices/system/node/node{}/cpulist", node);
  const auto of_core = core ? node_of_cpu(machine, *core) : std::nullopt;
  if (!of_core) {
    return finding(device, "numa", Status::note, fmt::format("on node {}", node),
                   "[dpdk] cores should be CPUs of that node", fmt::format("cat /{}", cpus));
  }
  if (*of_core == node) {
    return finding(device, "numa", Status::good, fmt::format("on node {}, as CPU {}", node, *core));
  }
  return finding(
      device, "numa", Status::warning,
      fmt::format("on node {}, but CPU {} is on node {}", node, *core, *of_core),
      "every packet crosses between the nodes",
      fmt::format("cores out of {}, under [dpdk]", machine.line(cpus).value_or("that node")));
}

Findings check_numa(const Machine& machine, const Wanted& wanted) {
  if (wanted.engine != Engine::dpdk) return {};
  const auto nodes = machine.line("sys/devices/system/node/online");
  if (!nodes) return {finding("", "numa", Status::unknown, "this kernel shows no NUMA nodes")};
  if (parse_cpu_list(*nodes).value_or(std::vector<unsigned>{}).size() == 1) {
    return {finding("", "numa", Status::good, "one node")};
  }
  Findings findings;
  for (const WantedDevice& device : wanted.devices) {
    const auto node = node_of(machine, device);
    if (!node) continue;
    for (const unsigned core : wanted.cores) {
      findings.push_back(check_node(machine, device.name, *node, core));
    }
    if (wanted.cores.empty()) findings.push_back(check_node(machine, device.name, *node, {}));
  }
  if (findings.empty()) {
    findings.push_back(finding("", "numa", Status::good, fmt::format("nodes {}", *nodes),
                               "no device names its node"));
  }
  return findings;
}

bool is_virtual(const Machine& machine) {
  const auto flags = field(machine.text("proc/cpuinfo").value_or(""), "flags");
  if (!flags) return false;
  const auto all = words(*flags);
  return std::ranges::find(all, "hypervisor") != all.end();
}

Finding check_governor(const Machine& machine, const Wanted& wanted) {
  std::set<std::string> governors;
  for (const unsigned cpu : cpus_of_interest(machine, wanted)) {
    const auto governor = machine.line(cpu_directory(cpu) + "/cpufreq/scaling_governor");
    if (governor) governors.insert(*governor);
  }
  if (governors.empty()) {
    return is_virtual(machine)
               ? finding("", "governor", Status::unknown,
                         "a virtual machine: the host's frequencies cannot be seen")
               : finding("", "governor", Status::good, "the kernel does not scale frequencies");
  }
  const auto names = fmt::format("{}", fmt::join(governors, ", "));
  if (governors == std::set<std::string>{"performance"}) {
    return finding("", "governor", Status::good, names);
  }
  return finding("", "governor", Status::note, names,
                 "a slow clock makes wake-ups and packet handling later, and less even",
                 "for f in /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor; do echo "
                 "performance > \"$f\"; done");
}

// A deeper idle state than this takes longer to leave than a kernel stamp is uncertain.
constexpr std::int64_t deep_us = 20;

Finding check_idle(const Machine& machine, const Wanted& wanted) {
  std::int64_t deepest = -1;
  std::string name;
  for (const unsigned cpu : cpus_of_interest(machine, wanted)) {
    const auto directory = cpu_directory(cpu) + "/cpuidle";
    for (const std::string& state : machine.names(directory)) {
      const auto latency = machine.number(fmt::format("{}/{}/latency", directory, state));
      const auto disabled = machine.number(fmt::format("{}/{}/disable", directory, state));
      if (!latency || disabled.value_or(0) != 0 || *latency <= deepest) continue;
      deepest = *latency;
      name = machine.line(fmt::format("{}/{}/name", directory, state)).value_or(state);
    }
  }
  if (deepest < 0) {
    return finding("", "idle-states", is_virtual(machine) ? Status::unknown : Status::good,
                   "this kernel shows no idle states",
                   is_virtual(machine) ? "the host's cannot be seen" : "");
  }
  const auto seen = fmt::format("deepest is {}, {} us to leave", name, deepest);
  if (deepest <= deep_us) {
    return finding("", "idle-states", Status::good, seen,
                   is_virtual(machine) ? "those of the host cannot be seen" : "");
  }
  return finding("", "idle-states", Status::note, seen,
                 "a reply that wakes a sleeping processor is seen that much later",
                 fmt::format("for s in /sys/devices/system/cpu/cpu*/cpuidle/state*; do [ \"$(cat "
                             "$s/latency)\" -le {} ] || echo 1 > $s/disable; done",
                             deep_us));
}

// What the hypervisor gave to others while this machine wanted to run, since it was started.
Findings check_steal(const Machine& machine) {
  if (!is_virtual(machine)) return {};
  const auto line = machine.line("proc/stat");
  const auto fields = line ? words(*line) : std::vector<std::string>{};
  constexpr std::size_t steal_field = 8;  // proc(5): cpu user nice system idle iowait irq softirq
  if (fields.size() <= steal_field) {
    return {finding("", "steal", Status::unknown, "/proc/stat does not tell it")};
  }
  double busy = 0;
  for (std::size_t i = 1; i <= steal_field; ++i) {
    const bool idle = i == 4 || i == 5;
    if (!idle) busy += std::strtod(fields[i].c_str(), nullptr);
  }
  const double steal = std::strtod(fields[steal_field].c_str(), nullptr);
  const double share = busy > 0 ? steal / busy : 0;
  constexpr double much = 0.01;
  return {finding(
      "", "steal", share > much ? Status::warning : Status::good,
      fmt::format("the hypervisor kept {:.2f} % of the time wanted, since boot", share * 100),
      share > much ? "then nothing here runs, and every time measured grows" : "")};
}

}  // namespace

std::string boot_command(const Machine& machine, const std::string& parameters) {
  if (!machine.exists("usr/sbin/update-grub") || !machine.exists("etc/default/grub.d")) return {};
  return fmt::format(
      "echo 'GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX {}\"' > /etc/default/grub.d/strait.cfg && "
      "update-grub && reboot",
      parameters);
}

Findings check_processor(const Machine& machine, const Wanted& wanted) {
  Findings findings = check_core(machine, wanted);
  append(findings, check_numa(machine, wanted));
  findings.push_back(check_governor(machine, wanted));
  findings.push_back(check_idle(machine, wanted));
  append(findings, check_steal(machine));
  return findings;
}

}  // namespace strait::probe::doctor
