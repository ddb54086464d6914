// SPDX-License-Identifier: Apache-2.0
#include "probe/tcp_packet.hpp"

#include <cassert>

#include "probe/octets.hpp"
#include "probe/siphash.hpp"

namespace strait::probe {
namespace {

constexpr std::uint32_t rounds = 4;              // Luby and Rackoff, 1988
constexpr std::uint64_t purpose = 0x7463702d73;  // apart from the cookies of echo requests
// What Ethernet carries, less the two headers (RFC 9293 §3.7.1).
constexpr std::uint16_t segment_size_v4 = 1460;
constexpr std::uint16_t segment_size_v6 = 1440;

std::uint16_t mixed(const CookieKey& key, std::uint32_t session, std::uint32_t round,
                    std::uint16_t half) {
  const std::uint64_t word = std::uint64_t{session} << 32U | round << 16U | half;
  return static_cast<std::uint16_t>(SipHash{key}(word, purpose));
}

}  // namespace

std::optional<TcpSegment> read_tcp(std::span<const std::byte> segment) {
  if (segment.size() < tcp_header_size) return std::nullopt;
  const std::size_t header = (load<std::uint8_t>(segment, 12) >> 4U) * std::size_t{4};
  if (header < tcp_header_size || header > segment.size()) return std::nullopt;
  return TcpSegment{.source_port = load<std::uint16_t>(segment, 0),
                    .destination_port = load<std::uint16_t>(segment, 2),
                    .sequence = load<std::uint32_t>(segment, 4),
                    .acknowledgment = load<std::uint32_t>(segment, tcp_acknowledgment_at),
                    .flags = load<std::uint8_t>(segment, 13)};
}

void write_tcp(const TcpSegment& segment, bool v6, std::span<std::byte> room) {
  assert(room.size() == tcp_header_size || room.size() == tcp_syn_size);
  store(room, 0, segment.source_port);
  store(room, 2, segment.destination_port);
  store(room, 4, segment.sequence);
  store(room, tcp_acknowledgment_at, segment.acknowledgment);
  store(room, 12, static_cast<std::uint8_t>(room.size() / 4 << 4U));
  store(room, 13, segment.flags);
  store(room, 14, static_cast<std::uint16_t>((segment.flags & tcp_flag_syn) != 0 ? 0xffff : 0));
  store(room, tcp_checksum_at, std::uint32_t{0});  // and the urgent pointer
  if (room.size() == tcp_header_size) return;
  store(room, 20, std::uint16_t{0x0204});
  store(room, 22, v6 ? segment_size_v6 : segment_size_v4);
}

std::uint32_t hide_sequence(const CookieKey& key, std::uint32_t session, std::uint32_t sequence) {
  auto left = static_cast<std::uint16_t>(sequence >> 16U);
  auto right = static_cast<std::uint16_t>(sequence);
  for (std::uint32_t round = 0; round < rounds; ++round) {
    const auto next = static_cast<std::uint16_t>(left ^ mixed(key, session, round, right));
    left = right;
    right = next;
  }
  return std::uint32_t{left} << 16U | right;
}

std::uint32_t reveal_sequence(const CookieKey& key, std::uint32_t session, std::uint32_t number) {
  auto left = static_cast<std::uint16_t>(number >> 16U);
  auto right = static_cast<std::uint16_t>(number);
  for (std::uint32_t round = rounds; round-- > 0;) {
    const auto before = static_cast<std::uint16_t>(right ^ mixed(key, session, round, left));
    right = left;
    left = before;
  }
  return std::uint32_t{left} << 16U | right;
}

}  // namespace strait::probe
