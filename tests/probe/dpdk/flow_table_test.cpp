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
  return {flow.kind, flow.remote, flow.local, flow.remote_port, flow.local_port};
}

}  // namespace

TEST_CASE("a flow that this engine cannot send is refused with its reason") {
  FlowSpec bad = spec();
  const char* why = "";
  SECTION("an IPv6 target") {
    bad.destination.address = *parse_address("2001:db8::1");
    why = "IPv6 is not there yet";
  }
  SECTION("an IPv6 next hop") {
    bad.pin.next_hop_v4 = *parse_address("fe80::1");
    why = "IPv6 is not there yet";
  }
  SECTION("a mark") {
    bad.pin.mark = 7;
    why = "mark";
  }
  SECTION("no source address") {
    bad.pin.source_v4.reset();
    why = "no source address";
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
    why = "an Ethernet frame holds 1472";
  }
  SECTION("a DSCP that has more than six bits") {
    bad.dscp = 64;
    why = "DSCP";
  }
  FlowTable table;
  const auto flow = table.open(table.add_port(), bad, mac, {});
  REQUIRE_FALSE(flow);
  CHECK(flow.error().code == Errc::unsupported);
  CHECK_THAT(flow.error().message, Catch::Contains(why));
}

TEST_CASE("replies find their flow among thousands, and nothing else does") {
  FlowTable table;
  const auto port = table.add_port();
  const auto other = table.add_port();
  std::set<std::uint16_t> ports;
  for (FlowId id = 0; id < 20000; ++id) {
    REQUIRE(table.open(port, spec(), mac, {}) == id);
    ports.insert(table.flow(id).local_port);
  }
  CHECK(ports.size() == 20000);
  for (FlowId id = 0; id < 20000; ++id) {
    REQUIRE(table.find_reply(port, reply_to(table.flow(id))) == id);
  }
  auto tuple = reply_to(table.flow(17));
  CHECK(table.find_reply(other, tuple) == no_flow);
  CHECK(table.find_request(port, {tuple.kind, tuple.destination, tuple.source,
                                  tuple.destination_port, tuple.source_port}) == 17);
  SECTION("from another address") { ++tuple.source; }
  SECTION("from another port") { ++tuple.source_port; }
  SECTION("to another address") { ++tuple.destination; }
  SECTION("to a port without a flow") { tuple.destination_port = 1; }
  SECTION("by another protocol") { tuple.kind = FlowKind::icmp_echo; }
  CHECK(table.find_reply(port, tuple) == no_flow);
}

TEST_CASE("flows may share a source port as long as their addresses differ") {
  FlowTable table;
  const auto port = table.add_port();
  const auto a = table.open(port, spec("192.0.2.1", 50000), mac, {});
  const auto b = table.open(port, spec("192.0.2.2", 50000), mac, {});
  const auto c = table.open(port, spec("192.0.2.3", 50000), mac, {});
  REQUIRE((a && b && c));
  const auto again = table.open(port, spec("192.0.2.2", 50000), mac, {});
  REQUIRE_FALSE(again);
  CHECK_THAT(again.error().message, Catch::Contains("another flow has the same"));

  const auto tuple_b = reply_to(table.flow(*b));
  CHECK(table.find_reply(port, tuple_b) == *b);
  table.close(*b);
  CHECK_FALSE(table.is_open(*b));
  CHECK(table.find_reply(port, tuple_b) == no_flow);
  CHECK(table.find_reply(port, reply_to(table.flow(*a))) == *a);
  CHECK(table.find_reply(port, reply_to(table.flow(*c))) == *c);
  CHECK(table.open(port, spec("192.0.2.2", 50000), mac, {}) == *b);  // ids stay dense
  table.close(*b);
  table.close(*b);
  table.close(12345);
}

TEST_CASE("a flow is ready when its own next hop is known") {
  FlowTable table;
  const auto port = table.add_port();
  const auto first = table.open(port, spec(), mac, {0, {}});
  const auto second = table.open(port, spec(), mac, {1, {}});
  const auto third = table.open(port, spec(), mac, {1, router});
  CHECK_FALSE(table.flow(*first).ready);
  CHECK(table.flow(*third).ready);
  table.set_neighbor(port, 1, router);
  CHECK_FALSE(table.flow(*first).ready);
  CHECK(table.flow(*second).ready);
  std::vector<std::byte> frame(longest_frame);
  table.frame(*second).write(frame.data(), {}, 0);
  CHECK(frame[5] == std::byte{2});
  CHECK(frame[11] == std::byte{1});
}
