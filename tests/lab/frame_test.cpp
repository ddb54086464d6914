// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/frame.hpp"

#include <catch2/catch.hpp>

#include "tests/lab/frames.hpp"

using namespace strait;
using namespace strait::lab;
using namespace strait::lab::test;

TEST_CASE(
    "far_address reads the end that is not the site, and leaves the link's own frames alone") {
  struct Case {
    const char* what;
    Frame frame;
    Direction direction;
    const char* far;  // empty: belongs to the link
  };
  const auto c = GENERATE(values<Case>({
      {"IPv4 out", ipv4("100.64.1.2", "198.18.0.10"), Direction::out, "198.18.0.10"},
      {"IPv4 back", ipv4("198.18.0.10", "100.64.1.2"), Direction::back, "198.18.0.10"},
      {"IPv6 out", ipv6("fd00::2", "2001:db8::1", 17, 0), Direction::out, "2001:db8::1"},
      {"IPv6 back", ipv6("2001:db8::1", "fd00::2", 17, 0), Direction::back, "2001:db8::1"},
      {"ICMPv6 echo", ipv6("fd00::2", "2001:db8::1", 58, 128), Direction::out, "2001:db8::1"},
      {"neighbour solicitation", ipv6("fd00::2", "fd00::1", 58, 135), Direction::out, ""},
      {"hop-by-hop (MLD)", ipv6("fd00::2", "2001:db8::1", 0, 58), Direction::out, ""},
      {"IPv6 link-local", ipv6("fe80::2", "fe80::1", 17, 0), Direction::out, ""},
      {"IPv6 multicast", ipv6("fd00::2", "ff02::1", 17, 0), Direction::out, ""},
      {"IPv4 multicast", ipv4("100.64.1.2", "224.0.0.1"), Direction::out, ""},
      {"ARP", ethernet(0x0806), Direction::out, ""},
      {"empty IPv4", ethernet(0x0800), Direction::out, ""},
      {"empty IPv6", ethernet(0x86dd), Direction::out, ""},
      {"runt", Frame(13), Direction::out, ""},
      {"nothing", Frame{}, Direction::back, ""},
  }));
  CAPTURE(c.what);
  const auto far = far_address(c.frame, c.direction);
  CHECK((far ? far->to_string() : "") == c.far);
}

TEST_CASE("a remarked packet keeps its ECN bits, and its checksum is right again") {
  Frame v4 = ipv4("100.64.1.2", "198.18.0.10");
  v4[15] = std::byte{0xb9};  // EF, ECT(1)
  remark(v4, 8);
  CHECK(v4[15] == std::byte{0x21});
  std::uint32_t sum = 0;
  for (std::size_t at = 14; at < 34; at += 2) {
    sum +=
        std::to_integer<std::uint32_t>(v4[at]) << 8U | std::to_integer<std::uint32_t>(v4[at + 1]);
  }
  CHECK((sum & 0xffffU) + (sum >> 16U) == 0xffff);

  Frame v6 = ipv6("fd00::2", "2001:db8::1", 17, 0);
  v6[14] = std::byte{0x6b};  // EF, ECT(1), a flow label of 0x5....
  v6[15] = std::byte{0x95};
  remark(v6, 8);
  CHECK(v6[14] == std::byte{0x62});
  CHECK(v6[15] == std::byte{0x15});
  remark(v6, 1);
  CHECK(v6[14] == std::byte{0x60});
  CHECK(v6[15] == std::byte{0x55});

  Frame arp = ethernet(0x0806);
  arp.resize(60);
  const Frame before = arp;
  remark(arp, 8);
  CHECK(arp == before);
}
