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
