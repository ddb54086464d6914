// SPDX-License-Identifier: Apache-2.0
#include "probe/icmp_packet.hpp"

#include <catch2/catch.hpp>
#include <set>
#include <vector>

#include "probe/error_kind.hpp"
#include "probe/octets.hpp"
#include "probe/siphash.hpp"

namespace strait::probe {
namespace {

constexpr CookieKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};

TEST_CASE("SipHash-2-4 gives its authors' test vector") {
  // Appendix of the SipHash paper's reference vectors, message of 8 octets 00 01 .. 07.
  CHECK(SipHash{key}(0x0706050403020100) == 0x93f5f5799a932462);
}

TEST_CASE("an echo reply is ours only with the right cookie, session and sequence") {
  struct Case {
    const char* what;
    std::uint32_t session;
    std::uint16_t header_sequence;
    std::size_t size;
    std::size_t flipped;  // octet
    EchoCheck check;
  };
  const auto c = GENERATE(values<Case>({
      {"as sent", 5, 0x2345, 56, 999, EchoCheck::good},
      {"shortest", 5, 0x2345, 24, 999, EchoCheck::good},
      {"truncated", 5, 0x2345, 23, 999, EchoCheck::bad_length},
      {"empty", 5, 0x2345, 0, 999, EchoCheck::bad_length},
      {"another session's", 6, 0x2345, 56, 999, EchoCheck::wrong_session},
      {"header disagrees", 5, 0x2346, 56, 999, EchoCheck::wrong_session},
      {"cookie flipped", 5, 0x2345, 56, 3, EchoCheck::wrong_session},
      {"sequence flipped", 5, 0x2345, 56, 8, EchoCheck::wrong_session},
      {"padding flipped", 5, 0x2345, 56, 40, EchoCheck::good},
  }));
  CAPTURE(c.what);
  std::vector<std::byte> payload(56);
  write_icmp_payload(key, 5, 0x12345, WallTime{}, payload);
  if (c.flipped < payload.size()) payload[c.flipped] ^= std::byte{1};
  payload.resize(c.size);
  const EchoReply reply = read_icmp_payload(key, c.session, c.header_sequence, payload);
  CHECK(reply.check == c.check);
  if (c.check == EchoCheck::good) CHECK(reply.sequence == 0x12345);
}

TEST_CASE("the checksum of a flow's echo requests depends on its identifier alone") {
  const auto size = GENERATE(as<std::size_t>{}, 24, 25, 56, 1400);
  std::set<std::uint16_t> checksums;
  for (std::uint32_t i = 0; i < 500; ++i) {
    const std::uint32_t sequence = i * 0x01234567U;
    std::vector<std::byte> payload(size, std::byte{0xa5});  // of the probe before
    write_icmp_payload(key, i % 7, sequence, WallTime{Nanos{i * 1'234'567'891'011LL}}, payload);
    // RFC 1071: type 8, code 0, identifier, sequence number, data.
    std::uint64_t sum = 0x0800 + 0x4321 + (sequence & 0xffff);
    if (payload.size() % 2 != 0) payload.push_back(std::byte{0});
    for (std::size_t at = 0; at < payload.size(); at += 2) {
      sum += load<std::uint16_t>(std::span<const std::byte>{payload}, at);
    }
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    checksums.insert(static_cast<std::uint16_t>(~sum));
  }
  CHECK(checksums.size() == 1);
}

TEST_CASE("two processes do not share a cookie key") {
  CHECK(random_cookie_key() != random_cookie_key());
}

TEST_CASE("ICMP errors have kinds in both families") {
  struct Case {
    bool v6;
    std::uint8_t type;
    std::uint8_t code;
    const char* kind;
  };
  const auto c = GENERATE(values<Case>({
      {false, 3, 0, "icmp-net-unreachable"},
      {false, 3, 1, "icmp-host-unreachable"},
      {false, 3, 3, "icmp-port-unreachable"},
      {false, 3, 4, "icmp-too-big"},
      {false, 3, 13, "icmp-prohibited"},
      {false, 3, 200, "icmp-other"},
      {false, 11, 0, "icmp-time-exceeded"},
      {false, 12, 0, "icmp-other"},
      {true, 1, 0, "icmp-net-unreachable"},
      {true, 1, 1, "icmp-prohibited"},
      {true, 1, 3, "icmp-host-unreachable"},
      {true, 1, 4, "icmp-port-unreachable"},
      {true, 2, 0, "icmp-too-big"},
      {true, 3, 0, "icmp-time-exceeded"},
      {true, 4, 1, "icmp-other"},
  }));
  CAPTURE(c.v6, c.type, c.code);
  CHECK(to_string(icmp_error_kind(c.v6, c.type, c.code)) == c.kind);
}

}  // namespace
}  // namespace strait::probe
