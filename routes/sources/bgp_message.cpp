// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/bgp_message.hpp"

#include <algorithm>
#include <array>

#include "routes/sources/mrt_tables.hpp"

namespace strait::routes {
namespace {

using Octets = std::span<const std::byte>;

struct Subtype {
  std::uint16_t number;
  bool wide;
  bool state_change;
  bool local;
  bool add_path;
};

// RFC 6396 section 4.4 and RFC 8050 section 5.1; 2 and 3 are deprecated.
constexpr std::array subtypes{
    Subtype{0, false, true, false, false}, Subtype{1, false, false, false, false},
    Subtype{4, true, false, false, false}, Subtype{5, true, true, false, false},
    Subtype{6, false, false, true, false}, Subtype{7, true, false, true, false},
    Subtype{8, false, false, false, true}, Subtype{9, true, false, false, true},
    Subtype{10, false, false, true, true}, Subtype{11, true, false, true, true}};

constexpr std::size_t message_header = 19;  // RFC 4271 section 4.1

}  // namespace

Bgp4mpResult read_bgp4mp(std::uint16_t subtype, Octets body) {
  const auto* const kind = std::ranges::find(subtypes, subtype, &Subtype::number);
  if (kind == subtypes.end()) return {};
  ByteReader reader{body};
  Bgp4mp content;
  content.peer_asn = Asn{kind->wide ? reader.u32() : reader.u16()};
  content.local_asn = Asn{kind->wide ? reader.u32() : reader.u16()};
  reader.u16();  // interface index
  const std::uint16_t family = reader.u16();
  if (family != 1 && family != 2) return {{}, "BGP4MP with addresses of an unknown family"};
  const bool v6 = family == 2;
  content.peer = address_of_octets(reader.take(v6 ? 16 : 4), v6);
  content.local = address_of_octets(reader.take(v6 ? 16 : 4), v6);
  content.wide_asns = kind->wide;
  content.add_path = kind->add_path;
  content.sent_by_collector = kind->local;
  content.state_change = kind->state_change;
  if (kind->state_change) {
    content.old_state = reader.u16();
    content.new_state = reader.u16();
  } else {
    content.message = reader.take(reader.size());
  }
  if (reader.failed()) return {{}, "a BGP4MP record ends early"};
  return {content, {}};
}

std::optional<BgpMessage> read_bgp_message(Octets octets, std::string_view& problem) {
  ByteReader header{octets};
  const auto marker = header.take(16);
  const std::size_t length = header.u16();
  BgpMessage message{.type = header.u8(), .update = std::nullopt};
  if (header.failed() || length < message_header || length != octets.size()) {
    problem = "a BGP message whose length is not its record's";
    return std::nullopt;
  }
  if (std::ranges::any_of(marker, [](std::byte octet) { return octet != std::byte{0xff}; })) {
    problem = "a BGP message without its marker";
    return std::nullopt;
  }
  if (message.type != static_cast<std::uint8_t>(BgpMessageType::update)) return message;
  // RFC 7606 section 3b.
  BgpUpdate update;
  update.withdrawn = header.take(header.u16());
  update.attributes = header.take(header.u16());
  update.nlri = header.take(header.size());
  if (header.failed()) {
    problem = "an UPDATE whose parts are longer than it is";
    return std::nullopt;
  }
  message.update = update;
  return message;
}

}  // namespace strait::routes
