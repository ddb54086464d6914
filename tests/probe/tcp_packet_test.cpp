// SPDX-License-Identifier: Apache-2.0
#include "probe/tcp_packet.hpp"

#include <bit>
#include <catch2/catch.hpp>
#include <set>
#include <vector>

#include "probe/octets.hpp"

namespace strait::probe {
namespace {

constexpr CookieKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
using Octets = std::vector<std::byte>;

Octets octets(std::initializer_list<unsigned> values) {
  Octets all;
  for (const unsigned value : values) all.push_back(static_cast<std::byte>(value));
  return all;
}

TEST_CASE("a SYN is what RFC 9293 has, octet by octet") {
  Octets room(tcp_syn_size, std::byte{0xee});
  write_tcp({49152, 443, 0x01020304, 0, tcp_flag_syn}, false, room);
  CHECK(room == octets({0xc0, 0x00, 0x01, 0xbb, 1, 2, 3, 4, 0, 0, 0,    0,
                        0x60, 0x02, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 0x05, 0xb4}));
  write_tcp({49152, 443, 0x01020304, 0, tcp_flag_syn}, true, room);
  CHECK(load<std::uint16_t>(room, 22) == 1440);
  Octets reset(tcp_header_size, std::byte{0xee});
  write_tcp({49152, 443, 0x01020305, 0, tcp_flag_rst}, false, reset);
  CHECK(reset ==
        octets({0xc0, 0x00, 0x01, 0xbb, 1, 2, 3, 5, 0, 0, 0, 0, 0x50, 0x04, 0, 0, 0, 0, 0, 0}));
}

TEST_CASE("a segment is read only if its header is all there") {
  struct Case {
    const char* what;
    std::size_t size;
    unsigned offset;  // the octet with the data offset
    bool good;
  };
  const auto c = GENERATE(values<Case>({{"as short as can be", 20, 0x50, true},
                                        {"with options", 60, 0xf0, true},
                                        {"with data", 24, 0x50, true},
                                        {"reserved bits", 20, 0x5f, true},
                                        {"empty", 0, 0x50, false},
                                        {"one octet short", 19, 0x50, false},
                                        {"a header shorter than a header", 20, 0x40, false},
                                        {"offset 0", 20, 0x00, false},
                                        {"options beyond the end", 20, 0x60, false},
                                        {"one octet of options missing", 59, 0xf0, false}}));
  CAPTURE(c.what);
  Octets segment(60, std::byte{0});
  write_tcp({1, 2, 3, 4, tcp_flag_ack | tcp_flag_syn}, false, std::span{segment}.first(20));
  segment[12] = static_cast<std::byte>(c.offset);
  segment.resize(c.size);
  const auto read = read_tcp(segment);
  REQUIRE(read.has_value() == c.good);
  if (!read) return;
  CHECK(read->source_port == 1);
  CHECK(read->destination_port == 2);
  CHECK(read->sequence == 3);
  CHECK(read->acknowledgment == 4);
  CHECK(read->answers_syn());
}

TEST_CASE("SYN-ACK and RST answer a SYN, and nothing else does") {
  for (unsigned flags = 0; flags < 256; ++flags) {
    TcpSegment segment;
    segment.flags = static_cast<std::uint8_t>(flags);
    const bool syn = (flags & 2U) != 0;
    const bool reset = (flags & 4U) != 0;
    CAPTURE(flags);
    CHECK(segment.answers_syn() == ((flags & 16U) != 0 && syn != reset));
  }
}

TEST_CASE("a sequence number is hidden and found again") {
  std::set<std::uint32_t> numbers;
  for (std::uint32_t i = 0; i < 20000; ++i) {
    const std::uint32_t sequence = i < 10000 ? i : i * 0x9e3779b9U;
    const std::uint32_t number = hide_sequence(key, 7, sequence);
    numbers.insert(number);
    REQUIRE(reveal_sequence(key, 7, number) == sequence);
  }
  CHECK(numbers.size() == 20000);
  CHECK(hide_sequence(key, 8, 1) != hide_sequence(key, 7, 1));
  CHECK(hide_sequence({1, 2}, 7, 1) != hide_sequence(key, 7, 1));
}

TEST_CASE("neighbouring sequence numbers differ on the wire in half of the bits") {
  std::uint64_t differing = 0;
  constexpr std::uint32_t count = 4096;
  for (std::uint32_t i = 0; i < count; ++i) {
    differing += static_cast<std::uint64_t>(
        std::popcount(hide_sequence(key, 1, i) ^ hide_sequence(key, 1, i + 1)));
  }
  CHECK(static_cast<double>(differing) / count == Approx(16).margin(0.5));
}

}  // namespace
}  // namespace strait::probe
