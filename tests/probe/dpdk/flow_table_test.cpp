// SPDX-License-Identifier: Apache-2.0
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored \
    "-Wrestrict"  // g++ 12 sees overlaps in std::string that are not there
#endif

#include "probe/dpdk/flow_table.hpp"

#include <catch2/catch.hpp>
#include <set>

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::dpdk;

namespace {

constexpr MacAddress mac{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress router{{2, 0, 0, 0, 0, 2}};

FlowSpec spec(const char* destination = "192.0.2.1", std::uint16_t source_port = 0) {
  FlowSpec spec;
  spec.pin.device = "a";
  spec.pin.source_v4 = *parse_address("10.0.0.1");
  spec.destination = {*parse_address(destination), 862};
  spec.source_port = source_port;
  return spec;
}

FrameTuple reply_to(const FlowTable::Flow& flow) {
  return {flow.kind, flow.remote, WireAddress{Ipv4{0x0a000001}}, flow.remote_port, flow.local_port};
}

FlowLink link_to(StationIndex station = 0, NeighborId neighbor = 0,
                 std::optional<MacAddress> next_hop = {}) {
  return {.station = station,
          .port = 0,
          .source_mac = mac,
          .neighbor = neighbor,
          .destination_mac = next_hop};
}

}  // namespace

TEST_CASE("a flow that this engine cannot send is refused with its reason") {
  FlowSpec bad = spec();
  const char* why = "";
  SECTION("an IPv6 target without an IPv6 source") {
    bad.destination.address = *parse_address("2001:db8::1");
    why = "no IPv6 source address";
  }
  SECTION("a next hop of the other family") {
    bad.pin.next_hop_v4 = *parse_address("fe80::1");
    why = "address family";
  }
  SECTION("a flow label for IPv4") {
    bad.flow_label = 1;
    why = "flow label";
  }
  SECTION("three tags") {
    bad.pin.vlans = {1, 2, 3};
    why = "two VLAN tags";
  }
  SECTION("five labels") {
    bad.pin.labels = {16, 17, 18, 19, 20};
    why = "four MPLS labels";
  }
  SECTION("a payload beyond the path's MTU") {
    bad.pin.mtu = 600;
    bad.max_payload = 573;
    why = "572 fit the MTU of 600";
  }
  SECTION("a mark") {
    bad.pin.mark = 7;
    why = "mark";
  }
  SECTION("no IPv4 source address") {
    bad.pin.source_v4.reset();
    why = "no IPv4 source address";
  }
  SECTION("a multicast target") {
    bad.destination.address = *parse_address("224.0.0.1");
    why = "not a unicast address";
  }
  SECTION("UDP port 0") {
    bad.destination.port = 0;
    why = "UDP port 0";
  }
  SECTION("a payload beyond one frame") {
    bad.max_payload = 1473;
    why = "1472 fit the MTU of 1500";
  }
  SECTION("a DSCP that has more than six bits") {
    bad.dscp = 64;
    why = "DSCP";
  }
  FlowTable table;
  const auto flow = table.open(bad, link_to());
  REQUIRE_FALSE(flow);
  CHECK(flow.error().code == Errc::unsupported);
  CHECK_THAT(flow.error().message, Catch::Contains(why));
}

TEST_CASE("a flow that tests the MTU is opened beyond the port's, and sends no longer packet") {
  FlowSpec test = spec();
  test.pin.mtu = 9000;
  test.max_payload = 9000 - packet_headers(false);
  FlowTable table;
  REQUIRE_FALSE(table.open(test, link_to()));
  test.tests_mtu = true;
  const auto flow = table.open(test, link_to());
  REQUIRE(flow);
  CHECK(table.flow(*flow).max_payload == 1472);
}

TEST_CASE("replies find their flow among thousands, and nothing else does") {
  FlowTable table;
  std::set<std::uint16_t> ports;
  for (FlowId id = 0; id < 20000; ++id) {
    REQUIRE(table.open(spec(), link_to()) == id);
    ports.insert(table.flow(id).local_port);
  }
  CHECK(ports.size() == 20000);
  for (FlowId id = 0; id < 20000; ++id) {
    REQUIRE(table.find_reply(0, reply_to(table.flow(id))) == id);
  }
  auto tuple = reply_to(table.flow(17));
  CHECK(table.find_reply(1, tuple) == no_flow);
  CHECK(table.find_request(0, {tuple.kind, tuple.destination, tuple.source, tuple.destination_port,
                               tuple.source_port}) == 17);
  SECTION("from another address") { ++tuple.source.low; }
  SECTION("from another port") { ++tuple.source_port; }
  SECTION("to another address") { ++tuple.destination.low; }
  SECTION("to a port without a flow") { tuple.destination_port = 1; }
  SECTION("by another protocol") { tuple.kind = FlowKind::icmp_echo; }
  CHECK(table.find_reply(0, tuple) == no_flow);
}

TEST_CASE("flows may share a source port as long as their addresses differ") {
  FlowTable table;
  const auto a = table.open(spec("192.0.2.1", 50000), link_to());
  const auto b = table.open(spec("192.0.2.2", 50000), link_to());
  const auto c = table.open(spec("192.0.2.3", 50000), link_to());
  REQUIRE((a && b && c));
  const auto again = table.open(spec("192.0.2.2", 50000), link_to());
  REQUIRE_FALSE(again);
  CHECK_THAT(again.error().message, Catch::Contains("another flow has the same"));

  const auto tuple_b = reply_to(table.flow(*b));
  CHECK(table.find_reply(0, tuple_b) == *b);
  table.close(*b);
  CHECK_FALSE(table.is_open(*b));
  CHECK(table.find_reply(0, tuple_b) == no_flow);
  CHECK(table.find_reply(0, reply_to(table.flow(*a))) == *a);
  CHECK(table.find_reply(0, reply_to(table.flow(*c))) == *c);
  CHECK(table.open(spec("192.0.2.2", 50000), link_to()) == *b);  // ids stay dense
  table.close(*b);
  table.close(*b);
  table.close(12345);
}

TEST_CASE("a flow is ready when its own next hop is known") {
  FlowTable table;
  const auto first = table.open(spec(), link_to(0, 0));
  const auto second = table.open(spec(), link_to(0, 1));
  const auto third = table.open(spec(), link_to(0, 1, router));
  CHECK_FALSE(table.flow(*first).resolved);
  CHECK(table.flow(*third).resolved);
  table.set_neighbor(0, 1, router);
  CHECK_FALSE(table.flow(*first).resolved);
  CHECK(table.flow(*second).resolved);
  std::vector<std::byte> frame(longest_frame);
  table.frame(*second).write(frame.data(), {}, 0);
  CHECK(frame[5] == std::byte{2});
  CHECK(frame[11] == std::byte{1});
}

TEST_CASE("with all ports in use, flows to different targets share them") {
  FlowTable table;
  std::set<std::pair<std::uint16_t, std::uint64_t>> tuples;
  for (int i = 0; i < 120'000; ++i) {
    FlowSpec one = spec();
    one.destination.address = Ipv4{0xc0000000U + static_cast<unsigned>(i) % 4};
    const auto flow = table.open(one, link_to());
    REQUIRE(flow);
    const auto& its = table.flow(*flow);
    REQUIRE(tuples.insert({its.local_port, its.remote.low}).second);
    if (i % 1000 == 0) REQUIRE(table.find_reply(0, reply_to(its)) == *flow);
  }
}

TEST_CASE("a thread has the ports of its remainder, and refuses others") {
  FlowTable table{PortShare{1, 3}};
  for (int i = 0; i < 1000; ++i) {
    const auto flow = table.open(spec(), link_to());
    REQUIRE(flow);
    CHECK(table.flow(*flow).local_port % 3 == 1);
  }
  const auto foreign = table.open(spec("192.0.2.1", 3000), link_to());
  REQUIRE_FALSE(foreign);
  CHECK_THAT(foreign.error().message, Catch::Contains("another polling thread"));
  CHECK(table.open(spec("192.0.2.1", 3001), link_to()));
}

TEST_CASE("flows on two VLANs with the same addresses are two flows") {
  FlowTable table;
  const auto first = table.open(spec("192.0.2.1", 50000), link_to(0));
  const auto second = table.open(spec("192.0.2.1", 50000), link_to(1));
  REQUIRE((first && second));
  const auto tuple = reply_to(table.flow(*first));
  CHECK(table.find_reply(0, tuple) == *first);
  CHECK(table.find_reply(1, tuple) == *second);
  CHECK(table.find_reply(2, tuple) == no_flow);
}

TEST_CASE("nothing is sent from an address in conflict") {
  FlowTable table;
  const auto flow = table.open(spec(), link_to());
  const WireAddress local{Ipv4{0x0a000001}};
  table.set_blocked(0, local, true);
  CHECK(table.flow(*flow).blocked);
  table.set_blocked(0, WireAddress{Ipv4{0x0a000002}}, false);
  CHECK(table.flow(*flow).blocked);
  table.set_blocked(0, local, false);
  CHECK_FALSE(table.flow(*flow).blocked);
}

TEST_CASE("the flow label follows from the five-tuple alone") {
  const auto label_of = [](const FlowTable& table, FlowId flow) {
    std::vector<std::byte> frame(longest_frame);
    table.frame(flow).write(frame.data(), {}, 0);
    return load<std::uint32_t>(frame, 14) & 0xfffffU;
  };
  FlowSpec v6 = spec("2001:db8::1");
  v6.pin.source_v6 = *parse_address("2001:db8::2");
  std::set<std::uint32_t> labels;
  FlowTable table;
  FlowTable again;
  for (int i = 0; i < 100; ++i) {
    const auto a = table.open(v6, link_to());
    const auto b = again.open(v6, link_to());
    REQUIRE((a && b));
    CHECK(label_of(table, *a) == label_of(again, *b));
    CHECK(label_of(table, *a) != 0);
    labels.insert(label_of(table, *a));
  }
  CHECK(labels.size() > 95);
  v6.flow_label = 0x12345;
  CHECK(label_of(table, *table.open(v6, link_to())) == 0x12345);
}
