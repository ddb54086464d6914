// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "routes/rpki.hpp"
#include "routes/sources/byte_source.hpp"

namespace strait::routes {

// What a validator wrote.
struct VrpFile {
  std::vector<Vrp> vrps;
  std::optional<WallTime> made;      // as the file says; not all do
  std::uint64_t damaged = 0;         // entries that are no VRP
  std::vector<std::string> reasons;  // of the first 10 of these, each with its place
};

inline constexpr std::size_t most_vrps = 8'000'000;  // fifteen times what there are in 2026

// Reads VRPs as rpki-client (`asn` is a number, or "AS..." in 2021's; `expires`) and Routinator
// (`asn` is "AS13335"; json and jsonext) write them: an object with an array `roas` of objects with
// `asn`, `prefix` and `maxLength`. What else is in it is passed over. Reads in pieces: only VRPs
// take memory. An error if it is no JSON, has no `roas` or more than most_vrps.
[[nodiscard]] Result<VrpFile> read_vrps(ByteSource& source, const std::string& name);

// A file, packed or not, or "-".
[[nodiscard]] Result<VrpFile> load_vrps(const std::string& file);

// Takes out what had expired by then, and returns how many that were. Data past its expiry must not
// be used (RFC 8210 section 6).
std::size_t drop_expired(std::vector<Vrp>& vrps, WallTime at);

}  // namespace strait::routes
