// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "probe/doctor/checks.hpp"

namespace strait::probe::doctor {
namespace {

struct HugePages {
  std::uint64_t size_kb = 0;
  std::uint64_t total = 0;
  std::uint64_t free = 0;
};

Finding finding(const char* check, Status status, std::string seen, std::string meaning = "",
                std::string remedy = "") {
  return {.group = Group::memory,
          .check = check,
          .subject = "",
          .status = status,
          .seen = std::move(seen),
          .meaning = std::move(meaning),
          .remedy = std::move(remedy),
          .access = false};
}

// Each size below a directory such as sys/kernel/mm/hugepages, "hugepages-2048kB".
std::vector<HugePages> huge_pages_in(const Machine& machine, const std::string& directory) {
  constexpr std::string_view prefix = "hugepages-";
  std::vector<HugePages> sizes;
  for (const std::string& name : machine.names(directory)) {
    if (!name.starts_with(prefix)) continue;
    HugePages pages;
    std::from_chars(name.data() + prefix.size(), name.data() + name.size(), pages.size_kb);
    const auto total = machine.number(fmt::format("{}/{}/nr_hugepages", directory, name));
    const auto free = machine.number(fmt::format("{}/{}/free_hugepages", directory, name));
    if (pages.size_kb == 0 || !total || !free) continue;
    pages.total = static_cast<std::uint64_t>(*total);
    pages.free = static_cast<std::uint64_t>(*free);
    sizes.push_back(pages);
  }
  std::ranges::sort(sizes, {}, &HugePages::size_kb);
  return sizes;
}

constexpr std::uint64_t kb_of_giga = std::uint64_t{1} << 20U;

std::string sizes_text(const std::vector<HugePages>& sizes) {
  std::string text;
  for (const HugePages& pages : sizes) {
    const bool giga = pages.size_kb >= kb_of_giga;
    text += fmt::format("{}{} {}: {} of {} free", text.empty() ? "" : ", ",
                        pages.size_kb / (giga ? kb_of_giga : 1024), giga ? "GB" : "MB", pages.free,
                        pages.total);
  }
  return text;
}

std::uint64_t free_kb(const std::vector<HugePages>& sizes) {
  std::uint64_t sum = 0;
  for (const HugePages& pages : sizes) sum += pages.free * pages.size_kb;
  return sum;
}

// Keeps what others reserved: enough pages on top of those that are taken.
std::string reserve(const HugePages& size, std::uint64_t wanted_kb, const std::string& file) {
  const std::uint64_t pages = (wanted_kb + size.size_kb - 1) / size.size_kb;
  return fmt::format("echo {} > {}", size.total - size.free + pages, file);
}

std::string size_file(const std::string& directory, const HugePages& size) {
  return fmt::format("/{}/hugepages-{}kB/nr_hugepages", directory, size.size_kb);
}

Findings check_nodes(const Machine& machine, const Wanted& wanted, std::uint64_t wanted_kb) {
  Findings findings;
  for (const WantedDevice& device : wanted.devices) {
    const auto node = node_of(machine, device);
    if (!node) continue;
    const auto directory = fmt::format("sys/devices/system/node/node{}/hugepages", *node);
    const auto sizes = huge_pages_in(machine, directory);
    if (sizes.empty() || free_kb(sizes) >= wanted_kb) continue;
    Finding far = finding("huge-pages", Status::warning,
                          fmt::format("NUMA node {} has too few: {}", *node, sizes_text(sizes)),
                          "buffers on another node make every packet slower",
                          reserve(sizes.front(), wanted_kb, size_file(directory, sizes.front())));
    far.subject = device.name;
    findings.push_back(std::move(far));
  }
  return findings;
}

Findings check_wanted_pages(const Machine& machine, const Wanted& wanted,
                            const std::string& directory, const std::vector<HugePages>& sizes) {
  constexpr auto in_practice = "drivers of PCI devices want them";
  const std::uint64_t wanted_kb = std::uint64_t{wanted.memory_mb} * 1024;
  Findings findings;
  if (!wanted.huge_pages && wanted.configured) {
    findings.push_back(finding("huge-pages", Status::warning, "[dpdk] huge_pages is not set",
                               in_practice, "huge_pages = true under [dpdk]"));
  }
  if (free_kb(sizes) < wanted_kb) {
    findings.push_back(
        finding("huge-pages", wanted.huge_pages ? Status::problem : Status::warning,
                fmt::format("{}; {} MB are wanted", sizes_text(sizes), wanted.memory_mb),
                wanted.huge_pages ? "DPDK has no memory to start with" : in_practice,
                reserve(sizes.front(), wanted_kb, size_file(directory, sizes.front()))));
    return findings;
  }
  findings.push_back(finding("huge-pages", Status::good, sizes_text(sizes)));
  append(findings, check_nodes(machine, wanted, wanted_kb));
  return findings;
}

Findings check_huge_pages(const Machine& machine, const Wanted& wanted) {
  constexpr auto directory = "sys/kernel/mm/hugepages";
  const auto sizes = huge_pages_in(machine, directory);
  const bool dpdk = wanted.engine == Engine::dpdk;
  if (!dpdk || (!wanted.huge_pages && !wanted.has_pci())) {
    return {finding("huge-pages", Status::good,
                    sizes.empty() ? "this kernel has none" : sizes_text(sizes),
                    dpdk ? "only PCI devices need them" : "sockets do not need them")};
  }
  if (sizes.empty()) {
    return {finding("huge-pages", wanted.huge_pages ? Status::problem : Status::warning,
                    "this kernel has none", "PCI devices want them")};
  }
  return check_wanted_pages(machine, wanted, directory, sizes);
}

// Absent: no limit. Reads "Max locked memory  8388608  8388608  bytes".
std::optional<std::uint64_t> soft_limit(std::string_view limits, bool& known) {
  constexpr std::string_view name = "Max locked memory";
  const auto at = limits.find(name);
  known = false;
  if (at == std::string_view::npos) return std::nullopt;
  const auto rest = limits.substr(at + name.size());
  const auto values = words(rest.substr(0, rest.find('\n')));
  if (values.empty()) return std::nullopt;
  known = true;
  if (values.front() == "unlimited") return std::nullopt;
  std::uint64_t limit = 0;
  std::from_chars(values.front().data(), values.front().data() + values.front().size(), limit);
  return limit;
}

// vfio pins the memory that a device may use, and AF_XDP its rings.
Findings check_locked_memory(const Machine& machine, const Wanted& wanted) {
  if (wanted.engine != Engine::dpdk) return {};
  bool known = false;
  const auto limit = soft_limit(machine.text("proc/self/limits").value_or(""), known);
  if (!known) return {finding("locked-memory", Status::unknown, "its limit cannot be read")};
  if (!limit) return {finding("locked-memory", Status::good, "no limit")};
  const bool needed =
      wanted.has_pci() || std::ranges::any_of(wanted.devices, [](const WantedDevice& device) {
        return device.driver.starts_with("net_af_xdp");
      });
  const auto seen = fmt::format("limit {} KiB", *limit / 1024);
  if (!needed) {
    return {finding("locked-memory", Status::good, seen, "only PCI and AF_XDP devices need more")};
  }
  constexpr unsigned ipc_lock = 14;  // CAP_IPC_LOCK
  if (holds_capability(machine, ipc_lock) == true) {
    return {finding("locked-memory", Status::good, seen, "cap_ipc_lock goes beyond it")};
  }
  if (*limit >= (std::uint64_t{wanted.memory_mb} << 20U)) {
    return {finding("locked-memory", Status::good, seen)};
  }
  return {finding(
      "locked-memory", Status::warning, fmt::format("{}, {} MB are wanted", seen, wanted.memory_mb),
      "the device cannot be given its memory; in a unit of systemd: LimitMEMLOCK=infinity",
      "ulimit -l unlimited")};
}

}  // namespace

Findings check_memory(const Machine& machine, const Wanted& wanted) {
  Findings findings = check_huge_pages(machine, wanted);
  append(findings, check_locked_memory(machine, wanted));
  return findings;
}

}  // namespace strait::probe::doctor
