// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/bmp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "routes/sources/bgp_message.hpp"
#include "routes/sources/byte_reader.hpp"
#include "routes/sources/mrt_tables.hpp"

namespace strait::routes {
namespace {

using Octets = std::span<const std::byte>;

constexpr std::size_t common_header = 6;
constexpr std::size_t peer_header = 42;
constexpr unsigned bmp_version = 3;
constexpr unsigned loc_rib_type = 3;  // RFC 9069 section 4.1
constexpr std::uint8_t newest_type = 6;

constexpr std::array table_names{std::string_view{"pre-policy"}, std::string_view{"post-policy"},
                                 std::string_view{"out-pre-policy"},
                                 std::string_view{"out-post-policy"}, std::string_view{"loc-rib"}};

bool has_peer_header(std::uint8_t type) {
  if (type > newest_type) return false;
  const auto known = static_cast<BmpType>(type);
  return known != BmpType::initiation && known != BmpType::termination;
}

std::uint64_t u64(ByteReader& reader) {
  const std::uint64_t high = reader.u32();
  return high << 32U | reader.u32();
}

// Sixteen octets; an IPv4 address is in the last four.
Address read_address(ByteReader& reader, bool v6) {
  const Octets octets = reader.take(16);
  return address_of_octets(octets.size() == 16 && !v6 ? octets.last(4) : octets, v6);
}

BmpTable table_of(unsigned type, unsigned flags) {
  if (type == loc_rib_type) return BmpTable::loc_rib;
  const bool post = (flags & 0x40U) != 0;
  const bool out = (flags & 0x10U) != 0;  // RFC 8671 section 4
  if (out) return post ? BmpTable::out_post_policy : BmpTable::out_pre_policy;
  return post ? BmpTable::post_policy : BmpTable::pre_policy;
}

BmpPeerHeader read_peer_header(ByteReader& reader) {
  BmpPeerHeader peer;
  peer.type = reader.u8();
  const unsigned flags = reader.u8();
  const bool loc_rib = peer.type == loc_rib_type;
  peer.table = table_of(peer.type, flags);
  // RFC 9069 section 4.2: of a Loc-RIB the first flag is another one, and the rest are reserved.
  peer.filtered = loc_rib && (flags & 0x80U) != 0;
  peer.wide_asns = loc_rib || (flags & 0x20U) == 0;
  peer.distinguisher = u64(reader);
  peer.address = read_address(reader, !loc_rib && (flags & 0x80U) != 0);
  peer.asn = Asn{reader.u32()};
  peer.bgp_id = reader.u32();
  const std::uint32_t seconds = reader.u32();
  const std::uint32_t microseconds = reader.u32();
  if (seconds != 0 || microseconds != 0) {
    peer.received =
        WallTime{std::chrono::seconds{seconds} + std::chrono::microseconds{microseconds}};
  }
  return peer;
}

// One whole BGP message, as long as its own header says (RFC 4271 section 4.1).
Octets take_bgp_message(ByteReader& reader) {
  ByteReader ahead = reader;
  ahead.take(16);
  return reader.take(ahead.u16());
}

std::string notification_text(Octets message) {
  ByteReader reader{message};
  reader.take(19);
  const unsigned code = reader.u8();
  const unsigned subcode = reader.u8();
  return reader.failed() ? std::string{"NOTIFICATION"}
                         : fmt::format("NOTIFICATION {}/{}", code, subcode);
}

}  // namespace

std::string_view to_string(BmpTable table) {
  return table_names.at(static_cast<std::size_t>(table));
}

void BmpStream::add(Octets octets) {
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(at_));
  at_ = 0;
  if (trouble_.empty()) buffer_.insert(buffer_.end(), octets.begin(), octets.end());
}

std::optional<BmpMessage> BmpStream::next() {
  const Octets rest = Octets{buffer_}.subspan(at_);
  if (!trouble_.empty() || rest.size() < common_header) return std::nullopt;
  ByteReader reader{rest};
  const unsigned version = reader.u8();
  const std::size_t length = reader.u32();
  BmpMessage message{.type = reader.u8(), .peer = std::nullopt, .body = {}};
  const std::size_t least = common_header + (has_peer_header(message.type) ? peer_header : 0);
  if (version != bmp_version) {
    trouble_ = fmt::format("version {}: want {}", version, bmp_version);
  } else if (length < least || length > longest_message) {
    trouble_ = fmt::format("a message of type {} of {} octets: want {} to {}", message.type, length,
                           least, longest_message);
  }
  if (!trouble_.empty()) {
    at_ = buffer_.size();
    return std::nullopt;
  }
  if (rest.size() < length) return std::nullopt;
  at_ += length;
  ByteReader body{rest.subspan(common_header, length - common_header)};
  if (has_peer_header(message.type)) message.peer = read_peer_header(body);
  message.body = body.take(body.size());
  return message;
}

std::string BmpInformation::text() const {
  std::string found;
  for (const std::byte octet : value) {
    const auto number = std::to_integer<unsigned char>(octet);
    found += number >= 0x20 && number < 0x7f ? static_cast<char>(number) : '?';
  }
  return found;
}

bool read_bmp_information(Octets octets, std::vector<BmpInformation>& found) {
  ByteReader reader{octets};
  while (!reader.empty()) {
    const std::uint16_t type = reader.u16();
    const Octets value = reader.take(reader.u16());
    if (reader.failed()) return false;
    found.push_back({.type = type, .value = value});
  }
  return true;
}

std::optional<BmpPeerUp> read_bmp_peer_up(const BmpPeerHeader& peer, Octets body) {
  ByteReader reader{body};
  BmpPeerUp up;
  // The V flag tells of the peer's address, and so of ours.
  up.local = read_address(reader, peer.address.is_v6());
  up.local_port = reader.u16();
  up.remote_port = reader.u16();
  const auto sent = read_bgp_open(take_bgp_message(reader));
  const auto received = read_bgp_open(take_bgp_message(reader));
  if (reader.failed() || !sent || !received) return std::nullopt;
  up.sent = *sent;
  up.received = *received;
  // Without TLVs in older routers (RFC 7854 section 4.10: optional).
  static_cast<void>(read_bmp_information(reader.take(reader.size()), up.information));
  return up;
}

std::string bmp_down_reason(Octets body) {
  ByteReader reader{body};
  const unsigned reason = reader.u8();
  if (reader.failed()) return "no reason given";
  const Octets rest = reader.take(reader.size());
  switch (reason) {
    case 1:
      return "the router closed the session: " + notification_text(rest);
    case 2: {
      ByteReader event{rest};
      return fmt::format("the router closed the session: FSM event {}", event.u16());
    }
    case 3:
      return "the peer closed the session: " + notification_text(rest);
    case 4:
      return "the peer closed the session";
    case 5:
      return "no longer monitored";
    case 6:
      return "the router's own table is no longer sent";
    default:
      return fmt::format("reason {}", reason);
  }
}

bool read_bmp_statistics(Octets body, std::vector<BmpStatistic>& found) {
  ByteReader reader{body};
  const std::uint32_t count = reader.u32();
  for (std::uint32_t i = 0; i < count && !reader.failed(); ++i) {
    const std::uint16_t type = reader.u16();
    ByteReader value{reader.take(reader.u16())};
    if (reader.failed()) break;
    if (value.size() == 4) {
      found.push_back({.type = type, .value = value.u32()});
    } else if (value.size() == 8) {
      found.push_back({.type = type, .value = u64(value)});
    }
  }
  return !reader.failed();
}

}  // namespace strait::routes
