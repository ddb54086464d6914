// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/arp.hpp"

#include <catch2/catch.hpp>
#include <vector>

using namespace strait;
using namespace strait::probe::dpdk;
using namespace std::chrono_literals;

namespace {

constexpr MacAddress here{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress there{{2, 0, 0, 0, 0, 2}};
const Ipv4 source{0x0a000001};
const Ipv4 router{0x0a0000fe};

}  // namespace

TEST_CASE("an ARP request is written as RFC 826 says, and read back") {
  std::vector<std::byte> frame(longest_arp_frame, std::byte{0xff});
  REQUIRE(write_arp({ArpOperation::request, here, source, {}, router}, broadcast_mac, {}, frame) ==
          60);
  frame.resize(60);
  const std::vector<unsigned> head{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,
                                   1,    0x08, 0x06, 0,    1,    8,    0, 6, 4, 0, 1};
  for (std::size_t i = 0; i < head.size(); ++i) {
    CAPTURE(i);
    CHECK(std::to_integer<unsigned>(frame[i]) == head[i]);
  }
  const auto read = read_arp(frame, read_link_header(frame));
  REQUIRE(read);
  CHECK(read->operation == ArpOperation::request);
  CHECK(read->sender_mac == here);
  CHECK(read->sender == source);
  CHECK(read->target == router);
}

TEST_CASE("what is no ARP for Ethernet and IPv4 is not read as one") {
  std::vector<std::byte> frame(longest_arp_frame);
  frame.resize(write_arp({ArpOperation::reply, there, router, here, source}, here, {}, frame));
  REQUIRE(read_arp(frame, read_link_header(frame)));
  SECTION("too short") { frame.resize(41); }
  SECTION("another EtherType") { frame[13] = std::byte{0}; }
  SECTION("another hardware") { frame[15] = std::byte{6}; }
  SECTION("another address length") { frame[18] = std::byte{8}; }
  SECTION("an unknown operation") { frame[21] = std::byte{3}; }
  SECTION("a group address as the sender's") { frame[22] = std::byte{0x33}; }
  SECTION("the broadcast address as the sender's") {
    for (std::size_t i = 22; i < 28; ++i) frame[i] = std::byte{0xff};
  }
  CHECK_FALSE(read_arp(frame, read_link_header(frame)));
}

TEST_CASE("ARP on a VLAN stands behind its tags, and never behind labels") {
  const Encapsulation around{{300, 101}, false, {16001}, 5, 255};
  std::vector<std::byte> frame(longest_arp_frame);
  frame.resize(write_arp(arp_probe(here, source), broadcast_mac, around, frame));
  CHECK(frame.size() == 60);
  const LinkHeader link = read_link_header(frame);
  CHECK(link.vlan == Vlan{300, 101});
  CHECK(link.labels == 0);
  const auto read = read_arp(frame, link);
  REQUIRE(read);
  CHECK(read->sender.is_unspecified());
  CHECK(read->target == source);
  const ArpMessage announcement = arp_announcement(here, source);
  CHECK(announcement.sender == announcement.target);
}
