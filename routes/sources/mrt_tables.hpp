// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/strong.hpp"
#include "routes/sources/byte_reader.hpp"

namespace strait::routes {

// One entry of a PEER_INDEX_TABLE. BIRD's first is all zeros and owns the routes that are not
// BGP's.
struct MrtPeer {
  std::uint32_t bgp_id = 0;
  Address address;
  Asn asn;
};

// RFC 6396 section 4.3.1.
struct MrtPeerTable {
  std::uint32_t collector_id = 0;
  std::vector<MrtPeer> peers;
};
// Nothing if the table runs past the record.
[[nodiscard]] std::optional<MrtPeerTable> read_peer_table(std::span<const std::byte> body);

// Which RIB a subtype of TABLE_DUMP_V2 holds: RFC 6396 section 4.3.2 and RFC 8050 section 4.1.
struct RibKind {
  bool v6 = false;
  bool add_path = false;
};
[[nodiscard]] std::optional<RibKind> unicast_rib_kind(std::uint16_t subtype);

// One route of a RIB record.
struct RibRecordEntry {
  std::uint16_t peer = 0;  // index into the latest peer table
  std::uint32_t originated = 0;
  std::uint32_t path_id = 0;
  std::span<const std::byte> attributes;
};

// RFC 6396 sections 4.3.2 and 4.3.4: a prefix and its entries, read one after the other.
class RibRecord {
 public:
  RibRecord(std::span<const std::byte> body, RibKind kind);

  [[nodiscard]] unsigned prefix_length() const { return prefix_length_; }
  [[nodiscard]] std::span<const std::byte> prefix_octets() const { return prefix_; }
  [[nodiscard]] std::string_view problem() const;  // empty, or why there are no entries
  // Nothing after the last one, or where an entry runs past the record: then missing() > 0.
  [[nodiscard]] std::optional<RibRecordEntry> next();
  [[nodiscard]] unsigned missing() const { return left_; }
  [[nodiscard]] bool leftover() const { return left_ == 0 && !reader_.empty(); }

 private:
  RibKind kind_;
  ByteReader reader_;
  unsigned prefix_length_ = 0;
  std::span<const std::byte> prefix_;
  unsigned left_ = 0;
  std::string_view problem_;
};

// RFC 6396 section 4.2: one route of TABLE_DUMP, whose AS numbers have two octets.
struct OldTableEntry {
  Address network;  // host bits as they came
  std::uint8_t length = 0;
  std::uint32_t originated = 0;
  Address peer;
  Asn peer_asn;
  std::span<const std::byte> attributes;
};
[[nodiscard]] std::optional<OldTableEntry> read_old_table_entry(std::span<const std::byte> body,
                                                                bool v6);

[[nodiscard]] Address address_of_octets(std::span<const std::byte> octets, bool v6);

}  // namespace strait::routes
