// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "core/clock.hpp"

namespace strait::exporters {

// What this process has taken from the machine, read from /proc/self (proc(5)). A part that cannot
// be read is nothing.
struct ProcessUsage {
  std::optional<Nanos> cpu;  // user and system, all threads
  std::optional<std::uint64_t> resident_bytes;
  std::optional<std::uint64_t> virtual_bytes;
  std::optional<std::uint64_t> open_files;
  std::optional<std::uint64_t> max_open_files;
  std::optional<WallTime> started;
};

[[nodiscard]] ProcessUsage process_usage();

}  // namespace strait::exporters
