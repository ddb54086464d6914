// SPDX-License-Identifier: Apache-2.0
#include "probe/icmp_packet.hpp"

#include <cassert>
#include <cstring>

#include "probe/octets.hpp"
#include "probe/random.hpp"
#include "probe/siphash.hpp"

namespace strait::probe {

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
  store(payload, 0, cookie(key, session, sequence));
  store(payload, 8, sequence);
  store(payload, 12, std::uint32_t{0});
  store(payload, 16, static_cast<std::uint64_t>(now.time_since_epoch().count()));
}

EchoReply read_icmp_payload(const CookieKey& key, std::uint32_t session,
                            std::uint16_t header_sequence, std::span<const std::byte> payload) {
  if (payload.size() < icmp_payload_size) return {EchoCheck::bad_length, 0};
  const auto sequence = load<std::uint32_t>(payload, 8);
  const bool ours = load<std::uint64_t>(payload, 0) == cookie(key, session, sequence);
  const bool agrees = static_cast<std::uint16_t>(sequence) == header_sequence;
  return {ours && agrees ? EchoCheck::good : EchoCheck::wrong_session, sequence};
}

}  // namespace strait::probe
