// SPDX-License-Identifier: Apache-2.0
#include "probe/passive/quic_header.hpp"

#include "probe/octets.hpp"

namespace strait::probe::passive {
namespace {

constexpr std::uint32_t version_1 = 0x00000001;
constexpr std::uint32_t version_2 = 0x6b3343cf;  // RFC 9369 section 3.1
constexpr std::size_t connection_ids_at = 5;
// What an endpoint would not take for a packet (RFC 9000 section 10.3).
constexpr std::uint32_t shortest_one_rtt = 21;

// RFC 9000 section 17.2; RFC 9369 section 3.2 has them one further.
QuicKind long_kind(std::uint8_t first, bool second_version) {
  constexpr std::array kinds{QuicKind::initial, QuicKind::zero_rtt, QuicKind::handshake,
                             QuicKind::retry};
  const unsigned type = (first >> 4U) & 3U;
  return kinds.at(second_version ? (type + 3) % 4 : type);
}

// A length, then so many octets.
std::optional<ConnectionId> connection_id(std::span<const std::byte> payload, std::size_t at) {
  if (payload.size() <= at) return std::nullopt;
  return quic_destination(payload.subspan(at), std::to_integer<std::uint8_t>(payload[at]));
}

}  // namespace

std::optional<ConnectionId> quic_destination(std::span<const std::byte> payload,
                                             std::uint8_t length) {
  ConnectionId id;
  if (length > id.octets.size() || payload.size() < std::size_t{1} + length) return std::nullopt;
  std::ranges::copy(payload.subspan(1, length), id.octets.begin());
  id.length = length;
  return id;
}

std::optional<QuicLongHeader> quic_long_header(std::span<const std::byte> payload) {
  const auto destination = connection_id(payload, connection_ids_at);
  if (!destination) return std::nullopt;
  const auto source = connection_id(payload, connection_ids_at + 1 + destination->length);
  if (!source) return std::nullopt;
  return QuicLongHeader{.destination = *destination, .source = *source};
}

void decode_quic(Decoded& packet) {
  if (packet.payload.empty()) return;
  const auto first = std::to_integer<std::uint8_t>(packet.payload.front());
  if ((first & 0x80U) == 0) {
    if (packet.payload_length < shortest_one_rtt) return;
    packet.exchange = Exchange::quic;
    packet.quic = QuicKind::one_rtt;
    return;
  }
  // The second bit may be 0 once both ends have agreed on that (RFC 9287).
  if (packet.payload.size() < connection_ids_at + 2) return;
  const auto version = load<std::uint32_t>(packet.payload, 1);
  if (version != version_1 && version != version_2) return;
  if (!quic_long_header(packet.payload)) return;
  packet.exchange = Exchange::quic;
  packet.quic = long_kind(first, version == version_2);
  packet.quic_version = version == version_2 ? 2 : 1;
}

}  // namespace strait::probe::passive
