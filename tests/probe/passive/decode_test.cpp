// SPDX-License-Identifier: Apache-2.0
#include "probe/passive/decode.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/probe/hex_octets.hpp"

namespace strait::probe::passive {
namespace {

const std::string macs = "020000000001 020000000002 ";
// 192.0.2.1:1000 to 198.51.100.2:443, SYN with MSS and timestamps.
const std::string tcp4 =
    "03e8 01bb 00000064 00000000 a0 02 ffff 0000 0000 0204 05b4 0402 080a 0000000a 00000000 01 01 "
    "01 01";
const std::string ip4 = "45 00 003c 0001 4000 40 06 0000 c0000201 c6336402 ";
const std::string ip6 =
    "60000000 0014 06 40 20010db8000000000000000000000001 20010db8000000000000000000000002 ";
const std::string tcp_plain = "03e8 01bb 00000064 00000007 50 10 ffff 0000 0000 ";

Decoded decode_hex(LinkType link, const std::string& text, const DecodeOptions& options = {},
                   std::uint32_t length = 0) {
  static std::vector<std::byte> octets;
  octets = from_hex(text);
  const CapturedPacket packet{
      .time = WallTime{Nanos{5}},
      .data = octets,
      .length = length == 0 ? static_cast<std::uint32_t>(octets.size()) : length};
  CapturedPacket linked = packet;
  linked.link = link;
  Decoded decoded;
  decode(linked, options, decoded);
  return decoded;
}

TEST_CASE("a TCP segment is found below whatever it travels in") {
  struct Case {
    const char* what;
    LinkType link;
    std::string packet;
    std::uint16_t vlan = 0;
    std::uint32_t label = 0;
  };
  const std::string v4 = ip4 + tcp4;
  const std::vector<Case> cases{
      {"Ethernet", LinkType::ethernet, macs + "0800" + v4},
      {"Ethernet, padded", LinkType::ethernet, macs + "0800" + v4 + "000000000000"},
      {"a VLAN", LinkType::ethernet, macs + "8100 6065 0800" + v4, 0x65},
      {"VLANs of two kinds", LinkType::ethernet, macs + "88a8 0012 8100 0065 0800" + v4, 0x12},
      {"five VLANs", LinkType::ethernet,
       macs + "9100 0005 8100 0001 8100 0001 8100 0001 8100 0001 0800" + v4, 5},
      {"MPLS", LinkType::ethernet, macs + "8847 03e81140" + v4, 0, 16001},
      {"twelve labels", LinkType::ethernet,
       macs + "8847" + "03e81040" + std::string("0001804000018040000180400001804000018040") +
           std::string("0001804000018040000180400001804000018040") + "00018140" + v4,
       0, 16001},
      {"a pseudowire with a control word", LinkType::ethernet,
       macs + "8847 03e81140 00000000" + macs + "0800" + v4, 0, 16001},
      {"PPPoE", LinkType::ethernet, macs + "8864 11 00 0001 003e 0021" + v4},
      {"PPPoE in a VLAN", LinkType::ethernet, macs + "8100 0007 8864 11 00 0001 003e 0021" + v4, 7},
      {"a bare PPPoE link", LinkType::ppp_ethernet, "11 00 0001 003e 0021" + v4},
      {"Linux cooked", LinkType::linux_cooked, "0000 0001 0006 020000000001 0000 0800" + v4},
      {"Linux cooked, a VLAN", LinkType::linux_cooked,
       "0000 0001 0006 020000000001 0000 8100 0009 0800" + v4, 9},
      {"Linux cooked 2", LinkType::linux_cooked_2,
       "0800 0000 00000002 0001 00 06 0200000000010000" + v4},
      {"raw", LinkType::raw, v4},
      {"raw of BSD", LinkType::raw_bsd, v4},
      {"raw IPv4", LinkType::ipv4, v4},
      {"loopback, little endian", LinkType::null, "02000000" + v4},
      {"loopback, big endian", LinkType::loop, "00000002" + v4},
      {"options of IP", LinkType::raw,
       "46 00 0040 0001 4000 40 06 0000 c0000201 c6336402 01010100" + tcp4},
      {"a length of 0 from segmentation offload", LinkType::raw,
       "45 00 0000 0001 4000 40 06 0000 c0000201 c6336402 " + tcp4},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    const auto decoded = decode_hex(c.link, c.packet);
    REQUIRE(decoded.verdict == Verdict::tcp);
    CHECK(to_string(decoded.key.end(decoded.from_second ? 1 : 0)) == "192.0.2.1:1000");
    CHECK(to_string(decoded.key.end(decoded.from_second ? 0 : 1)) == "198.51.100.2:443");
    CHECK(decoded.sequence == 100);
    CHECK(decoded.flags == tcp::syn);
    CHECK(decoded.has_timestamps);
    CHECK(decoded.tsval == 10);
    CHECK(decoded.payload_length == 0);
    CHECK(decoded.vlan == c.vlan);
    CHECK(decoded.mpls_label == c.label);
    CHECK(decoded.time == 5);
  }
}

TEST_CASE("IPv6 and its extension headers are read as RFC 8200 has them") {
  struct Case {
    const char* what;
    std::string packet;
    Verdict verdict;
  };
  const std::string ends = "20010db8000000000000000000000001 20010db8000000000000000000000002 ";
  const auto header = [&](const char* length, const char* next) {
    return std::string{"60000000"} + length + next + "40" + ends;
  };
  const std::vector<Case> cases{
      {"none", ip6 + tcp_plain, Verdict::tcp},
      {"hop-by-hop, destination, routing",
       header("002c", "00") + "3c00000000000000" + "2b00000000000000" + "0600000000000000" +
           tcp_plain,
       Verdict::tcp},
      {"authentication", header("0020", "33") + "06010000 00000000 00000000" + tcp_plain,
       Verdict::tcp},
      {"an atomic fragment", header("001c", "2c") + "0600000000000001" + tcp_plain, Verdict::tcp},
      {"a first fragment", header("001c", "2c") + "0600000100000001" + tcp_plain,
       Verdict::fragment},
      {"a later fragment", header("001c", "2c") + "0600010000000001" + tcp_plain,
       Verdict::fragment},
      {"ESP", header("0014", "32") + tcp_plain, Verdict::other_transport},
      {"nothing", header("0000", "3b"), Verdict::other_transport},
      {"a header longer than the packet", header("0008", "00") + "06ff000000000000",
       Verdict::malformed},
      {"a header that is cut off", header("0028", "00") + "0600", Verdict::truncated},
      {"version 5", "5" + (ip6 + tcp_plain).substr(1), Verdict::malformed},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    const auto decoded = decode_hex(LinkType::ethernet, macs + "86dd" + c.packet);
    CHECK(decoded.verdict == c.verdict);
    if (c.verdict != Verdict::tcp) continue;
    CHECK(to_string(decoded.key.end(0)) == "[2001:db8::1]:1000");
    CHECK(decoded.acknowledgment == 7);
  }
}

TEST_CASE("tunnels are looked into when that is asked for, and not otherwise") {
  const std::string inner = ip4 + tcp4;
  const std::string outer = "45 00 0000 0001 0000 40 2f 0000 0a000001 0a000002 ";
  struct Case {
    const char* what;
    std::string packet;
    Verdict asked;
    Verdict unasked;
  };
  const auto c = GENERATE_COPY(values<Case>({
      {"GRE", outer + "0000 0800" + inner, Verdict::tcp, Verdict::other_transport},
      {"GRE with checksum, key, number", outer + "b000 0800 00000000 00000001 00000002" + inner,
       Verdict::tcp, Verdict::other_transport},
      {"Ethernet in GRE", outer + "0000 6558" + macs + "0800" + inner, Verdict::tcp,
       Verdict::other_transport},
      {"PPTP", outer + "3001 880b" + inner, Verdict::other_transport, Verdict::other_transport},
      {"VXLAN",
       "45 00 0000 0001 0000 40 11 0000 0a000001 0a000002 1234 12b5 0000 0000 08000000 00002a00" +
           macs + "0800" + inner,
       Verdict::tcp, Verdict::udp},
      {"VXLAN without its flag",
       "45 00 0000 0001 0000 40 11 0000 0a000001 0a000002 1234 12b5 0000 0000 00000000 00002a00" +
           macs + "0800" + inner,
       Verdict::malformed, Verdict::udp},
  }));
  CAPTURE(c.what);
  CHECK(decode_hex(LinkType::raw, c.packet).verdict == c.unasked);
  const auto decoded =
      decode_hex(LinkType::raw, c.packet, {.gre = true, .vxlan = true, .stamp_ports = {}});
  CHECK(decoded.verdict == c.asked);
  if (c.asked == Verdict::tcp) CHECK(to_string(decoded.key.end(0)) == "192.0.2.1:1000");
}

TEST_CASE("what cannot be used is told by what is wrong with it") {
  struct Case {
    const char* what;
    LinkType link;
    std::string packet;
    Verdict verdict;
  };
  const auto c = GENERATE_COPY(values<Case>({
      {"nothing", LinkType::ethernet, "", Verdict::truncated},
      {"half a MAC header", LinkType::ethernet, macs, Verdict::truncated},
      {"ARP", LinkType::ethernet, macs + "0806 0001", Verdict::not_ip},
      {"a link type of 147", LinkType{147}, ip4 + tcp4, Verdict::unknown_link},
      {"a label stack without an end", LinkType::ethernet, macs + "8847 00018040 00018040",
       Verdict::truncated},
      {"19 octets of TCP", LinkType::raw, ip4 + tcp4.substr(0, 46), Verdict::truncated},
      {"IP says less than its header", LinkType::raw,
       "45 00 0013 0001 4000 40 06 0000 c0000201 c6336402", Verdict::malformed},
      {"a header length of 16", LinkType::raw,
       "44 00 003c 0001 4000 40 06 0000 c0000201 c6336402" + tcp4, Verdict::malformed},
      {"8 octets of TCP on the wire", LinkType::raw,
       "45 00 001c 0001 4000 40 06 0000 c0000201 c6336402" + tcp4, Verdict::malformed},
      {"TCP says less than its header", LinkType::ipv4,
       ip4 + "03e8 01bb 00000064 00000007 40 10 ffff 0000 0000" + std::string(40, '0'),
       Verdict::malformed},
      {"TCP options beyond the segment", LinkType::ipv4,
       "45 00 0028 0001 4000 40 06 0000 c0000201 c6336402 03e8 01bb 00000064 00000007 f0 10 ffff "
       "0000 0000",
       Verdict::malformed},
      {"more fragments", LinkType::raw, "45 00 003c 0001 2000 40 06 0000 c0000201 c6336402" + tcp4,
       Verdict::fragment},
      {"a later fragment", LinkType::raw,
       "45 00 003c 0001 00b9 40 06 0000 c0000201 c6336402" + tcp4, Verdict::fragment},
      {"OSPF", LinkType::raw, "45 00 0014 0001 0000 40 59 0000 c0000201 c6336402",
       Verdict::other_transport},
      {"PPPoE discovery", LinkType::ethernet, macs + "8864 11 09 0000 0000 0000", Verdict::not_ip},
      {"PPP's control", LinkType::ethernet, macs + "8864 11 00 0001 0004 c021 0000",
       Verdict::not_ip},
  }));
  CAPTURE(c.what);
  CHECK(decode_hex(c.link, c.packet).verdict == c.verdict);
}

TEST_CASE("TCP options are read in any order, and nothing is read behind their end") {
  struct Case {
    const char* what;
    std::string options;
    bool timestamps;
    unsigned blocks;
  };
  const auto c = GENERATE(values<Case>({
      {"the usual layout", "0101 080a 00000001 00000002", true, 0},
      {"timestamps first", "080a 00000001 00000002 0000", true, 0},
      {"with SACK", "0101 080a 00000001 00000002 0101 050a 00000100 00000200", true, 1},
      {"three blocks", "0101 051a 00000100 00000200 00000300 00000400 00000500 00000600", false, 3},
      {"a length of 0", "0100 080a 00000001 00000002", false, 0},
      {"a length of 1", "0301 080a 00000001 00000002", false, 0},
      {"a length beyond the header", "0101 08ff 00000001 00000002", false, 0},
      {"timestamps of a wrong length", "0101 0809 00000001 00000002", false, 0},
      {"SACK of a wrong length", "0509 00000000000000 010101", false, 0},
  }));
  CAPTURE(c.what);
  const auto size = from_hex(c.options).size();
  REQUIRE(size % 4 == 0);
  const auto header = fmt::format("{:x}0", 5 + size / 4);
  const auto decoded =
      decode_hex(LinkType::raw, "45 00 0000 0001 4000 40 06 0000 c0000201 c6336402" +
                                    std::string{"03e8 01bb 00000064 00000007"} + header +
                                    "10 ffff 0000 0000" + c.options + "aabbcc");
  REQUIRE(decoded.verdict == Verdict::tcp);
  CHECK(decoded.has_timestamps == c.timestamps);
  CHECK(decoded.sack_blocks == c.blocks);
  CHECK(decoded.payload_length == 3);
  if (c.timestamps) CHECK(decoded.tsecr == 2);
}

TEST_CASE("a snapshot that ends in the payload leaves lengths as they were on the wire") {
  const auto decoded = decode_hex(
      LinkType::raw, "45 00 05dc 0001 4000 40 06 0000 c0000201 c6336402" + tcp_plain + "aabb", {},
      1500);
  REQUIRE(decoded.verdict == Verdict::tcp);
  CHECK(decoded.payload_length == 1460);
  CHECK(decoded.payload.size() == 2);
  CHECK(decoded.octets == 1500);
}

TEST_CASE("echoes and DNS messages are questions or answers with a number") {
  const std::string v4 = "45 00 0000 0001 4000 40 ";
  const std::string ends = " 0000 c0000201 c6336402 ";
  const std::string v6 =
      "60000000 0008 3a 40 20010db8000000000000000000000001 "
      "20010db8000000000000000000000002 ";
  struct Case {
    const char* what;
    std::string packet;
    Exchange exchange;
    bool answer = false;
  };
  const auto c = GENERATE_COPY(values<Case>({
      {"an echo", v4 + "01" + ends + "0800 0000 004d 0007", Exchange::echo},
      {"its reply", v4 + "01" + ends + "0000 0000 004d 0007", Exchange::echo, true},
      {"an echo of IPv6", v6 + "8000 0000 004d 0007", Exchange::echo},
      {"its reply in IPv6", v6 + "8100 0000 004d 0007", Exchange::echo, true},
      {"IPv6's number in IPv4", v4 + "01" + ends + "8000 0000 004d 0007", Exchange::none},
      {"an error", v4 + "01" + ends + "0301 0000 004d 0007", Exchange::none},
      {"an echo with a code", v4 + "01" + ends + "0801 0000 004d 0007", Exchange::none},
      {"a query", v4 + "11" + ends + "1234 0035 0014 0000 0007 0100 0001 0000 0000 0000",
       Exchange::query},
      {"its answer", v4 + "11" + ends + "0035 1234 0014 0000 0007 8180 0001 0000 0000 0000",
       Exchange::query, true},
      {"a query from port 53",
       v4 + "11" + ends + "0035 1234 0014 0000 0007 0100 0001 0000 00000000", Exchange::none},
      {"half a query", v4 + "11" + ends + "1234 0035 0014 0000 0007 0100 0001", Exchange::none},
      {"other UDP", v4 + "11" + ends + "1234 0036 0014 0000 0007 0100 0001 0000 0000 0000",
       Exchange::none},
  }));
  CAPTURE(c.what);
  const auto decoded = decode_hex(LinkType::raw, c.packet);
  CHECK(decoded.exchange == c.exchange);
  if (c.exchange == Exchange::none) return;
  CHECK(decoded.answer == c.answer);
  CHECK(decoded.sequence == 7);
}

TEST_CASE("both directions of a flow have one key") {
  const auto there = decode_hex(LinkType::raw, ip4 + tcp4);
  const auto back = decode_hex(LinkType::raw,
                               "45 00 0028 0001 4000 40 06 0000 c6336402 c0000201" +
                                   std::string{"01bb 03e8 00000064 00000007 50 12 ffff 0000 0000"});
  CHECK(there.key == back.key);
  CHECK(there.from_second != back.from_second);
}

}  // namespace
}  // namespace strait::probe::passive
