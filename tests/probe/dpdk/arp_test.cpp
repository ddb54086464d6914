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
constexpr MacAddress elsewhere{{2, 0, 0, 0, 0, 3}};
const Ipv4 source{0x0a000001};
const Ipv4 router{0x0a0000fe};
const MonoTime start{1h};

using Change = NeighborTable::Change;
using State = NeighborTable::State;

}  // namespace

TEST_CASE("an ARP request is written as RFC 826 says, and read back") {
  std::vector<std::byte> frame(shortest_frame, std::byte{0xff});
  REQUIRE(write_arp({ArpOperation::request, here, source, {}, router}, broadcast_mac,
                    frame.data()) == 60);
  const std::vector<unsigned> head{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,
                                   1,    0x08, 0x06, 0,    1,    8,    0, 6, 4, 0, 1};
  for (std::size_t i = 0; i < head.size(); ++i) {
    CAPTURE(i);
    CHECK(std::to_integer<unsigned>(frame[i]) == head[i]);
  }
  const auto read = read_arp(frame);
  REQUIRE(read);
  CHECK(read->operation == ArpOperation::request);
  CHECK(read->sender_mac == here);
  CHECK(read->sender == source);
  CHECK(read->target == router);
}

TEST_CASE("what is no ARP for Ethernet and IPv4 is not read as one") {
  std::vector<std::byte> frame(shortest_frame);
  write_arp({ArpOperation::reply, there, router, here, source}, here, frame.data());
  REQUIRE(read_arp(frame));
  SECTION("too short") { frame.resize(41); }
  SECTION("another EtherType") { frame[13] = std::byte{0}; }
  SECTION("another hardware") { frame[15] = std::byte{6}; }
  SECTION("another address length") { frame[18] = std::byte{8}; }
  SECTION("an unknown operation") { frame[21] = std::byte{3}; }
  SECTION("a group address as the sender's") { frame[22] = std::byte{0x33}; }
  SECTION("the broadcast address as the sender's") {
    for (std::size_t i = 22; i < 28; ++i) frame[i] = std::byte{0xff};
  }
  CHECK_FALSE(read_arp(frame));
}

TEST_CASE("only requests for our own addresses are answered") {
  const std::vector<Ipv4> local{source};
  const ArpMessage request{ArpOperation::request, there, router, {}, source};
  const auto answer = answer_arp(request, local, here);
  REQUIRE(answer);
  CHECK(answer->operation == ArpOperation::reply);
  CHECK(answer->sender_mac == here);
  CHECK(answer->sender == source);
  CHECK(answer->target_mac == there);
  CHECK(answer->target == router);

  CHECK_FALSE(answer_arp({ArpOperation::request, there, router, {}, router}, local, here));
  CHECK_FALSE(answer_arp({ArpOperation::reply, there, router, here, source}, local, here));
}

TEST_CASE("a next hop is asked for again, ever more slowly, until it answers") {
  NeighborTable table;
  const auto id = table.add(router, source);
  CHECK(table.add(router, Ipv4{0x0a000002}) == id);
  MonoTime now = start;
  std::vector<Nanos> gaps;
  MonoTime before = now;
  for (int i = 0; i < 8; ++i) {
    const auto requests = table.due(now);
    REQUIRE(requests.size() == 1);
    CHECK(requests[0].target == router);
    CHECK(requests[0].source == source);
    CHECK(requests[0].to == broadcast_mac);
    gaps.push_back(now - before);
    before = now;
    CHECK(table.due(table.next_due() - 1ns).empty());
    now = table.next_due();
  }
  CHECK(gaps == std::vector<Nanos>{0ms, 50ms, 100ms, 200ms, 400ms, 800ms, 1600ms, 2s});
  CHECK(table.state(id) == State::lost);
  CHECK_FALSE(table.mac(id));

  const auto learned = table.learn(router, there, now);
  REQUIRE(learned);
  CHECK(learned->change == Change::resolved);
  CHECK(table.mac(id) == there);
  CHECK(table.state(id) == State::reachable);
}

TEST_CASE("a known next hop is refreshed at its own address first") {
  NeighborTable table;
  const auto id = table.add(router, source);
  CHECK(table.due(start).size() == 1);
  REQUIRE(table.learn(router, there, start));
  CHECK(table.due(start + 20s - 1ns).empty());

  std::vector<MacAddress> asked;
  MonoTime now = start + 20s;
  for (int i = 0; i < 5; ++i) {
    const auto requests = table.due(now);
    REQUIRE(requests.size() == 1);
    asked.push_back(requests[0].to);
    now = table.next_due();
  }
  CHECK(asked == std::vector{there, there, broadcast_mac, broadcast_mac, broadcast_mac});
  CHECK(table.state(id) == State::lost);
  CHECK(table.losses() == 1);
  CHECK(table.mac(id) == there);  // kept: the probes are to be lost on the wire

  const auto back = table.learn(router, there, now);
  REQUIRE(back);
  CHECK(back->change == Change::returned);
  CHECK(table.state(id) == State::reachable);
}

TEST_CASE("a next hop that moves is noticed, and strangers are not learnt") {
  NeighborTable table;
  const auto id = table.add(router, source);
  CHECK_FALSE(table.learn(Ipv4{0x0a000099}, there, start));
  CHECK(table.learn(router, there, start)->change == Change::resolved);
  CHECK(table.learn(router, there, start)->change == Change::none);
  CHECK(table.learn(router, elsewhere, start)->change == Change::moved);
  CHECK(table.mac(id) == elsewhere);
  CHECK(table.size() == 1);
}
