// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "routes/route_filter.hpp"
#include "routes/sources/byte_source.hpp"

namespace strait::routes {

struct BgpdumpReport {
  std::uint64_t lines = 0;
  std::uint64_t damaged = 0;  // records or routes without a line that should have one
  std::map<std::string, std::uint64_t, std::less<>> skipped;  // by reason, damage and other records
};

// Writes an MRT file as `bgpdump -m` does, a line for each route, withdrawal and state change, in
// the order of the file. Differs where bgpdump is at fault, see strait-routes(1). `write` gets text
// in large pieces, and returns false to end it.
[[nodiscard]] Result<BgpdumpReport> write_bgpdump_text(
    ByteSource& source, const RouteFilter& filter,
    const std::function<bool(std::string_view)>& write);

}  // namespace strait::routes
