// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "probe/dpdk/options.hpp"

namespace strait::bench {

// Makes the ring that prototype() uses. False, and a message on stderr, when that fails.
bool prototype_ready(const probe::dpdk::DpdkOptions& options);

// Round trips per CPU-second of the bare loop.
double prototype(std::size_t sessions, double seconds);

}  // namespace strait::bench
