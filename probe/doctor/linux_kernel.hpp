// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "probe/doctor/machine.hpp"

namespace strait::probe::doctor {

// The kernel that this program runs on. Nothing here needs a privilege or changes anything.
class LinuxKernel final : public Kernel {
 public:
  [[nodiscard]] ClockReading clock() const override;
  [[nodiscard]] Result<StampAbilities> stamps(const std::string& interface) const override;
  [[nodiscard]] bool has_interface(const std::string& interface) const override;
  [[nodiscard]] std::optional<std::string> driver(const std::string& interface) const override;
  [[nodiscard]] Nanos tick() const override;
  [[nodiscard]] Nanos timer_resolution() const override;
  [[nodiscard]] std::vector<Nanos> late_wake_ups() const override;
  [[nodiscard]] Result<Route> route(const RouteQuestion& question) const override;
  [[nodiscard]] Result<Neighbour> neighbour(const std::string& interface,
                                            const Address& address) const override;
};

}  // namespace strait::probe::doctor
