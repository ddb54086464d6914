// SPDX-License-Identifier: Apache-2.0
#include "routes/bgpdump_attributes.hpp"

#include <array>
#include <optional>
#include <string_view>

#include "routes/sources/attribute_codes.hpp"
#include "routes/sources/byte_reader.hpp"
#include "routes/sources/mrt_tables.hpp"

namespace strait::routes {
namespace {

using Octets = std::span<const std::byte>;
// Characters that a route's attributes take at most: an AS number of 4 octets up to 10 and a blank,
// or a segment's two octets with it and two brackets; a community of 4 octets 12; and the rest.
constexpr std::size_t per_octet = 4;
constexpr std::size_t all_else = 256;

void append_v4(LineText& text, Octets octets) {
  for (std::size_t i = 0; i < 4; ++i) {
    if (i > 0) text.add('.');
    text.add(i < octets.size() ? std::to_integer<std::uint32_t>(octets[i]) : std::uint32_t{0});
  }
}

// Nearly all that is written passes here; to_string() takes three times as long.
void append(LineText& text, const Address& address) {
  if (address.is_v4()) {
    const auto octets = address.to_v4().to_bytes();
    append_v4(text, std::as_bytes(std::span{octets}));
  } else {
    text.add(std::string_view{address.to_string()});
  }
}

// Brackets of AS_SET, AS_SEQUENCE, AS_CONFED_SEQUENCE and AS_CONFED_SET.
constexpr std::string_view opening = " { ([";
constexpr std::string_view closing = " } )]";

void append_segment(LineText& text, unsigned type, ByteReader& reader) {
  if (opening[type] != ' ') text.add(opening[type]);
  const bool is_set = type == 1 || type == 4;
  const unsigned count = reader.u8();
  for (unsigned i = 0; i < count && !reader.empty(); ++i) {
    if (i > 0) text.add(is_set ? ',' : ' ');
    text.add(reader.u32());
  }
  if (closing[type] != ' ') text.add(closing[type]);
}

void append_as_path(LineText& text, Octets value) {
  ByteReader reader{value};
  for (bool first = true; !reader.empty(); first = false) {
    const unsigned type = reader.u8();
    if (!first) text.add(' ');
    if (type > 4) return;
    append_segment(text, type, reader);
  }
}

// RFC 1997's names as bgpdump has them.
void append_communities(LineText& text, Octets value) {
  ByteReader reader{value};
  for (bool first = true; !reader.empty(); first = false) {
    if (!first) text.add(' ');
    const std::uint32_t community = reader.u32();
    switch (community) {
      case 0xffffff01:
        text.add(std::string_view{"no-export"});
        break;
      case 0xffffff02:
        text.add(std::string_view{"no-advertise"});
        break;
      case 0xffffff03:
        text.add(std::string_view{"local-AS"});
        break;
      default:
        text.add(community >> 16U);
        text.add(':');
        text.add(community & 0xffffU);
    }
  }
}

// The values of the attributes that a line shows.
using Shown = std::array<std::optional<Octets>, code_mp_reach + 1>;

Shown shown_of(Octets canonical) {
  Shown shown;
  ByteReader reader{canonical};
  while (!reader.empty()) {
    const unsigned flags = reader.u8();
    const unsigned code = reader.u8();
    const Octets value = reader.take((flags & 0x10U) != 0 ? reader.u16() : reader.u8());
    if (code < shown.size()) shown[code] = value;
  }
  return shown;
}

void append_next_hop(LineText& text, const Shown& shown) {
  if (const auto& reach = shown[code_mp_reach]; reach && reach->size() > 4) {
    const Octets hop = reach->subspan(1);
    if (hop.size() == 4) {
      append_v4(text, hop);
    } else {
      append(text, address_of_octets(hop.first(16), true));
    }
  } else if (const auto& next_hop = shown[code_next_hop]) {
    append_v4(text, *next_hop);
  } else {
    text.add(std::string_view{"255.255.255.255"});  // of a route that has no attributes at all
  }
}

std::string_view origin_word(const std::optional<Octets>& origin) {
  if (!origin || origin->empty()) return "INCOMPLETE";
  switch (std::to_integer<unsigned>((*origin)[0])) {
    case 0:
      return "IGP";
    case 1:
      return "EGP";
    default:
      return "INCOMPLETE";
  }
}

std::uint32_t number_in(const std::optional<Octets>& value) {
  return value ? ByteReader{*value}.u32() : 0;
}

}  // namespace

void append_text(LineText& text, const Prefix& prefix) {
  append(text, prefix.network);
  text.add('/');
  text.add(std::uint32_t{prefix.length});
}

void append_bgpdump_attributes(LineText& text, Octets canonical) {
  const Shown shown = shown_of(canonical);
  text.room(all_else + per_octet * canonical.size());
  if (const auto& path = shown[code_as_path]) append_as_path(text, *path);
  text.add('|');
  text.add(origin_word(shown[code_origin]));
  text.add('|');
  append_next_hop(text, shown);
  text.add('|');
  text.add(number_in(shown[code_local_pref]));
  text.add('|');
  text.add(number_in(shown[code_med]));
  text.add('|');
  if (const auto& communities = shown[code_communities]) append_communities(text, *communities);
  text.add(shown[code_atomic_aggregate] ? std::string_view{"|AG|"} : std::string_view{"|NAG|"});
  if (const auto& aggregator = shown[code_aggregator]) {
    text.add(ByteReader{*aggregator}.u32());
    text.add(' ');
    append_v4(text, aggregator->subspan(4));
  }
  text.add(std::string_view{"|\n"});
}

}  // namespace strait::routes
