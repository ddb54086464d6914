// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "probe/socket/clock_bridge.hpp"
#include "probe/socket/control.hpp"
#include "probe/transport.hpp"

namespace strait::probe::kernel {

// The best stamp that a message carries: the card's if its clock keeps UTC, else the kernel's, else
// ours from now.
[[nodiscard]] Stamp best_stamp(const IncomingControl& control, const ClockBridge& clock,
                               TransportCounters& counters);

}  // namespace strait::probe::kernel
