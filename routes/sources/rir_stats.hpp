// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "routes/registrations.hpp"
#include "routes/sources/byte_source.hpp"

namespace strait::routes {

// What a statistics file of a regional Internet registry says: "delegated" or "delegated-extended"
// of AFRINIC, APNIC, ARIN, LACNIC and RIPE NCC, or the NRO's file of all five.
struct RirStats {
  std::vector<RegistrationSource> registries;  // that the records name, each with the file's date
  std::vector<RegisteredBlock> blocks;  // allocated or assigned; `source` is an index to the above
  // Records that register no address to a country, by what they are: "available", "AS number".
  std::map<std::string, std::uint64_t, std::less<>> passed_over;
  std::uint64_t damaged = 0;         // lines that are no record, and records that are not there
  std::vector<std::string> reasons;  // of the first 10 of these, each with its place
};

inline constexpr std::size_t most_rir_records = 8'000'000;  // twenty times what all five have

// Reads lines "registry|cc|type|start|value|date|status[|more]" (LACNIC's and APNIC's
// RIR-Statistics-Exchange-Format): `value` counts IPv4 addresses, which need be no power of two,
// and is the prefix length of IPv6. Comments and empty lines are passed over. What summary lines
// promise and is not there counts as damage: the file was cut off. An error if the version line is
// missing, for the file is something else then.
[[nodiscard]] Result<RirStats> read_rir_stats(ByteSource& source, const std::string& name);

// Whether a file that begins so may be such a file, and not a CSV.
[[nodiscard]] bool looks_like_rir_stats(std::string_view beginning);

}  // namespace strait::routes
