// SPDX-License-Identifier: Apache-2.0
// The data of an echo reply: read at any length; what was sent passes, and with any one bit of
// cookie or sequence flipped it does not.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "probe/icmp_packet.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace strait::probe;
  static const CookieKey key = random_cookie_key();
  if (size < 2) return 0;
  const auto header = static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
  const auto payload = std::as_bytes(std::span{bytes, size}).subspan(2);
  // libFuzzer sees the operands of the comparison, so it can forge what an attacker cannot.
  const EchoReply read = read_icmp_payload(key, 1, header, payload);
  const bool is_short = read.check == EchoCheck::bad_length;
  if (is_short != (payload.size() < icmp_payload_size)) std::abort();
  if (is_short) return 0;

  std::vector<std::byte> ours(payload.begin(), payload.end());
  write_icmp_payload(key, 1, header, {}, ours);
  if (read_icmp_payload(key, 1, header, ours).check != EchoCheck::good) std::abort();
  const unsigned bit = std::to_integer<unsigned>(payload[0]) % 96;
  ours[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
  if (read_icmp_payload(key, 1, header, ours).check == EchoCheck::good) std::abort();
  return 0;
}
