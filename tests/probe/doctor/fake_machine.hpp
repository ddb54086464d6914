// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "probe/doctor/checks.hpp"

namespace strait::probe::doctor {

// Answers what it was told to.
class FakeKernel final : public Kernel {
 public:
  ClockReading reading{
      .quality = {.synchronised = true, .max_error = std::chrono::microseconds{300}},
      .estimated_error = std::chrono::microseconds{20},
      .daemons = {}};
  std::map<std::string, StampAbilities> abilities;
  std::map<std::string, std::string> drivers;
  std::set<std::string> interfaces;
  Nanos tick_length = std::chrono::milliseconds{4};
  Nanos resolution{1};
  std::vector<Nanos> late = std::vector<Nanos>(200, std::chrono::microseconds{30});

  [[nodiscard]] ClockReading clock() const override { return reading; }
  [[nodiscard]] Result<StampAbilities> stamps(const std::string& interface) const override;
  [[nodiscard]] bool has_interface(const std::string& interface) const override {
    return interfaces.contains(interface);
  }
  [[nodiscard]] std::optional<std::string> driver(const std::string& interface) const override;
  [[nodiscard]] Nanos tick() const override { return tick_length; }
  [[nodiscard]] Nanos timer_resolution() const override { return resolution; }
  [[nodiscard]] std::vector<Nanos> late_wake_ups() const override { return late; }
  [[nodiscard]] Result<Route> route(const RouteQuestion&) const override {
    return fail(Errc::not_found, "no route");
  }
  [[nodiscard]] Result<Neighbour> neighbour(const std::string&, const Address&) const override {
    return Neighbour::none;
  }
};

// A directory that looks like a machine to those who read files, gone with this object.
class FakeMachine {
 public:
  FakeMachine();
  FakeMachine(const FakeMachine&) = delete;
  FakeMachine& operator=(const FakeMachine&) = delete;
  FakeMachine(FakeMachine&&) = delete;
  FakeMachine& operator=(FakeMachine&&) = delete;
  ~FakeMachine();

  FakeKernel kernel;

  // Writes a file, and its directories.
  FakeMachine& file(const std::string& path, std::string_view content);
  FakeMachine& directory(const std::string& path);
  FakeMachine& link(const std::string& path, const std::string& target);
  FakeMachine& remove(const std::string& path);
  // The process: capabilities as in CapEff, group, CPUs.
  FakeMachine& process(std::string_view capabilities, unsigned group = 0);
  // A PCI device bound to `driver` (none: empty).
  FakeMachine& pci(const std::string& address, const std::string& driver);
  // An interface that is up, with an MTU of 1500.
  FakeMachine& interface(const std::string& name);

  [[nodiscard]] Machine machine() const { return Machine{kernel, root_}; }

 private:
  std::filesystem::path root_;
};

// A virtual machine as a cloud gives it, with one interface eth0 and root's capabilities.
void make_bare(FakeMachine& machine);
// A host that was set up for probing with CPU 3 and an mlx5 card: isolation, huge pages, governor.
void make_tuned(FakeMachine& machine);

[[nodiscard]] Wanted dpdk_on(const WantedDevice& device);
[[nodiscard]] WantedDevice af_packet(const std::string& interface);
[[nodiscard]] WantedDevice pci_device(const std::string& address);

// The one finding of that check (and subject, where one is given); fails the test without it.
[[nodiscard]] Finding the(const Findings& findings, std::string_view check,
                          std::string_view subject = "*");
[[nodiscard]] bool has(const Findings& findings, std::string_view check);

}  // namespace strait::probe::doctor

// Catch prints them so.
namespace Catch {
template <>
struct StringMaker<strait::probe::doctor::Status> {
  static std::string convert(strait::probe::doctor::Status status) {
    return std::string{strait::probe::doctor::to_string(status)};
  }
};
}  // namespace Catch
