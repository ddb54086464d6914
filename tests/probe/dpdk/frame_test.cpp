// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/frame.hpp"

#include "probe/dpdk/parse.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>
#include <random>
#include <vector>

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::dpdk;

namespace {

using Octets = std::vector<std::byte>;

FrameFields fields(FlowKind kind) {
  return {.kind = kind,
          .source_mac = {{2, 0, 0, 0, 0, 1}},
          .destination_mac = {{2, 0, 0, 0, 0, 2}},
          .encapsulation = {},
          .source = Ipv4{0x0a4d0001},
          .destination = Ipv4{0xc0000201},
          .source_port = 50000,
          .destination_port = 862,
          .dscp = 46,
          .hop_limit = 255};
}

Octets counting(std::size_t size) {
  Octets octets(size);
  for (std::size_t i = 0; i < size; ++i) octets[i] = static_cast<std::byte>(i * 7 + 1);
  return octets;
}

Octets build(FlowKind kind, const Octets& payload, std::uint16_t sequence = 7) {
  Octets frame(longest_frame);
  frame.resize(FrameTemplate{fields(kind)}.write(frame.data(), payload, sequence));
  return frame;
}

unsigned at(const Octets& frame, std::size_t offset) {
  return std::to_integer<unsigned>(frame[offset]);
}

unsigned word(const Octets& frame, std::size_t offset) {
  return at(frame, offset) << 8U | at(frame, offset + 1);
}

// RFC 1071 as written there: 16-bit words in network order, end-around carry. Independent of ours.
unsigned plain_sum(const Octets& frame, std::size_t from, std::size_t to, unsigned sum = 0) {
  for (std::size_t i = from; i < to; i += 2) {
    sum += i + 1 < to ? word(frame, i) : at(frame, i) << 8U;
    sum = (sum & 0xffffU) + (sum >> 16U);
  }
  return sum;
}

void put_word(Octets& frame, std::size_t offset, unsigned value) {
  frame[offset] = static_cast<std::byte>(value >> 8U);
  frame[offset + 1] = static_cast<std::byte>(value & 0xffU);
}

void mend_ip_checksum(Octets& frame) {
  put_word(frame, 24, 0);
  put_word(frame, 24, ~plain_sum(frame, 14, 34) & 0xffffU);
}

}  // namespace

TEST_CASE("a UDP frame has the right lengths and checksums for every payload size") {
  const std::size_t size = GENERATE(0U, 1U, 14U, 17U, 18U, 19U, 44U, 45U, 1000U, 1472U);
  CAPTURE(size);
  const Octets payload = counting(size);
  const Octets frame = build(FlowKind::udp, payload);

  CHECK(frame.size() == std::max<std::size_t>(42 + size, 60));
  CHECK(word(frame, 12) == 0x0800);
  CHECK(at(frame, 14) == 0x45);
  CHECK(at(frame, 15) == 46 << 2);
  CHECK(word(frame, 16) == 28 + size);
  CHECK(word(frame, 20) == 0x4000);
  CHECK(at(frame, 22) == 255);
  CHECK(at(frame, 23) == 17);
  CHECK(plain_sum(frame, 14, 34) == 0xffff);
  CHECK(word(frame, 34) == 50000);
  CHECK(word(frame, 36) == 862);
  CHECK(word(frame, 38) == 8 + size);
  const unsigned pseudo = plain_sum(frame, 26, 34, 17 + static_cast<unsigned>(8 + size));
  CHECK(plain_sum(frame, 34, 42 + size, pseudo) == 0xffff);
  CHECK(word(frame, 40) != 0);
}

TEST_CASE("a UDP checksum that comes out as zero is sent as all ones") {
  // The last word is chosen so that all words sum up to 0xffff.
  Octets payload(2);
  Octets frame = build(FlowKind::udp, payload);
  put_word(payload, 0, word(frame, 40));
  frame = build(FlowKind::udp, payload);
  CHECK(word(frame, 40) == 0xffff);
  CHECK(parse_frame(frame).kind == FrameKind::udp);
}

TEST_CASE("an ICMP echo request has the right checksum and sequence number") {
  const std::size_t size = GENERATE(0U, 1U, 8U, 24U, 57U);
  const Octets frame = build(FlowKind::icmp_echo, counting(size), 0xbeef);
  CHECK(at(frame, 23) == 1);
  CHECK(at(frame, 34) == 8);
  CHECK(word(frame, 38) == 50000);
  CHECK(word(frame, 40) == 0xbeef);
  CHECK(plain_sum(frame, 34, 42 + size) == 0xffff);
}

TEST_CASE("what is written is read back") {
  const Octets payload = counting(44);
  Octets frame = build(FlowKind::udp, payload);
  SECTION("as it is") {}
  SECTION("behind Ethernet padding") { frame.resize(frame.size() + 9, std::byte{0xaa}); }
  SECTION("without a UDP checksum") { put_word(frame, 40, 0); }
  SECTION("with the pseudo-header sum that Linux leaves for hardware to finish") {
    put_word(frame, 40, plain_sum(frame, 26, 34, 17 + 52));
  }
  const ParsedFrame parsed = parse_frame(frame);
  REQUIRE(parsed.kind == FrameKind::udp);
  CHECK(parsed.tuple.source == WireAddress{Ipv4{0x0a4d0001}});
  CHECK(parsed.tuple.destination == WireAddress{Ipv4{0xc0000201}});
  CHECK(parsed.tuple.source_port == 50000);
  CHECK(parsed.tuple.destination_port == 862);
  CHECK(parsed.hop_limit == 255);
  CHECK(parsed.dscp_ecn == 46 << 2);
  CHECK(Octets(parsed.payload.begin(), parsed.payload.end()) == payload);
}

TEST_CASE("a frame that is not good is refused for its reason") {
  Octets frame = build(FlowKind::udp, counting(44));
  FrameKind want = FrameKind::udp;
  SECTION("one octet of the payload is wrong") {
    frame[50] ^= std::byte{1};
    want = FrameKind::bad_checksum;
  }
  SECTION("the IP header is damaged") {
    frame[22] ^= std::byte{1};
    want = FrameKind::bad_ip_checksum;
  }
  SECTION("cut inside of the Ethernet header") {
    frame.resize(13);
    want = FrameKind::truncated;
  }
  SECTION("cut inside of the IP header") {
    frame.resize(33);
    want = FrameKind::truncated;
  }
  SECTION("cut inside of the payload") {
    frame.resize(80);
    want = FrameKind::truncated;
  }
  SECTION("a header length below 20 octets") {
    frame[14] = std::byte{0x44};
    want = FrameKind::bad_ip_header;
  }
  SECTION("a UDP length beyond the packet") {
    put_word(frame, 38, 53);
    want = FrameKind::truncated;
  }
  SECTION("a UDP length below its header") {
    put_word(frame, 38, 7);
    want = FrameKind::truncated;
  }
  SECTION("a first fragment") {
    put_word(frame, 20, 0x2000);
    mend_ip_checksum(frame);
    want = FrameKind::fragment;
  }
  SECTION("a later fragment") {
    put_word(frame, 20, 3);
    mend_ip_checksum(frame);
    want = FrameKind::fragment;
  }
  SECTION("SCTP") {
    frame[23] = std::byte{132};
    mend_ip_checksum(frame);
    want = FrameKind::other_protocol;
  }
  SECTION("an IPv4 packet that is called IPv6") {
    put_word(frame, 12, 0x86dd);
    want = FrameKind::bad_ip_header;
  }
  SECTION("another protocol") {
    put_word(frame, 12, 0x88cc);
    want = FrameKind::not_ip;
  }
  SECTION("ARP") {
    put_word(frame, 12, 0x0806);
    want = FrameKind::arp;
  }
  CHECK(to_string(parse_frame(frame).kind) == to_string(want));
}

TEST_CASE("an ICMP error names the flow that it quotes") {
  const Octets probe = build(FlowKind::udp, counting(44));
  // Time exceeded, quoting the IP header and 8 octets, as a message of another ICMP packet.
  Octets frame = build(FlowKind::icmp_echo, Octets(probe.begin() + 14, probe.begin() + 42), 0);
  put_word(frame, 34, 0x0b00);
  put_word(frame, 38, 0);
  put_word(frame, 36, 0);
  put_word(frame, 36, ~plain_sum(frame, 34, frame.size()) & 0xffffU);
  const ParsedFrame parsed = parse_frame(frame);
  REQUIRE(to_string(parsed.kind) == "icmp-error");
  CHECK(parsed.icmp_type == 11);
  CHECK(parsed.tuple.kind == FlowKind::udp);
  CHECK(parsed.tuple.source_port == 50000);
  CHECK(parsed.tuple.destination_port == 862);
  CHECK(parsed.tuple.destination == WireAddress{Ipv4{0xc0000201}});
  CHECK(parsed.sender == WireAddress{Ipv4{0x0a4d0001}});
  CHECK(parsed.payload.empty());
}

TEST_CASE("an ICMP error about a SYN hands on the number that it quotes") {
  Octets probe(128);
  const Octets number = counting(4);
  probe.resize(FrameTemplate{fields(FlowKind::tcp_syn)}.write(probe.data(), number, 0));
  Octets frame = build(FlowKind::icmp_echo, Octets(probe.begin() + 14, probe.begin() + 42), 0);
  put_word(frame, 34, 0x030d);
  put_word(frame, 38, 0);
  put_word(frame, 40, 0);
  put_word(frame, 36, 0);
  put_word(frame, 36, ~plain_sum(frame, 34, frame.size()) & 0xffffU);
  const ParsedFrame parsed = parse_frame(frame);
  REQUIRE(to_string(parsed.kind) == "icmp-error");
  CHECK(parsed.tuple.kind == FlowKind::tcp_syn);
  CHECK(parsed.tuple.source_port == 50000);
  CHECK(parsed.tuple.destination_port == 862);
  CHECK(Octets(parsed.payload.begin(), parsed.payload.end()) == number);
}

TEST_CASE("an ICMP error hands on what it quotes of the payload, and no more") {
  const auto kind = GENERATE(FlowKind::udp, FlowKind::icmp_echo);
  const std::size_t quoted = GENERATE(1U, 12U, 44U);
  CAPTURE(quoted);
  const Octets payload = counting(44);
  const Octets probe = build(kind, payload);
  Octets frame = build(FlowKind::icmp_echo,
                       Octets(probe.begin() + 14, probe.begin() + 42 + static_cast<long>(quoted)));
  put_word(frame, 34, 0x030d);
  put_word(frame, 36, 0);
  put_word(frame, 38, 0);
  put_word(frame, 40, 0);
  const std::size_t end = 14 + 20 + 8 + 28 + quoted;
  Octets message(frame.begin(), frame.begin() + static_cast<long>(end));
  if (message.size() % 2 != 0) message.push_back(std::byte{0});
  put_word(frame, 36, ~plain_sum(message, 34, message.size()) & 0xffffU);
  const ParsedFrame parsed = parse_frame(frame);
  REQUIRE(to_string(parsed.kind) == "icmp-error");
  CHECK(parsed.icmp_code == 13);
  REQUIRE(parsed.payload.size() == quoted);
  CHECK(std::ranges::equal(parsed.payload, std::span{payload}.first(quoted)));
  CHECK(parsed.sequence == (kind == FlowKind::udp ? 0 : 7));
}

TEST_CASE("an ICMP error about a packet's length says what the next link takes") {
  struct Case {
    const char* description;
    unsigned type_and_code;
    unsigned mtu;  // in the octets where RFC 1191 has it
    std::uint32_t wanted;
  };
  const auto c = GENERATE(values<Case>({{"fragmentation needed", 0x0304, 1400, 1400},
                                        {"from before RFC 1191", 0x0304, 0, 0},
                                        {"port unreachable", 0x0303, 1400, 0},
                                        {"time exceeded", 0x0b04, 1400, 0}}));
  CAPTURE(c.description);
  const Octets probe = build(FlowKind::udp, counting(44));
  Octets frame = build(FlowKind::icmp_echo, Octets(probe.begin() + 14, probe.begin() + 42), 0);
  put_word(frame, 34, c.type_and_code);
  put_word(frame, 38, 0);
  put_word(frame, 40, c.mtu);
  put_word(frame, 36, 0);
  put_word(frame, 36, ~plain_sum(frame, 34, frame.size()) & 0xffffU);
  const ParsedFrame parsed = parse_frame(frame);
  REQUIRE(to_string(parsed.kind) == "icmp-error");
  CHECK(parsed.icmp_mtu == c.wanted);
}

TEST_CASE("no octets make the parser read outside of the frame") {
  std::mt19937 random{20261123};
  const Octets good =
      build(GENERATE(FlowKind::udp, FlowKind::icmp_echo, FlowKind::tcp_syn), counting(44));
  for (int i = 0; i < 20000; ++i) {
    Octets frame(good.begin(), good.begin() + static_cast<long>(random() % (good.size() + 1)));
    for (unsigned flips = random() % 4; flips > 0 && !frame.empty(); --flips) {
      frame[random() % frame.size()] = static_cast<std::byte>(random());
    }
    frame.shrink_to_fit();
    const auto parsed = parse_frame(frame);
    if (parsed.kind != FrameKind::udp) continue;
    CHECK(parsed.payload.data() + parsed.payload.size() <= frame.data() + frame.size());
  }
}
