// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "routes/rib.hpp"
#include "routes/sources/byte_source.hpp"

namespace strait::routes {

// Something in the file that gave no routes, or fewer than it should have.
struct SkippedPart {
  std::uint64_t offset = 0;  // octets from the start of the unpacked file
  std::string reason;
};

// What the reader did with every record: nothing is passed over in silence.
struct RibReadReport {
  std::uint64_t records = 0;        // of any type
  std::uint64_t routes = 0;         // announced: entries of tables and NLRI of updates
  std::uint64_t local = 0;          // of these, BIRD's all-zero peer: static, direct, kernel
  std::uint64_t withdrawn = 0;      // by updates
  std::uint64_t damaged = 0;        // records or routes that should have counted and do not
  std::uint64_t other_records = 0;  // types that hold no unicast routes: not damage
  std::uint64_t discarded = 0;      // attributes by RFC 7606 "attribute discard": the route counts
  std::map<std::string, std::uint64_t, std::less<>> skipped;  // by reason, all three kinds
  std::vector<SkippedPart> damage;                            // the first 100, in order

  [[nodiscard]] bool complete() const { return damaged == 0; }
};

// Every peer's routes at one moment.
struct RibDump {
  WallTime taken;  // of the newest record
  std::uint32_t collector_id = 0;
  Rib rib;
  RibReadReport report;
};

struct MrtOptions {
  Asn site_asn;                                    // peers in it are internal; 0: none is
  std::size_t max_memory = std::size_t{4} << 30U;  // octets that the RIB may take
};

// Reads files one after the other into one RIB; a later file's routes replace an earlier one's.
//
// TABLE_DUMP and TABLE_DUMP_V2, IPv4 and IPv6 unicast, add-path too (RFC 6396 sections 4.2 and 4.3,
// RFC 8050 section 4), and UPDATEs and state changes of BGP4MP in all its forms (section 4.4,
// RFC 8050 section 5). What the collector itself sent (LOCAL) is no offer of the peer's and is
// counted only. Other types are counted and passed over. Damage is reported, and reading goes on
// behind it.
class MrtReader {
 public:
  explicit MrtReader(const MrtOptions& options);
  MrtReader(MrtReader&&) noexcept;
  MrtReader& operator=(MrtReader&&) noexcept;
  MrtReader(const MrtReader&) = delete;
  MrtReader& operator=(const MrtReader&) = delete;
  ~MrtReader();

  // An error if the octets hold no record with routes or peers at all, or more than max_memory.
  [[nodiscard]] Result<void> read(ByteSource& source);
  [[nodiscard]] RibDump finish() &&;

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;
};

[[nodiscard]] Result<RibDump> read_mrt(std::span<const std::byte> bytes,
                                       const MrtOptions& options = {});

// Reads a file, which may be packed by gzip, bzip2 or zstd: its content says so. "-" is the
// standard input. A packed file that breaks off is read up to there and reported as damaged.
[[nodiscard]] Result<RibDump> load_mrt(const std::string& file, const MrtOptions& options = {});
[[nodiscard]] Result<RibDump> load_mrt(std::span<const std::string> files,
                                       const MrtOptions& options);

}  // namespace strait::routes
