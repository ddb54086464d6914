// SPDX-License-Identifier: Apache-2.0
#include "probe/icmp_packet.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "probe/octets.hpp"
#include "probe/random.hpp"
#include "probe/siphash.hpp"

namespace strait::probe {

namespace {

// The sum of the four 16-bit words.
std::uint32_t word_sum(std::uint64_t value) {
  return static_cast<std::uint32_t>((value >> 48) + (value >> 32 & 0xffff) +
                                    (value >> 16 & 0xffff) + (value & 0xffff));
}

// With it the words of payload and sequence number add up to 0 in ones' complement, so that type,
// code and identifier alone make the checksum.
std::uint16_t balance(std::uint64_t first, std::uint32_t sequence, std::uint64_t time) {
  std::uint32_t sum = word_sum(first) + word_sum(sequence) + (sequence & 0xffff) + word_sum(time);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

}  // namespace

CookieKey random_cookie_key() {
  const std::uint64_t first = entropy_word();
  return {first, entropy_word()};
}

std::uint64_t cookie(const CookieKey& key, std::uint32_t session, std::uint32_t sequence) {
  return SipHash{key}(std::uint64_t{session} << 32 | sequence);
}

void write_icmp_payload(const CookieKey& key, std::uint32_t session, std::uint32_t sequence,
                        WallTime now, std::span<std::byte> payload) {
  assert(payload.size() >= icmp_payload_size);
  const std::uint64_t first = cookie(key, session, sequence);
  const auto time = static_cast<std::uint64_t>(now.time_since_epoch().count());
  store(payload, 0, first);
  store(payload, 8, sequence);
  store(payload, 12, balance(first, sequence, time));
  store(payload, 14, std::uint16_t{0});
  store(payload, 16, time);
  // The buffer may have held the probe of another protocol.
  std::ranges::fill(payload.subspan(icmp_payload_size), std::byte{0});
}

EchoReply read_udp_echo(const CookieKey& key, std::uint32_t session,
                        std::span<const std::byte> payload) {
  if (payload.size() < icmp_payload_size) return {EchoCheck::bad_length, 0};
  const auto sequence = load<std::uint32_t>(payload, 8);
  const bool ours = load<std::uint64_t>(payload, 0) == cookie(key, session, sequence);
  return {ours ? EchoCheck::good : EchoCheck::wrong_session, sequence};
}

EchoReply read_icmp_payload(const CookieKey& key, std::uint32_t session,
                            std::uint16_t header_sequence, std::span<const std::byte> payload) {
  EchoReply reply = read_udp_echo(key, session, payload);
  const bool agrees = static_cast<std::uint16_t>(reply.sequence) == header_sequence;
  if (reply.check == EchoCheck::good && !agrees) reply.check = EchoCheck::wrong_session;
  return reply;
}

}  // namespace strait::probe
