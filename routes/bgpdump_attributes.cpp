// SPDX-License-Identifier: Apache-2.0
#include "routes/bgpdump_attributes.hpp"

#include <array>
#include <charconv>
#include <optional>

#include "routes/sources/attribute_codes.hpp"
#include "routes/sources/byte_reader.hpp"
#include "routes/sources/mrt_tables.hpp"

namespace strait::routes {
namespace {

using Octets = std::span<const std::byte>;
constexpr std::size_t longest_usual = 240;  // characters that a route's attributes seldom exceed

void append(std::string& text, std::uint32_t number) {
  std::array<char, 10> digits{};
  auto* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  text.append(digits.data(), end);
}

void append_v4(std::string& text, Octets octets) {
  for (std::size_t i = 0; i < 4; ++i) {
    if (i > 0) text += '.';
    append(text, i < octets.size() ? std::to_integer<std::uint32_t>(octets[i]) : 0);
  }
}

// Nearly all that is written passes here; to_string() takes three times as long.
void append(std::string& text, const Address& address) {
  if (address.is_v4()) {
    const auto octets = address.to_v4().to_bytes();
    append_v4(text, std::as_bytes(std::span{octets}));
  } else {
    text += address.to_string();
  }
}

// Brackets of AS_SET, AS_SEQUENCE, AS_CONFED_SEQUENCE and AS_CONFED_SET.
constexpr std::string_view opening = " { ([";
constexpr std::string_view closing = " } )]";

void append_segment(std::string& text, unsigned type, ByteReader& reader) {
  if (opening[type] != ' ') text += opening[type];
  const bool is_set = type == 1 || type == 4;
  const unsigned count = reader.u8();
  for (unsigned i = 0; i < count; ++i) {
    if (i > 0) text += is_set ? ',' : ' ';
    append(text, reader.u32());
  }
  if (closing[type] != ' ') text += closing[type];
}

void append_as_path(std::string& text, Octets value) {
  ByteReader reader{value};
  for (bool first = true; !reader.empty(); first = false) {
    const unsigned type = reader.u8();
    if (!first) text += ' ';
    if (type > 4) return;
    append_segment(text, type, reader);
  }
}

// RFC 1997's names as bgpdump has them.
void append_communities(std::string& text, Octets value) {
  ByteReader reader{value};
  for (bool first = true; !reader.empty(); first = false) {
    if (!first) text += ' ';
    const std::uint32_t community = reader.u32();
    switch (community) {
      case 0xffffff01:
        text += "no-export";
        break;
      case 0xffffff02:
        text += "no-advertise";
        break;
      case 0xffffff03:
        text += "local-AS";
        break;
      default:
        append(text, community >> 16U);
        text += ':';
        append(text, community & 0xffffU);
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

void append_next_hop(std::string& text, const Shown& shown) {
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
    text += "255.255.255.255";  // of a route that has no attributes at all
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

void append_text(std::string& text, std::uint32_t number) { append(text, number); }

void append_text(std::string& text, const Prefix& prefix) {
  append(text, prefix.network);
  text += '/';
  append(text, prefix.length);
}

std::string bgpdump_attributes(Octets canonical) {
  const Shown shown = shown_of(canonical);
  std::string text;
  text.reserve(longest_usual);
  if (const auto& path = shown[code_as_path]) append_as_path(text, *path);
  text += '|';
  text += origin_word(shown[code_origin]);
  text += '|';
  append_next_hop(text, shown);
  text += '|';
  append(text, number_in(shown[code_local_pref]));
  text += '|';
  append(text, number_in(shown[code_med]));
  text += '|';
  if (const auto& communities = shown[code_communities]) append_communities(text, *communities);
  text += shown[code_atomic_aggregate] ? "|AG|" : "|NAG|";
  if (const auto& aggregator = shown[code_aggregator]) {
    append(text, ByteReader{*aggregator}.u32());
    text += ' ';
    append_v4(text, aggregator->subspan(4));
  }
  return text + "|\n";
}

}  // namespace strait::routes
