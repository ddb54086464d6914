// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "probe/doctor/finding.hpp"
#include "probe/mtu_check.hpp"
#include "probe/pin_check.hpp"
#include "probe/transport.hpp"

namespace strait::cli {

// What the paths' own checks have shown, and what the engine counted meanwhile. Pure.
[[nodiscard]] probe::doctor::Findings pin_findings(probe::PinMode mode,
                                                   std::span<const probe::PinState> states);
[[nodiscard]] probe::doctor::Findings mtu_findings(std::span<const probe::MtuState> states);
[[nodiscard]] probe::doctor::Findings counter_findings(const probe::TransportCounters& counters);

}  // namespace strait::cli
