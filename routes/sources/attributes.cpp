// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/attributes.hpp"

#include <algorithm>
#include <array>
#include <bitset>

#include "routes/sources/byte_reader.hpp"

namespace strait::routes {
namespace {

using Bytes = std::span<const std::byte>;
constexpr std::string_view sound{};

constexpr std::uint8_t extended_length = 0x10;  // attribute flag, RFC 4271 section 4.3
constexpr std::uint8_t code_origin = 1;
constexpr std::uint8_t code_as_path = 2;
constexpr std::uint8_t code_next_hop = 3;
constexpr std::uint8_t code_mp_reach = 14;

template <std::size_t Size>
std::array<std::uint8_t, Size> octets(Bytes bytes) {
  std::array<std::uint8_t, Size> result{};
  std::ranges::transform(bytes.first(Size), result.begin(), std::to_integer<std::uint8_t>);
  return result;
}

Address address_v4(Bytes bytes) { return boost::asio::ip::address_v4{octets<4>(bytes)}; }
Address address_v6(Bytes bytes) { return boost::asio::ip::address_v6{octets<16>(bytes)}; }

std::string_view read_origin(Bytes value, Route& route) {
  if (value.size() != 1 || std::to_integer<unsigned>(value[0]) > 2) return "malformed ORIGIN";
  route.origin = static_cast<Origin>(value[0]);
  return sound;
}

enum class SegmentType : std::uint8_t {
  set = 1,
  sequence = 2,
  confed_sequence = 3,
  confed_set = 4
};

// RFC 4271 section 9.1.2.2 a: a set counts one; RFC 5065 section 5.3: a confederation segment none.
void add_segment(SegmentType type, std::span<const Asn> asns, bool first, Route& route) {
  if (type == SegmentType::confed_sequence || type == SegmentType::confed_set) return;
  if (type == SegmentType::set) {
    route.as_path_length += 1;
    route.origin_asn.reset();
    return;
  }
  if (first) route.first_asn = asns.front();
  route.as_path_length += static_cast<std::uint32_t>(asns.size());
  route.as_path.insert(route.as_path.end(), asns.begin(), asns.end());
  route.origin_asn = asns.back();
}

// RFC 7606 section 7.2: unknown type, overrun, no members; RFC 7607: AS 0.
std::string_view read_as_path(Bytes value, Route& route) {
  ByteReader reader{value};
  bool first = true;
  while (!reader.empty()) {
    const unsigned type = reader.u8();
    const unsigned count = reader.u8();
    if (reader.failed() || type < 1 || type > 4 || count == 0) return "malformed AS_PATH";
    std::vector<Asn> asns;
    asns.reserve(count);
    for (unsigned i = 0; i < count; ++i) asns.emplace_back(reader.u32());
    if (reader.failed()) return "malformed AS_PATH";
    if (std::ranges::find(asns, Asn{0}) != asns.end()) return "AS 0 in AS_PATH";
    const auto kind = static_cast<SegmentType>(type);
    add_segment(kind, asns, first, route);
    if (kind == SegmentType::set || kind == SegmentType::sequence) first = false;
  }
  return sound;
}

std::string_view read_next_hop(Bytes value, Route& route) {
  if (value.size() != 4) return "malformed NEXT_HOP";
  // Beside MP_REACH_NLRI it does not count (RFC 4760 section 3).
  if (route.next_hop.is_unspecified()) route.next_hop = address_v4(value);
  return sound;
}

std::string_view set_next_hop(Bytes hop, Route& route) {
  // 32 octets: a global and a link-local address (RFC 2545 section 3).
  if (hop.size() == 16 || hop.size() == 32) {
    route.next_hop = address_v6(hop);
    return sound;
  }
  if (hop.size() != 4) return "malformed MP_REACH_NLRI";
  route.next_hop = address_v4(hop);
  return sound;
}

// RFC 6396 section 4.3.4 cuts the attribute to next-hop length and next hop; its own example does
// not, and both occur. The full one begins with the high octet of the AFI, 0.
std::string_view read_mp_reach(Bytes value, Route& route) {
  if (value.empty()) return "malformed MP_REACH_NLRI";
  ByteReader reader{value};
  if (value[0] == std::byte{0}) {
    reader.take(3);  // AFI, SAFI
  }
  const std::size_t length = reader.u8();
  const Bytes hop = reader.take(length);
  if (reader.failed()) return "malformed MP_REACH_NLRI";
  if (value[0] != std::byte{0} && !reader.empty()) return "malformed MP_REACH_NLRI";
  return set_next_hop(hop, route);
}

template <class Number>
std::string_view read_number(Bytes value, std::optional<Number>& field, std::string_view error) {
  if (value.size() != 4) return error;
  field = Number{ByteReader{value}.u32()};
  return sound;
}

std::string_view read_communities(Bytes value, Route& route) {
  if (value.empty() || value.size() % 4 != 0) return "malformed COMMUNITIES";
  ByteReader reader{value};
  while (!reader.empty()) route.communities.push_back(reader.u32());
  return sound;
}

std::string_view read_cluster_list(Bytes value, Route& route) {
  if (value.empty() || value.size() % 4 != 0) return "malformed CLUSTER_LIST";
  route.cluster_list_length = static_cast<std::uint32_t>(value.size() / 4);
  return sound;
}

std::string_view read_attribute(std::uint8_t code, Bytes value, Route& route) {
  switch (code) {
    case code_origin:
      return read_origin(value, route);
    case code_as_path:
      return read_as_path(value, route);
    case code_next_hop:
      return read_next_hop(value, route);
    case 4:
      return read_number(value, route.med, "malformed MULTI_EXIT_DISC");
    case 5:
      return read_number(value, route.local_pref, "malformed LOCAL_PREF");
    case 8:
      return read_communities(value, route);
    case 9:
      return read_number(value, route.originator_id, "malformed ORIGINATOR_ID");
    case 10:
      return read_cluster_list(value, route);
    case code_mp_reach:
      return read_mp_reach(value, route);
    default:
      return sound;
  }
}

// RFC 7606 section 3d.
std::string_view missing(const std::bitset<256>& seen) {
  if (!seen.test(code_origin)) return "no ORIGIN";
  if (!seen.test(code_as_path)) return "no AS_PATH";
  if (!seen.test(code_next_hop) && !seen.test(code_mp_reach)) return "no next hop";
  return sound;
}

}  // namespace

std::string_view read_attributes(Bytes bytes, Route& route) {
  ByteReader reader{bytes};
  std::bitset<256> seen;
  while (!reader.empty()) {
    const std::uint8_t flags = reader.u8();
    const std::uint8_t code = reader.u8();
    const std::size_t length = (flags & extended_length) != 0 ? reader.u16() : reader.u8();
    const Bytes value = reader.take(length);
    if (reader.failed()) return "an attribute runs past the end";
    if (seen.test(code)) {
      if (code == code_mp_reach) return "MP_REACH_NLRI twice";
      continue;  // RFC 7606 section 3g: the first copy counts
    }
    seen.set(code);
    if (const auto error = read_attribute(code, value, route); !error.empty()) return error;
  }
  // An entry without any attribute is a route that is not BGP's.
  return bytes.empty() ? sound : missing(seen);
}

}  // namespace strait::routes
