// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "core/clock.hpp"
#include "routes/rib.hpp"

namespace strait::routes {

// What stands above a dump.
struct MrtDumpHeader {
  WallTime taken;
  std::uint32_t collector_id = 0;
  std::string_view view;  // a name; what is above 65,535 octets is cut off
};

struct MrtDumpResult {
  bool written = false;        // everything was given to `write`
  std::uint64_t left_out = 0;  // routes whose attributes are longer than the 65,535 octets of MRT
};

// Writes a RIB as TABLE_DUMP_V2 (RFC 6396 section 4.3, RFC 8050 section 4): the peer table, then
// every prefix in order. Prefixes with path ids become ADDPATH records. When routes came is not
// known any more: they get the time of the dump. Gives whole records to `write`, in pieces, until
// it returns false.
[[nodiscard]] MrtDumpResult write_mrt_dump(const Rib& rib, const MrtDumpHeader& header,
                                           const std::function<bool(std::string_view)>& write);

}  // namespace strait::routes
