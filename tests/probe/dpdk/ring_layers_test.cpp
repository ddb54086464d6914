// SPDX-License-Identifier: Apache-2.0
// The transport with IPv6, tags and labels, two paths on one trunk, and addresses in conflict.
#include <cstring>

#include "tests/probe/dpdk/far_end.hpp"

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::dpdk;
using namespace std::chrono_literals;

namespace {

struct Way {
  const char* name;
  std::vector<std::uint16_t> vlans;
  std::vector<std::uint32_t> labels;
};

}  // namespace

TEST_CASE("a probe and its reply pass through every kind of encapsulation") {
  const Way way = GENERATE(values<Way>({{"untagged", {}, {}},
                                        {"vlan", {101}, {}},
                                        {"qinq", {300, 101}, {}},
                                        {"mpls", {}, {16001, 24}},
                                        {"both", {101}, {16001}}}));
  const bool v6 = GENERATE(false, true);
  const FlowKind kind = GENERATE(FlowKind::udp, FlowKind::icmp_echo);
  CAPTURE(way.name, v6, kind == FlowKind::udp);
  auto far = FarEnd::make("layers");
  auto transport = open_transport();
  FlowSpec spec = spec_on(far.wire.left());
  spec.kind = kind;
  spec.pin.vlans = way.vlans;
  spec.pin.labels = way.labels;
  if (v6) spec.destination.address = target_v6;
  if (kind == FlowKind::icmp_echo) spec.destination.port = 0;
  const FlowId flow = open_flow(*transport, spec);
  resolve(*transport, far);
  const Octets payload = octets(44);
  std::array<Departure, 1> burst{Departure{flow, 7, payload}};
  REQUIRE(transport->send(burst) == 1);
  CHECK_FALSE(burst[0].refused);
  far.carry();
  REQUIRE(far.seen.size() == 1);
  const ParsedFrame probe = parse_frame(far.seen[0]);
  CHECK(probe.link.labels == way.labels.size());
  CHECK(probe.link.vlan.outer == (way.vlans.empty() ? 0 : way.vlans.front()));
  const auto arrivals = receive_all(*transport);
  REQUIRE(arrivals.size() == 1);
  CHECK(arrivals[0].flow == flow);
  CHECK(arrivals[0].source.address == spec.destination.address);
  CHECK(Octets(arrivals[0].payload.begin(), arrivals[0].payload.end()) == payload);
}

TEST_CASE("two paths on one trunk have their own next hops and their own replies") {
  auto far = FarEnd::make("trunk");
  auto transport = open_transport();
  FlowSpec first = spec_on(far.wire.left());
  first.pin.vlans = {101};
  FlowSpec second = first;
  second.pin.vlans = {102};
  const FlowId a = open_flow(*transport, first);
  const FlowId b = open_flow(*transport, second);
  resolve(*transport, far);
  const Octets payload = octets(44);
  std::array<Departure, 2> burst{Departure{a, 0, payload}, Departure{b, 0, payload}};
  REQUIRE(transport->send(burst) == 2);
  far.carry();
  REQUIRE(far.seen.size() == 2);
  CHECK(parse_frame(far.seen[0]).link.vlan == Vlan{101, 0});
  CHECK(parse_frame(far.seen[1]).link.vlan == Vlan{102, 0});
  const auto arrivals = receive_all(*transport);
  REQUIRE(arrivals.size() == 2);
  CHECK(arrivals[0].flow == a);
  CHECK(arrivals[1].flow == b);
  // The reply of one on the other's VLAN is nobody's.
  Octets stray = FarEnd::reply_to(far.seen[0]);
  stray[15] = std::byte{103};
  REQUIRE(far.wire.inject(stray, false));
  CHECK(receive_all(*transport).empty());
  CHECK(transport->counters().ignored.at("other-vlan") == 1);
}

TEST_CASE("nothing leaves from an address that somebody else claims") {
  auto far = FarEnd::make("thief");
  std::vector<std::string> events;
  auto transport = open_transport([&](const std::string& event) { events.push_back(event); });
  const FlowId flow = open_flow(*transport, spec_on(far.wire.left()));
  resolve(*transport, far);
  Octets claim(longest_arp_frame);
  claim.resize(
      write_arp(arp_announcement(new_router_mac, Ipv4{0x0a000001}), broadcast_mac, {}, claim));
  REQUIRE(far.wire.inject(claim, false));
  CHECK(receive_all(*transport).empty());
  const Octets payload = octets(44);
  std::array<Departure, 1> burst{Departure{flow, 0, payload}};
  REQUIRE(transport->send(burst) == 1);
  CHECK(burst[0].refused);
  const auto counters = transport->counters();
  CHECK(counters.errors.at("address-conflict") == 1);
  CHECK(counters.errors.at("address-conflict-found") == 1);
  REQUIRE(events.size() == 1);
  CHECK_THAT(events[0], Catch::Contains("10.0.0.1 is also claimed by 02:00:00:00:00:fd"));
}

TEST_CASE("a flood of foreign frames is counted and holds up no reply") {
  auto far = FarEnd::make("flood");
  auto transport = open_transport();
  const FlowId flow = open_flow(*transport, spec_on(far.wire.left()));
  resolve(*transport, far);
  const Octets payload = octets(44);
  std::array<Departure, 1> burst{Departure{flow, 0, payload}};
  REQUIRE(transport->send(burst) == 1);
  Octets junk = octets(60);
  for (int i = 0; i < 200; ++i) REQUIRE(far.wire.inject(junk, false));
  far.carry();
  CHECK(receive_all(*transport).size() == 1);  // in one go: it is behind all of them
  CHECK(transport->counters().ignored.at("not-ip") == 200);
}
