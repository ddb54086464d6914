// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/duration.hpp"
#include "core/result.hpp"
#include "probe/clock_quality.hpp"
#include "probe/own_clock.hpp"

namespace strait::probe::doctor {

struct ClockReading {
  ClockQuality quality;
  Nanos estimated_error{};
  ClockDaemons daemons;
};

// What an interface can stamp, and whether its card does so now.
struct StampAbilities {
  bool software_receive = false;
  bool software_transmit = false;
  bool hardware_receive = false;
  bool hardware_transmit = false;
  std::optional<int> card_clock;     // N of /dev/ptpN
  std::optional<bool> receiving_on;  // the card stamps what it receives; absent: not told
  friend bool operator==(const StampAbilities&, const StampAbilities&) = default;
};

// Where the kernel would send a packet.
struct Route {
  std::string interface;
  std::optional<Address> gateway;  // absent: the destination is on the link
  std::optional<Address> source;
};

struct RouteQuestion {
  Address destination;
  std::string device;  // as SO_BINDTODEVICE
  std::optional<Address> source;
  std::optional<std::uint32_t> mark;
};

enum class Neighbour : std::uint8_t {
  none,    // never asked for
  asked,   // no answer yet
  failed,  // does not answer
  known,
};

// What only system calls tell. The tests have one of their own.
class Kernel {
 public:
  Kernel() = default;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  Kernel(Kernel&&) = delete;
  Kernel& operator=(Kernel&&) = delete;
  virtual ~Kernel() = default;

  [[nodiscard]] virtual ClockReading clock() const = 0;
  [[nodiscard]] virtual Result<StampAbilities> stamps(const std::string& interface) const = 0;
  // In this network namespace, of which /sys need not be.
  [[nodiscard]] virtual bool has_interface(const std::string& interface) const = 0;
  // Such as "virtio_net", "veth"; absent for an interface without one, such as lo.
  [[nodiscard]] virtual std::optional<std::string> driver(const std::string& interface) const = 0;
  [[nodiscard]] virtual Nanos tick() const = 0;              // 1 / HZ
  [[nodiscard]] virtual Nanos timer_resolution() const = 0;  // 1 ns: timers do not wait for ticks
  // How much later than asked for short sleeps ended. Takes less than 0.3 s.
  [[nodiscard]] virtual std::vector<Nanos> late_wake_ups() const = 0;
  [[nodiscard]] virtual Result<Route> route(const RouteQuestion& question) const = 0;
  [[nodiscard]] virtual Result<Neighbour> neighbour(const std::string& interface,
                                                    const Address& address) const = 0;
};

// This machine, or a directory that looks like one: every file is read below `root`. What is not
// there or may not be read is absent, never an error.
class Machine {
 public:
  // `kernel` outlives the machine.
  explicit Machine(const Kernel& kernel, std::filesystem::path root = "/")
      : kernel_{&kernel}, root_{std::move(root)} {}

  [[nodiscard]] const Kernel& kernel() const { return *kernel_; }

  // Paths are relative: "proc/cpuinfo".
  [[nodiscard]] bool exists(const std::string& path) const;
  [[nodiscard]] std::optional<std::string> text(const std::string& path) const;
  // The first line, without spaces around it; absent also when it is empty.
  [[nodiscard]] std::optional<std::string> line(const std::string& path) const;
  [[nodiscard]] std::optional<std::int64_t> number(const std::string& path) const;
  // Names in a directory, sorted; empty when it is not there.
  [[nodiscard]] std::vector<std::string> names(const std::string& directory) const;
  // What a symbolic link points to: its whole text, or the last part of it.
  [[nodiscard]] std::optional<std::string> link(const std::string& path) const;
  [[nodiscard]] std::optional<std::string> link_name(const std::string& path) const;

 private:
  const Kernel* kernel_;
  std::filesystem::path root_;
};

// The value behind "Key:" in a text such as /proc/self/status.
[[nodiscard]] std::optional<std::string> field(std::string_view text, std::string_view key);
// Reads "0-3,8": absent when it is no such list, empty when it says nothing.
[[nodiscard]] std::optional<std::vector<unsigned>> parse_cpu_list(std::string_view text);
[[nodiscard]] std::vector<std::string> words(std::string_view text);

}  // namespace strait::probe::doctor
