// SPDX-License-Identifier: Apache-2.0
// Every layer in every mixture: link headers, IPv4 and IPv6, UDP and ICMP, written, read and turned
// around; checked against sums made by the letter of RFC 1071.
#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "probe/dpdk/frame.hpp"
#include "probe/dpdk/neighbor_discovery.hpp"
#include "probe/dpdk/parse.hpp"
#include "probe/octets.hpp"
#include "probe/tcp_packet.hpp"

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::dpdk;

namespace {

using Octets = std::vector<std::byte>;

struct Around {
  const char* name;
  Encapsulation encapsulation;
  std::vector<unsigned> link;  // octets from 12 on
};

const std::vector<Around>& arounds() {
  static const std::vector<Around> all{
      {"untagged", {}, {}},
      {"VLAN", {{101, 0}, false, {}, 5, 255}, {0x81, 0, 0xa0, 101}},
      {"QinQ", {{300, 101}, false, {}, 0, 255}, {0x88, 0xa8, 1, 44, 0x81, 0, 0, 101}},
      {"stacked C-tags", {{300, 101}, true, {}, 0, 255}, {0x81, 0, 1, 44, 0x81, 0, 0, 101}},
      {"MPLS", {{}, false, {16001}, 5, 64}, {0x88, 0x47, 0x03, 0xe8, 0x1b, 64}},
      {"VLAN and two labels",
       {{101, 0}, false, {16, 0xfffff}, 0, 255},
       {0x81, 0, 0, 101, 0x88, 0x47, 0, 1, 0, 255, 0xff, 0xff, 0xf1, 255}}};
  return all;
}

FrameFields fields(FlowKind kind, bool v6, const Encapsulation& around) {
  FrameFields fields;
  fields.kind = kind;
  fields.source_mac = {{2, 0, 0, 0, 0, 1}};
  fields.destination_mac = {{2, 0, 0, 0, 0, 2}};
  fields.encapsulation = around;
  fields.source = v6 ? WireAddress{*parse_address("2001:db8:1::1")} : WireAddress{Ipv4{0x0a4d0001}};
  fields.destination =
      v6 ? WireAddress{*parse_address("2001:db8:2::99")} : WireAddress{Ipv4{0xc0000201}};
  fields.source_port = 50000;
  fields.destination_port = 862;
  fields.dscp = 46;
  fields.flow_label = 0xabcde;
  return fields;
}

unsigned at(const Octets& frame, std::size_t offset) {
  return std::to_integer<unsigned>(frame.at(offset));
}

// RFC 1071 as written there.
unsigned plain_sum(const Octets& octets, std::size_t from, std::size_t to, unsigned sum = 0) {
  for (std::size_t i = from; i < to; i += 2) {
    sum += at(octets, i) << 8U | (i + 1 < to ? at(octets, i + 1) : 0);
    sum = (sum & 0xffffU) + (sum >> 16U);
  }
  return sum;
}

// Of UDP or ICMP, with the pseudo header where it has one; 0xffff when it is right.
unsigned next_sum(const Octets& frame, std::size_t ip, bool v6, FlowKind kind, std::size_t size) {
  const std::size_t next = ip + (v6 ? 40 : 20);
  const auto length = static_cast<unsigned>(8 + size);
  unsigned sum = 0;
  if (v6) sum = plain_sum(frame, ip + 8, ip + 40, length + (kind == FlowKind::udp ? 17 : 58));
  if (!v6 && kind == FlowKind::udp) sum = plain_sum(frame, ip + 12, ip + 20, length + 17);
  return plain_sum(frame, next, next + length, sum);
}

Octets counting(std::size_t size) {
  Octets octets(size);
  for (std::size_t i = 0; i < size; ++i) octets[i] = static_cast<std::byte>(i * 7 + 1);
  return octets;
}

}  // namespace

TEST_CASE("every mixture of layers is written right, read back, and turned around") {
  const bool v6 = GENERATE(false, true);
  const FlowKind kind = GENERATE(FlowKind::udp, FlowKind::icmp_echo);
  const std::size_t size = GENERATE(0U, 1U, 17U, 44U, 45U, 1400U);
  for (const Around& around : arounds()) {
    CAPTURE(v6, kind == FlowKind::udp, size, around.name);
    const Octets payload = counting(size);
    const FrameTemplate frame_template{fields(kind, v6, around.encapsulation)};
    Octets frame(longest_frame);
    frame.resize(frame_template.write(frame.data(), payload, 0xbeef));
    for (std::size_t i = 0; i < around.link.size(); ++i) CHECK(at(frame, 12 + i) == around.link[i]);
    const std::size_t ip = frame_template.headers_size() - 8 - (v6 ? 40 : 20);
    CHECK(frame.size() == std::max<std::size_t>(ip + (v6 ? 48 : 28) + size, 60));
    if (v6) CHECK((at(frame, ip) == 0x6b && at(frame, ip + 1) == 0x8a));  // DSCP 46, label 0xabcde
    if (!v6) CHECK(plain_sum(frame, ip, ip + 20) == 0xffff);
    CHECK(next_sum(frame, ip, v6, kind, size) == 0xffff);

    const ParsedFrame parsed = parse_frame(frame);
    const bool udp = kind == FlowKind::udp;
    REQUIRE(to_string(parsed.kind) == (udp ? "udp" : "icmp-echo-request"));
    CHECK(parsed.link.vlan == around.encapsulation.vlan);
    CHECK(parsed.link.labels == around.encapsulation.labels.size());
    CHECK(parsed.v6 == v6);
    CHECK(parsed.dscp_ecn == 46 << 2);
    CHECK(Octets(parsed.payload.begin(), parsed.payload.end()) == payload);

    Octets room = frame;
    room.resize(frame.size() + 60);
    const ParsedFrame request = parse_frame(std::span{room}.first(frame.size()));
    const auto turned = turn_around(room, request, size);
    const Octets reply(turned.begin(), turned.end());
    const ParsedFrame answer = parse_frame(reply);
    REQUIRE(to_string(answer.kind) == (udp ? "udp" : "icmp-echo-reply"));
    CHECK(answer.link.vlan == around.encapsulation.vlan);
    CHECK(answer.link.labels == 0);
    CHECK(answer.sender == parsed.receiver);
    CHECK(answer.receiver == parsed.sender);
    CHECK(answer.tuple.destination_port == 50000);
    CHECK(answer.hop_limit == 255);
    CHECK(answer.sequence == (udp ? 0 : 0xbeef));
    CHECK((at(reply, 5) == 1 && at(reply, 11) == 2));
    CHECK(next_sum(reply, ip - 4 * around.encapsulation.labels.size(), v6, kind, size) == 0xffff);
    CHECK(Octets(answer.payload.begin(), answer.payload.end()) == payload);
  }
}

TEST_CASE("a SYN and its RST are right in every mixture of layers") {
  const bool v6 = GENERATE(false, true);
  const bool reset = GENERATE(false, true);
  for (const Around& around : arounds()) {
    CAPTURE(v6, reset, around.name);
    const FrameTemplate frame_template{fields(FlowKind::tcp_syn, v6, around.encapsulation)};
    Octets frame(128, std::byte{0xee});
    Octets number(4);
    store(number, 0, std::uint32_t{0xdeadbeef});
    frame.resize(reset ? frame_template.write_segment(frame.data(), 0xdeadbeef, tcp_flag_rst)
                       : frame_template.write(frame.data(), number, 7));
    const std::size_t size = reset ? 20 : 24;
    const std::size_t ip = frame_template.headers_size() - 8 - (v6 ? 40 : 20);
    const std::size_t next = ip + (v6 ? 40 : 20);
    CHECK(frame.size() == std::max<std::size_t>(next + size, 60));
    if (!v6) CHECK(plain_sum(frame, ip, ip + 20) == 0xffff);
    const auto length = static_cast<unsigned>(size);
    const unsigned sum = plain_sum(frame, v6 ? ip + 8 : ip + 12, next, length + 6);
    CHECK(plain_sum(frame, next, next + size, sum) == 0xffff);
    const auto segment = read_tcp(std::span{frame}.subspan(next, size));
    REQUIRE(segment.has_value());
    CHECK(segment->source_port == 50000);
    CHECK(segment->destination_port == 862);
    CHECK(segment->sequence == 0xdeadbeef);
    CHECK(segment->acknowledgment == 0);
    CHECK(segment->flags == (reset ? tcp_flag_rst : tcp_flag_syn));
    CHECK(to_string(parse_frame(frame).kind) == "other-tcp");  // it acknowledges nothing

    // What acknowledges it is read, and only with a good checksum.
    const std::span packet{frame.data() + ip, next + size - ip};
    store(packet.last(size), 13, static_cast<std::uint8_t>(tcp_flag_syn | tcp_flag_ack));
    store(packet.last(size), tcp_acknowledgment_at, std::uint32_t{0x01020304});
    CHECK(to_string(parse_frame(frame).kind) == "bad-checksum");
    finish_packet(packet);
    const ParsedFrame parsed = parse_frame(frame);
    REQUIRE(to_string(parsed.kind) == "tcp");
    CHECK(parsed.tcp_flags == (tcp_flag_syn | tcp_flag_ack));
    CHECK(parsed.tuple.kind == FlowKind::tcp_syn);
    CHECK(parsed.tuple.source_port == 50000);
    CHECK(parsed.tuple.destination_port == 862);
    REQUIRE(parsed.payload.size() == 4);
    CHECK(load<std::uint32_t>(parsed.payload, 0) == 0x01020304);
  }
}

TEST_CASE("a TCP frame that is not good is refused for its reason") {
  Octets frame(128);
  frame.resize(FrameTemplate{fields(FlowKind::tcp_syn, true, {})}.write_segment(frame.data(), 1,
                                                                                tcp_flag_rst));
  std::string want = "other-tcp";
  SECTION("as it is: an RST that acknowledges nothing") {}
  SECTION("a data offset of 4") {
    frame[66] = std::byte{0x40};
    want = "truncated";
  }
  SECTION("options beyond the end") {
    frame[66] = std::byte{0x60};
    want = "truncated";
  }
  SECTION("cut short of a header") {
    frame[19] = std::byte{19};
    want = "truncated";
  }
  SECTION("another octet") {
    frame[59] ^= std::byte{1};
    want = "bad-checksum";
  }
  CHECK(to_string(parse_frame(frame).kind) == want);
}

TEST_CASE("link headers that cannot be ours are told apart") {
  const auto kind_of = [](std::vector<unsigned> octets) {
    Octets frame(12);
    for (const unsigned octet : octets) frame.push_back(static_cast<std::byte>(octet));
    return std::string{to_string(parse_frame(frame).kind)};
  };
  CHECK(kind_of({0x81, 0, 0}) == "truncated");
  CHECK(kind_of({0x81, 0, 0, 1, 0x81, 0, 0, 1, 0x81, 0, 0, 1, 8, 0}) == "too-many-tags");
  CHECK(kind_of({0x88, 0x47, 0, 1, 0}) == "truncated");
  CHECK(kind_of({0x88, 0x47, 0, 1, 0, 9, 0, 1, 0, 9, 0, 1, 0, 9, 0, 1, 0, 9, 0, 1, 1, 9, 0x45}) ==
        "bad-labels");
  CHECK(kind_of({0x88, 0x47, 0, 1, 1, 9, 0x55}) == "bad-labels");
  CHECK(kind_of({0x88, 0x47, 0, 1, 1, 9, 0x45}) == "truncated");
  // A priority tag (identifier 0) belongs to no VLAN.
  Octets priority(12);
  for (const unsigned octet : {0x81U, 0U, 0xa0U, 0U, 8U, 6U}) {
    priority.push_back(static_cast<std::byte>(octet));
  }
  CHECK(read_link_header(priority).vlan == Vlan{});
  CHECK(parse_frame(priority).kind == FrameKind::arp);
}

TEST_CASE("an IPv6 frame that is not good is refused for its reason") {
  const Octets payload = counting(44);
  Octets frame(longest_frame);
  frame.resize(FrameTemplate{fields(FlowKind::udp, true, {})}.write(frame.data(), payload, 0));
  std::string want;
  SECTION("without a UDP checksum") {
    frame[60] = frame[61] = std::byte{0};
    want = "bad-checksum";
  }
  SECTION("longer than the frame") {
    frame[19] = std::byte{0xff};
    want = "truncated";
  }
  SECTION("an IPv4 address in disguise") {
    for (std::size_t i = 22; i < 32; ++i) frame[i] = std::byte{0};
    frame[32] = frame[33] = std::byte{0xff};
    want = "bad-ip-header";
  }
  SECTION("a fragment") {
    frame[20] = std::byte{44};
    frame[54] = std::byte{17};
    frame[56] = std::byte{0};
    frame[57] = std::byte{1};
    want = "fragment";
  }
  SECTION("an extension header beyond the packet") {
    frame[20] = std::byte{0};
    frame[55] = std::byte{200};
    want = "truncated";
  }
  SECTION("SCTP") {
    frame[20] = std::byte{132};
    want = "other-protocol";
  }
  CHECK(to_string(parse_frame(frame).kind) == want);
}

TEST_CASE("extension headers are stepped over, and such a request is not turned around") {
  const Octets payload = counting(44);
  Octets plain(longest_frame);
  plain.resize(FrameTemplate{fields(FlowKind::udp, true, {})}.write(plain.data(), payload, 0));
  Octets frame(plain.begin(), plain.begin() + 54);
  const auto put = [&](std::initializer_list<unsigned> octets) {
    for (const unsigned octet : octets) frame.push_back(static_cast<std::byte>(octet));
  };
  put({60, 0, 1, 4, 0, 0, 0, 0});  // hop-by-hop
  put({44, 0, 1, 4, 0, 0, 0, 0});  // destination options
  put({17, 0, 0, 0, 0, 0, 0, 7});  // an atomic fragment
  frame.insert(frame.end(), plain.begin() + 54, plain.end());
  frame[20] = std::byte{0};
  frame[19] = static_cast<std::byte>(52 + 24);
  const ParsedFrame parsed = parse_frame(frame);
  REQUIRE(to_string(parsed.kind) == "udp");
  CHECK(Octets(parsed.payload.begin(), parsed.payload.end()) == payload);
  CHECK(turn_around(frame, parsed, 44).empty());
}

TEST_CASE("an ICMPv6 error names the flow that it quotes, and the MTU if that is its matter") {
  const bool too_big = GENERATE(false, true);
  Octets probe(longest_frame);
  probe.resize(FrameTemplate{fields(FlowKind::udp, true, {})}.write(probe.data(), counting(44), 0));
  FrameFields back = fields(FlowKind::icmp_echo, true, {});
  std::swap(back.source, back.destination);
  Octets frame(longest_frame);
  frame.resize(FrameTemplate{back}.write(frame.data(), std::span{probe}.subspan(14, 48), 0));
  frame[54] = too_big ? std::byte{2} : std::byte{3};  // or time exceeded
  for (std::size_t i = 56; i < 62; ++i) frame[i] = std::byte{0};
  frame[60] = std::byte{5};
  frame[61] = std::byte{0x78};
  finish_packet(std::span{frame}.subspan(14));
  const ParsedFrame parsed = parse_frame(frame);
  REQUIRE(to_string(parsed.kind) == "icmp-error");
  CHECK(parsed.icmp_type == (too_big ? 2 : 3));
  CHECK(parsed.icmp_mtu == (too_big ? 1400U : 0U));
  CHECK(parsed.tuple.source_port == 50000);
  CHECK(parsed.tuple.destination_port == 862);
  CHECK(parsed.tuple.destination == WireAddress{*parse_address("2001:db8:2::99")});
}

TEST_CASE("no octets make the parser or the turning around leave the frame, whatever the layers") {
  std::mt19937 random{20261125};
  for (const Around& around : arounds()) {
    const bool v6 = random() % 2 == 0;
    Octets good(longest_frame);
    good.resize(FrameTemplate{fields(FlowKind::udp, v6, around.encapsulation)}.write(
        good.data(), counting(44), 0));
    for (int i = 0; i < 5000; ++i) {
      Octets frame(good.begin(), good.begin() + static_cast<long>(random() % (good.size() + 1)));
      for (unsigned flips = random() % 4; flips > 0 && !frame.empty(); --flips) {
        frame[random() % frame.size()] = static_cast<std::byte>(random());
      }
      frame.shrink_to_fit();
      const auto parsed = parse_frame(frame);
      static_cast<void>(read_neighbor(parsed));
      if (parsed.kind != FrameKind::udp) continue;
      CHECK(parsed.payload.data() + parsed.payload.size() <= frame.data() + frame.size());
    }
  }
}
