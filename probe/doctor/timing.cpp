// SPDX-License-Identifier: Apache-2.0
// The TSC, the kernel's timers, and the wall clock.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "probe/doctor/checks.hpp"
#include "probe/own_clock.hpp"

namespace strait::probe::doctor {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

Finding finding(Group group, const char* check, Status status, std::string seen,
                std::string meaning = "", std::string remedy = "") {
  return {.group = group,
          .check = check,
          .subject = "",
          .status = status,
          .seen = std::move(seen),
          .meaning = std::move(meaning),
          .remedy = std::move(remedy),
          .access = false};
}

Finding check_flags(const Machine& machine, const Wanted& wanted) {
  const auto flags = field(machine.text("proc/cpuinfo").value_or(""), "flags");
  if (!flags) {
    return finding(Group::processor, "tsc", Status::unknown,
                   "/proc/cpuinfo does not tell its flags");
  }
  const auto all = words(*flags);
  std::vector<const char*> missing;
  for (const char* const flag : {"constant_tsc", "nonstop_tsc"}) {
    if (std::ranges::find(all, flag) == all.end()) missing.push_back(flag);
  }
  if (missing.empty()) {
    const bool known = std::ranges::find(all, "tsc_known_freq") != all.end();
    return finding(Group::processor, "tsc", Status::good,
                   fmt::format("constant and nonstop{}", known ? ", of a known frequency" : ""));
  }
  const bool needed = wanted.engine == Engine::dpdk;
  return finding(Group::processor, "tsc", needed ? Status::problem : Status::note,
                 fmt::format("without {}", fmt::join(missing, ", ")),
                 needed ? "the dpdk engine stamps with it: times would be wrong"
                        : "only the dpdk engine stamps with it",
                 needed ? "engine = \"socket\" under [probe]" : "");
}

Finding check_source(const Machine& machine) {
  const std::string directory = "sys/devices/system/clocksource/clocksource0/";
  const auto current = machine.line(directory + "current_clocksource");
  const auto offered = machine.line(directory + "available_clocksource");
  if (!current || !offered) {
    return finding(Group::processor, "clocksource", Status::unknown, "it cannot be read");
  }
  // Those that are read without a system call.
  static constexpr std::array<std::string_view, 4> fast{
      "tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"};
  if (std::ranges::find(fast, *current) != fast.end()) {
    return finding(Group::processor, "clocksource", Status::good, *current);
  }
  const auto choices = words(*offered);
  const bool has_tsc = std::ranges::find(choices, "tsc") != choices.end();
  return finding(Group::processor, "clocksource", Status::warning,
                 fmt::format("{} (offered: {})", *current, *offered),
                 "each look at the clock is a slow system call; the kernel may have given the TSC "
                 "up as unstable",
                 has_tsc ? fmt::format("echo tsc > /{}current_clocksource", directory)
                         : "dmesg | grep -i -e tsc -e clocksource");
}

std::string preemption(const Machine& machine) {
  const auto version = machine.line("proc/version").value_or("");
  if (machine.line("sys/kernel/realtime") == "1") return "PREEMPT_RT";
  for (const char* const kind : {"PREEMPT_RT", "PREEMPT_DYNAMIC", "PREEMPT"}) {
    if (version.find(kind) != std::string::npos) return kind;
  }
  return "no preemption named";
}

Finding check_kernel(const Machine& machine) {
  const Nanos tick = machine.kernel().tick();
  const bool fine = machine.kernel().timer_resolution() <= microseconds{1};
  std::string seen =
      fmt::format("Linux {}, {}, tick {}", machine.line("proc/sys/kernel/osrelease").value_or("?"),
                  preemption(machine), strait::to_string(tick));
  if (const auto slack = machine.number("proc/self/timerslack_ns")) {
    seen += fmt::format(", timer slack {} (strait sets its own to 1ns)",
                        strait::to_string(Nanos{*slack}));
  }
  if (fine) return finding(Group::processor, "kernel-timers", Status::good, std::move(seen));
  return finding(Group::processor, "kernel-timers", Status::warning, std::move(seen),
                 "timers end only with a tick: probes leave late by up to one");
}

Finding check_wake_ups(const Machine& machine) {
  auto late = machine.kernel().late_wake_ups();
  if (late.empty()) {
    return finding(Group::processor, "wake-ups", Status::unknown, "sleeping did not work");
  }
  std::ranges::sort(late);
  const Nanos median = late[(late.size() - 1) / 2];
  const Nanos p99 = late[(late.size() * 99 + 99) / 100 - 1];
  const auto load = machine.line("proc/loadavg");
  const auto seen = fmt::format("of {} sleeps, late p50 {}, p99 {}, most {}{}", late.size(),
                                to_text(median), to_text(p99), to_text(late.back()),
                                load ? fmt::format("; load {}", words(*load).front()) : "");
  if (p99 < microseconds{200}) return finding(Group::processor, "wake-ups", Status::good, seen);
  const bool very = p99 >= milliseconds{2};
  return finding(Group::processor, "wake-ups", very ? Status::warning : Status::note, seen,
                 "so much later than planned may probes leave, and replies be stamped where strait "
                 "does it itself",
                 "ps -eo pcpu,pid,args --sort=-pcpu | head");
}

std::set<std::string> time_daemons(const Machine& machine) {
  // As /proc/PID/comm cuts them, at 15 octets.
  static constexpr std::array<std::string_view, 7> names{
      "chronyd", "ntpd", "systemd-timesyn", "ptp4l", "phc2sys", "ntpsec", "openntpd"};
  std::set<std::string> found;
  for (const std::string& pid : machine.names("proc")) {
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto name = machine.line("proc/" + pid + "/comm");
    if (name && std::ranges::find(names, *name) != names.end()) found.insert(*name);
  }
  return found;
}

std::string daemons_text(const Machine& machine, const std::set<std::string>& daemons) {
  if (!daemons.empty()) return fmt::format("{} runs", fmt::join(daemons, ", "));
  // Where processes of others are hidden, not even the first one shows.
  return machine.exists("proc/1/comm") ? "no time daemon is seen"
                                       : "processes of others are hidden, a time daemon too";
}

// What the daemons themselves say.
std::string clock_daemons_text(const ClockDaemons& daemons) {
  std::string text;
  if (const auto& chrony = daemons.chrony) {
    text += fmt::format("; chronyd is {} from its source, root delay {}, dispersion {}",
                        to_text(chrony->offset), to_text(chrony->root_delay),
                        to_text(chrony->root_dispersion));
    if (!chrony->synchronised) text = "; chronyd follows no source";
  }
  if (daemons.ptp_standing != PtpWatch::Standing::known) return text;
  text += fmt::format("; ptp4l is {} from its master, {} away, {} steps from the grandmaster",
                      to_text(daemons.ptp.offset_from_master), to_text(daemons.ptp.mean_path_delay),
                      daemons.ptp.steps_removed);
  if (daemons.ptp.steps_removed == 0) return text;
  const auto error = daemons.grandmaster.max_error();
  const auto worth = error ? fmt::format("within {} of UTC", to_text(*error))
                           : std::string{"which does not vouch for UTC"};
  return text + fmt::format(", {} (class {}, accuracy {:#04x})", worth,
                            daemons.grandmaster.clock_class, daemons.grandmaster.accuracy);
}

std::string clock_remedy(const std::set<std::string>& daemons) {
  if (daemons.empty()) return "apt-get install chrony";
  if (daemons.contains("chronyd")) return "chronyc tracking; chronyc sources";
  if (daemons.contains("systemd-timesyn")) return "timedatectl timesync-status";
  if (daemons.contains("ptp4l")) return "pmc -u -b 0 'GET TIME_STATUS_NP'";
  return "ntpq -p";
}

}  // namespace

Findings check_tsc(const Machine& machine, const Wanted& wanted) {
  return {check_flags(machine, wanted), check_source(machine)};
}

Findings check_timers(const Machine& machine, const Wanted&) {
  return {check_kernel(machine), check_wake_ups(machine)};
}

Findings check_clock(const Machine& machine, const Wanted& wanted) {
  ClockReading reading = machine.kernel().clock();
  const auto daemons = time_daemons(machine);
  auto who = daemons_text(machine, daemons);
  who += clock_daemons_text(reading.daemons);
  if (const auto& told = wanted.own_clock_error) {
    reading.quality = judge_clock(reading.quality, {}, told);
    who += fmt::format("; own_clock_error says {}", strait::to_string(*told));
  }
  if (!reading.quality.synchronised) {
    return {finding(
        Group::clock, "clock", Status::warning, fmt::format("not synchronised to UTC; {}", who),
        "one-way delays are left out; round trips do not need it", clock_remedy(daemons))};
  }
  // The kernel's estimate is nobody's where the bound is not the kernel's.
  const bool estimated = reading.estimated_error <= reading.quality.max_error;
  const auto seen = fmt::format(
      "synchronised to UTC, error at most {}{}; {}", to_text(reading.quality.max_error),
      estimated ? fmt::format(" (estimated {})", to_text(reading.estimated_error)) : "", who);
  if (reading.quality.max_error <= wanted.clock_error_limit) {
    return {finding(Group::clock, "clock", Status::good, seen)};
  }
  return {finding(Group::clock, "clock", Status::warning, seen,
                  fmt::format("above clock_error_limit ({}): one-way delays are left out",
                              strait::to_string(wanted.clock_error_limit)),
                  clock_remedy(daemons))};
}

Findings examine(const Machine& machine, const Wanted& wanted) {
  Findings findings;
  for (const auto check : {check_privileges, check_memory, check_pci, check_interfaces,
                           check_processor, check_tsc, check_timers, check_clock}) {
    append(findings, check(machine, wanted));
  }
  return findings;
}

}  // namespace strait::probe::doctor
