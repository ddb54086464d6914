// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace strait::probe::dpdk {
namespace {

// A mbuf pool is about 5 MB, and the EAL and each port want some more.
constexpr std::int64_t least_memory_mb = 32;
constexpr std::int64_t most_memory_mb = 65'536;
constexpr std::int64_t most_cores = 1024;
constexpr std::size_t most_threads = 64;
constexpr double least_poll_share = 0.01;
constexpr std::int64_t least_mtu = 1280;  // IPv6 wants it (RFC 8200 §5)
constexpr std::int64_t most_mtu = 9216;

// One 'h' for each hexadecimal digit that must stand there.
bool matches(std::string_view text, std::string_view pattern) {
  return std::ranges::equal(text, pattern, [](char c, char want) {
    return want == 'h' ? std::isxdigit(static_cast<unsigned char>(c)) != 0 : c == want;
  });
}

}  // namespace

DpdkOptions read_dpdk_options(ConfigTable table) {
  DpdkOptions options;
  options.devices = table.texts("devices");
  options.huge_pages = table.boolean("huge_pages").value_or(options.huge_pages);
  if (const auto mb = table.integer("memory_mb", least_memory_mb, most_memory_mb)) {
    options.memory_mb = static_cast<unsigned>(*mb);
  }
  for (const std::int64_t core : table.integers("cores", 0, most_cores)) {
    options.cores.push_back(static_cast<unsigned>(core));
  }
  if (options.cores.size() > most_threads) {
    table.error("cores", fmt::format("want at most {} polling threads", most_threads));
  }
  if (const auto mtu = table.integer("mtu", least_mtu, most_mtu)) {
    options.mtu = static_cast<std::size_t>(*mtu);
  }
  if (const auto poll = table.choice("poll", {"adaptive", "busy"})) {
    options.poll = *poll == 0 ? Poll::adaptive : Poll::busy;
  }
  options.poll_share = table.number("poll_share", least_poll_share, 1).value_or(options.poll_share);
  // A reply may come in by any queue: a thread that sleeps would find those of others too late.
  if (options.cores.size() > 1 && options.poll != Poll::busy) {
    table.error("cores", "several polling threads want poll = \"busy\"");
  }
  options.eal_arguments = table.texts("eal_arguments");
  return options;
}

std::string device_name(const std::string& device) { return device.substr(0, device.find(',')); }

std::optional<std::string> device_argument(const std::string& device, const std::string& key) {
  const std::string wanted = fmt::format(",{}=", key);
  const auto found = device.find(wanted);
  if (found == std::string::npos) return std::nullopt;
  const auto begin = found + wanted.size();
  return device.substr(begin, device.find(',', begin) - begin);
}

std::optional<std::string> kernel_interface(const std::string& device) {
  static constexpr std::array drivers{std::string_view{"net_af_packet"},
                                      std::string_view{"net_af_xdp"}, std::string_view{"net_pcap"}};
  const bool sits_on_one =
      std::ranges::any_of(drivers, [&](auto driver) { return device.starts_with(driver); });
  return sits_on_one ? device_argument(device, "iface") : std::nullopt;
}

bool is_pci_device(const std::string& device) {
  static constexpr std::array patterns{std::string_view{"hhhh:hh:hh.h"},
                                       std::string_view{"hh:hh.h"}};
  const std::string name = device_name(device);
  return std::ranges::any_of(patterns, [&](auto pattern) { return matches(name, pattern); });
}

}  // namespace strait::probe::dpdk
