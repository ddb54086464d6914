// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "probe/doctor/finding.hpp"
#include "probe/dpdk/device_facts.hpp"
#include "probe/dpdk/options.hpp"

namespace strait::cli {

// What DPDK and its driver say of a device that nobody uses yet: starts it, and closes it again.
[[nodiscard]] probe::doctor::Findings trial_findings(const probe::dpdk::DpdkOptions& options,
                                                     const std::string& device);

// The same of one that a transport may have opened: `running` says so.
[[nodiscard]] probe::doctor::Findings device_findings(const probe::dpdk::DpdkOptions& options,
                                                      const std::string& device, bool running);

// Pure.
[[nodiscard]] probe::doctor::Findings findings_of(const std::string& device,
                                                  const probe::dpdk::DeviceFacts& facts);

}  // namespace strait::cli
