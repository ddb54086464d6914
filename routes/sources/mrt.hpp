// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "routes/model/route.hpp"

namespace strait::routes {

// One entry of a PEER_INDEX_TABLE. BIRD's first is all zeros and owns the routes that are not
// BGP's.
struct MrtPeer {
  std::uint32_t bgp_id = 0;
  Address address;
  Asn asn;
};

// Something in the file that gave no routes, or fewer than it should have.
struct SkippedPart {
  std::uint64_t offset = 0;  // octets from the start of the unpacked file
  std::string reason;
};

// What the reader did with every record: nothing is passed over in silence.
struct RibReadReport {
  std::uint64_t records = 0;        // of any type
  std::uint64_t routes = 0;         // read, `local` ones included
  std::uint64_t local = 0;          // of BIRD's all-zero peer: static, direct, kernel
  std::uint64_t damaged = 0;        // records or entries that should have given routes and did not
  std::uint64_t other_records = 0;  // types that hold no unicast RIB: not damage
  std::map<std::string, std::uint64_t, std::less<>> skipped;  // by reason, both kinds
  std::vector<SkippedPart> damage;                            // the first 100, in order

  [[nodiscard]] bool complete() const { return damaged == 0; }
};

// A table dump: every peer's routes at one moment.
struct RibDump {
  WallTime taken;  // of the newest record
  std::uint32_t collector_id = 0;
  std::vector<MrtPeer> peers;  // of the last PEER_INDEX_TABLE
  std::vector<Route> routes;   // in the order of the file
  RibReadReport report;
};

// Reads TABLE_DUMP_V2 (RFC 6396 section 4.3; add-path RFC 8050 section 4), IPv4 and IPv6 unicast.
// Other types are counted and passed over. Damage is reported in the dump; only bytes without any
// PEER_INDEX_TABLE are an error.
[[nodiscard]] Result<RibDump> read_mrt(std::span<const std::byte> bytes);

// Reads a file, which may be packed by gzip or bzip2: its content says so. A packed file that
// breaks off is read up to there and reported as damaged.
[[nodiscard]] Result<RibDump> load_mrt(const std::string& file);

}  // namespace strait::routes
