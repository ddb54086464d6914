// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/address.hpp"
#include "core/strong.hpp"
#include "routes/model/contender.hpp"

namespace strait::routes {

// RFC 4271 section 4.3 and RFC 5065 section 3.
enum class SegmentType : std::uint8_t {
  set = 1,
  sequence = 2,
  confed_sequence = 3,
  confed_set = 4
};

struct AsSegment {
  SegmentType type = SegmentType::sequence;
  std::vector<Asn> asns;

  friend bool operator==(const AsSegment&, const AsSegment&) = default;
};

struct Aggregator {
  Asn asn;
  Address address;  // IPv4

  friend bool operator==(const Aggregator&, const Aggregator&) = default;
};

// RFC 8092.
struct LargeCommunity {
  std::uint32_t global = 0;
  std::uint32_t local1 = 0;
  std::uint32_t local2 = 0;

  friend auto operator<=>(const LargeCommunity&, const LargeCommunity&) = default;
};

// An attribute that we do not know: kept as it came.
struct UnknownAttribute {
  std::uint8_t flags = 0;
  std::uint8_t code = 0;
  std::vector<std::byte> value;

  friend bool operator==(const UnknownAttribute&, const UnknownAttribute&) = default;
};

// Everything that a route says of itself.
struct PathAttributes {
  Origin origin = Origin::igp;
  std::vector<AsSegment> as_path;
  Address next_hop;
  std::optional<Address> link_local_next_hop;  // RFC 2545 section 3
  std::optional<Med> med;
  std::optional<LocalPref> local_pref;
  bool atomic_aggregate = false;
  std::optional<Aggregator> aggregator;
  std::vector<std::uint32_t> communities;                               // RFC 1997
  std::vector<std::uint64_t> extended_communities;                      // RFC 4360
  std::vector<std::array<std::uint8_t, 20>> ipv6_extended_communities;  // RFC 5701
  std::vector<LargeCommunity> large_communities;
  std::optional<std::uint32_t> originator_id;
  std::vector<std::uint32_t> cluster_list;
  std::optional<Asn> only_to_customer;  // RFC 9234
  std::vector<UnknownAttribute> unknown;
};

// "64500 64501 {64502,64503} (65001) [65002,65003]": sequences bare, sets in braces, confederation
// segments in parentheses and brackets. Empty for an empty path.
[[nodiscard]] std::string to_string(const std::vector<AsSegment>& as_path);

}  // namespace strait::routes
