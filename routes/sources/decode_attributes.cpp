// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "routes/sources/as_path.hpp"
#include "routes/sources/attribute_codes.hpp"
#include "routes/sources/attributes.hpp"
#include "routes/sources/byte_reader.hpp"

namespace strait::routes {
namespace {

using Octets = std::span<const std::byte>;

template <std::size_t Size>
std::array<std::uint8_t, Size> array_of(Octets value) {
  std::array<std::uint8_t, Size> octets{};
  const std::size_t count = std::min(Size, value.size());
  std::ranges::transform(value.first(count), octets.begin(), std::to_integer<std::uint8_t>);
  return octets;
}

Address v4_of(Octets value) { return boost::asio::ip::address_v4{array_of<4>(value)}; }
Address v6_of(Octets value) { return boost::asio::ip::address_v6{array_of<16>(value)}; }

// The cut MP_REACH_NLRI: length and next hop.
void note_mp_reach(Octets value, PathAttributes& to) {
  if (value.empty()) return;
  const Octets hop = value.subspan(1);
  if (hop.size() == 4) to.next_hop = v4_of(hop);
  if (hop.size() >= 16) to.next_hop = v6_of(hop);
  if (hop.size() == 32) to.link_local_next_hop = v6_of(hop.subspan(16));
}

void note_numbers(Octets value, std::vector<std::uint32_t>& to) {
  for (ByteReader reader{value}; !reader.empty();) to.push_back(reader.u32());
}

void note_extended(Octets value, PathAttributes& to) {
  for (ByteReader reader{value}; !reader.empty();) {
    const std::uint64_t high = reader.u32();
    to.extended_communities.push_back(high << 32U | reader.u32());
  }
}

void note_ipv6_extended(Octets value, PathAttributes& to) {
  for (ByteReader reader{value}; !reader.empty();) {
    to.ipv6_extended_communities.push_back(array_of<20>(reader.take(20)));
  }
}

void note_large(Octets value, PathAttributes& to) {
  for (ByteReader reader{value}; !reader.empty();) {
    LargeCommunity& one = to.large_communities.emplace_back();
    one.global = reader.u32();
    one.local1 = reader.u32();
    one.local2 = reader.u32();
  }
}

// What belongs to neighbours: lists whose length says how many there are. False: no list.
bool note_list(std::uint8_t code, Octets value, PathAttributes& to) {
  switch (code) {
    case code_communities:
      note_numbers(value, to.communities);
      return true;
    case code_cluster_list:
      note_numbers(value, to.cluster_list);
      return true;
    case code_extended:
      note_extended(value, to);
      return true;
    case code_ipv6_extended:
      note_ipv6_extended(value, to);
      return true;
    case code_large:
      note_large(value, to);
      return true;
    default:
      return false;
  }
}

void note_one(std::uint8_t flags, std::uint8_t code, Octets value, PathAttributes& to) {
  ByteReader reader{value};
  switch (code) {
    case code_origin:
      to.origin = static_cast<Origin>(reader.u8());
      return;
    case code_as_path:
      to.as_path = decode_as_path(value, true);
      return;
    case code_next_hop:
      if (to.next_hop.is_unspecified()) to.next_hop = v4_of(value);
      return;
    case code_med:
      to.med = Med{reader.u32()};
      return;
    case code_local_pref:
      to.local_pref = LocalPref{reader.u32()};
      return;
    case code_atomic_aggregate:
      to.atomic_aggregate = true;
      return;
    case code_aggregator:
      to.aggregator = Aggregator{.asn = Asn{reader.u32()}, .address = v4_of(reader.take(4))};
      return;
    case code_originator_id:
      to.originator_id = reader.u32();
      return;
    case code_mp_reach:
      note_mp_reach(value, to);
      return;
    case code_otc:
      to.only_to_customer = Asn{reader.u32()};
      return;
    default:
      to.unknown.push_back({.flags = flags, .code = code, .value = {value.begin(), value.end()}});
  }
}

}  // namespace

PathAttributes decode_attributes(std::span<const std::byte> canonical) {
  constexpr std::uint8_t extended_length = 0x10;  // RFC 4271 section 4.3
  PathAttributes attributes;
  ByteReader reader{canonical};
  while (!reader.empty()) {
    const std::uint8_t flags = reader.u8();
    const std::uint8_t code = reader.u8();
    const std::size_t length = (flags & extended_length) != 0 ? reader.u16() : reader.u8();
    const Octets value = reader.take(length);
    if (reader.failed()) break;
    if (!note_list(code, value, attributes)) note_one(flags, code, value, attributes);
  }
  return attributes;
}

}  // namespace strait::routes
