// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/eal.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <net/if.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string_view>

namespace strait::probe::dpdk {
namespace {

std::mutex starting;           // guards the_eal
std::unique_ptr<Eal> the_eal;  // NOLINT(*-avoid-non-const-global-variables): one per process
constexpr auto pmd_package =
    "is the driver's package installed (librte-net-af-packet23, librte-net-af-xdp23, ...)?";

// rte_eal_init() pins the calling thread to its main lcore; this puts the thread back.
class AffinityKeeper {
 public:
  AffinityKeeper() { known_ = sched_getaffinity(0, sizeof set_, &set_) == 0; }
  ~AffinityKeeper() {
    if (known_) sched_setaffinity(0, sizeof set_, &set_);
  }
  AffinityKeeper(const AffinityKeeper&) = delete;
  AffinityKeeper& operator=(const AffinityKeeper&) = delete;
  AffinityKeeper(AffinityKeeper&&) = delete;
  AffinityKeeper& operator=(AffinityKeeper&&) = delete;

 private:
  cpu_set_t set_{};
  bool known_ = false;
};

std::uint64_t free_huge_pages() {
  std::uint64_t free = 0;
  std::error_code gone;
  for (const auto& size : std::filesystem::directory_iterator{"/sys/kernel/mm/hugepages", gone}) {
    std::uint64_t pages = 0;
    std::ifstream{size.path() / "free_hugepages"} >> pages;
    free += pages;
  }
  return free;
}

Result<void> check_memory(const DpdkOptions& options) {
  if (!options.huge_pages || free_huge_pages() > 0) return {};
  return fail(Errc::unsupported,
              fmt::format("dpdk: huge pages are wanted, but none are free: reserve some "
                          "(`echo {} > /proc/sys/vm/nr_hugepages` for pages of 2 MB), or set "
                          "huge_pages = false",
                          options.memory_mb / 2 + 1));
}

// A packet socket is what net_af_packet needs; the driver itself only says "could not open".
Result<void> check_packet_socket(const std::string& device) {
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd >= 0) {
    close(fd);
    return {};
  }
  if (errno != EPERM && errno != EACCES) return {};
  return fail(Errc::no_permission,
              fmt::format("dpdk device '{}': no permission for packet sockets (CAP_NET_RAW): run "
                          "as root, or once `setcap cap_net_raw,cap_net_admin+ep` on the program",
                          device));
}

Result<void> check_interface(const std::string& device) {
  const auto interface = device_argument(device, "iface");
  if (!interface) return {};
  if (if_nametoindex(interface->c_str()) == 0) {
    return fail(Errc::not_found,
                fmt::format("dpdk device '{}': no interface '{}' in this network namespace: see "
                            "`ip link`",
                            device, *interface));
  }
  return check_packet_socket(device);
}

tl::unexpected<Error> no_port(const std::string& device) {
  if (is_pci_device(device)) {
    return fail(Errc::not_found,
                fmt::format("dpdk device '{}': no port came up: name it in devices of [dpdk], bind "
                            "it to vfio-pci (`dpdk-devbind.py -b vfio-pci {}`) unless its driver "
                            "shares it with the kernel, run as root with huge pages; {}",
                            device, device_name(device), pmd_package));
  }
  return fail(Errc::not_found,
              fmt::format("dpdk device '{}': no port came up: is the name one of a driver of "
                          "DPDK's (net_af_packet0, net_af_xdp0, net_tap0, ...), and {}",
                          device, pmd_package));
}

std::vector<char*> writable(std::vector<std::string>& arguments) {
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Registers on construction and gives the lcore id back when the thread ends.
struct ThreadRegistration {
  bool own = rte_lcore_id() == LCORE_ID_ANY && rte_thread_register() == 0;
  ThreadRegistration() = default;
  ~ThreadRegistration() {
    if (own) rte_thread_unregister();
  }
  ThreadRegistration(const ThreadRegistration&) = delete;
  ThreadRegistration& operator=(const ThreadRegistration&) = delete;
  ThreadRegistration(ThreadRegistration&&) = delete;
  ThreadRegistration& operator=(ThreadRegistration&&) = delete;
};

}  // namespace

std::vector<std::string> eal_command_line(const DpdkOptions& options) {
  // No files, no socket, no scan: strait runs beside other DPDK programs and leaves NICs alone
  // that it was not given. One lcore; the CPU of the polling thread is our own business.
  std::vector<std::string> words{
      "strait",      "--no-telemetry",
      "--no-shconf", "--log-level=3",
      "--lcores",    fmt::format("0@{}", options.cores.empty() ? 0 : options.cores.front())};
  words.insert(words.end(), {"-m", std::to_string(options.memory_mb)});
  // --in-memory needs no mounted hugetlbfs; it cannot be combined with --no-huge.
  words.emplace_back(options.huge_pages ? "--in-memory" : "--no-huge");
  bool pci = false;
  for (const std::string& device : options.devices) {
    if (!is_pci_device(device)) continue;
    words.insert(words.end(), {"-a", device});
    pci = true;
  }
  if (!pci) words.emplace_back("--no-pci");
  words.insert(words.end(), options.eal_arguments.begin(), options.eal_arguments.end());
  return words;
}

Result<Eal*> Eal::ensure(const DpdkOptions& options) {
  const std::lock_guard lock{starting};
  const auto arguments = eal_command_line(options);
  if (the_eal) {
    if (the_eal->arguments_ == arguments) return the_eal.get();
    return fail(Errc::unsupported,
                "dpdk: already started with other options; it starts only once per process: "
                "restart strait");
  }
  if (const auto memory = check_memory(options); !memory)
    return tl::make_unexpected(memory.error());

  const AffinityKeeper keeper;
  auto words = arguments;
  auto argv = writable(words);
  if (rte_eal_init(static_cast<int>(words.size()), argv.data()) < 0) {
    return fail(rte_errno == EACCES || rte_errno == EPERM ? Errc::no_permission : Errc::io,
                fmt::format("dpdk: the EAL did not start with '{}': {}", fmt::join(arguments, " "),
                            rte_strerror(rte_errno)));
  }
  the_eal.reset(new Eal);
  the_eal->arguments_ = arguments;
  for (const std::string& argument : options.eal_arguments) {
    // A --vdev that cannot be made does not make rte_eal_init() fail.
    constexpr std::string_view vdev = "--vdev=";
    if (!argument.starts_with(vdev)) continue;
    if (auto port = the_eal->attach(argument.substr(vdev.size())); !port) {
      return fail(std::move(port));
    }
  }
  return the_eal.get();
}

Eal::~Eal() { rte_eal_cleanup(); }

// NOLINTNEXTLINE(readability-convert-member-functions-to-static): only a started EAL can attach
Result<std::uint16_t> Eal::attach(const std::string& device) {
  std::uint16_t port = 0;
  const std::string name = device_name(device);
  if (rte_eth_dev_get_port_by_name(name.c_str(), &port) == 0) return port;
  if (const auto ok = check_interface(device); !ok) return tl::make_unexpected(ok.error());
  // A device that failed to start may leave no error behind: only the port proves that it works.
  if (!is_pci_device(device)) static_cast<void>(rte_dev_probe(device.c_str()));
  if (rte_eth_dev_get_port_by_name(name.c_str(), &port) == 0) return port;
  return no_port(device);
}

// NOLINTNEXTLINE(readability-convert-member-functions-to-static): only a started EAL can detach
void Eal::detach(const std::string& device) {
  if (!is_pci_device(device))
    static_cast<void>(rte_eal_hotplug_remove("vdev", device_name(device).c_str()));
}

void Eal::register_thread() {
  static thread_local const ThreadRegistration registration;
  static_cast<void>(registration);
}

}  // namespace strait::probe::dpdk
