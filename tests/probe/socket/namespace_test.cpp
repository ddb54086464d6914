// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <thread>

#include "probe/socket/socket_transport.hpp"
#include "tests/probe/socket/loopback.hpp"
#include "tests/probe/socket/namespace_pair.hpp"

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::test;
using std::chrono::milliseconds;

namespace {

std::vector<std::byte> octets(std::size_t count) {
  return std::vector<std::byte>(count, std::byte{0x5a});
}

std::size_t datagrams(const std::vector<Kept>& got) {
  return count_of(got, Arrival::Kind::datagram);
}

// The addresses that `count` probes of the flow reach the far end from.
std::vector<std::string> sources_seen(Transport& transport, UdpPeer& peer, FlowId flow,
                                      std::uint32_t count) {
  for (std::uint32_t tag = 0; tag < count; ++tag)
    REQUIRE(send_one(transport, flow, tag, octets(44)));
  std::this_thread::sleep_for(milliseconds{20});
  std::vector<std::string> seen;
  for (const auto& datagram : peer.receive()) seen.push_back(datagram.from.address.to_string());
  return seen;
}

}  // namespace

TEST_CASE("over veth no transmit or receive stamp of the kernel is missing") {
  if (!NamespacePair::allowed()) return;
  const auto* const far_address = GENERATE("192.0.2.2", "2001:db8:1::2");
  CAPTURE(far_address);
  const NamespacePair pair;
  pair.enter_far();
  UdpPeer peer{far_address};
  pair.enter_near();
  const auto transport = open_transport();
  const auto flow = transport->open_flow(udp_flow(peer.endpoint()));
  REQUIRE(flow.has_value());
  // Neighbour discovery delays the first packet, and its stamp with it.
  REQUIRE(send_one(*transport, *flow, 0, octets(44)));
  (void)receive_until(*transport, [](const auto& got) { return !got.empty(); });
  std::this_thread::sleep_for(milliseconds{5});
  peer.echo();
  (void)receive_until(*transport, [](const auto& got) { return !got.empty(); });

  for (std::uint32_t tag = 1; tag <= 1000; ++tag) {
    Stamp sent;
    REQUIRE(send_one(*transport, *flow, tag, octets(44), &sent));
    peer.echo();
    const auto all = receive_until(*transport, [](const auto& got) { return got.size() == 2; });
    const Arrival* const left = first_of(all, Arrival::Kind::transmit_stamp);
    const Arrival* const came = first_of(all, Arrival::Kind::datagram);
    CAPTURE(tag);
    REQUIRE(left != nullptr);
    REQUIRE(came != nullptr);
    REQUIRE(left->tag == tag);
    REQUIRE(left->received.source == StampSource::kernel);
    REQUIRE(came->received.source == StampSource::kernel);
    REQUIRE(left->received.mono >= sent.mono);
    REQUIRE(came->received.mono > left->received.mono);
  }
  CHECK(transport->counters().errors.empty());
}

TEST_CASE("a flow leaves by the device, mark or source address of its path") {
  if (!NamespacePair::allowed()) return;
  struct Case {
    const char* description;
    std::function<void(PathPin&)> pin;
    const char* source;
  };
  const auto c = GENERATE(values<Case>({
      {"nothing: the main table", [](PathPin&) {}, "192.0.2.1"},
      {"device va", [](PathPin& pin) { pin.device = "va"; }, "192.0.2.1"},
      {"device vb", [](PathPin& pin) { pin.device = "vb"; }, "198.51.100.1"},
      {"mark", [](PathPin& pin) { pin.mark = 7; }, "198.51.100.1"},
      {"source", [](PathPin& pin) { pin.source_v4 = parse_address("198.51.100.1").value(); },
       "198.51.100.1"},
      {"second source", [](PathPin& pin) { pin.source_v4 = parse_address("192.0.2.11").value(); },
       "192.0.2.11"},
  }));
  CAPTURE(c.description);
  const NamespacePair pair;
  pair.in_near("ip address add 192.0.2.11/24 dev va");
  pair.in_near("ip route add 203.0.113.0/24 via 198.51.100.2 metric 100");
  pair.in_near(
      "ip route add 203.0.113.0/24 via 198.51.100.2 table 7 && ip rule add fwmark 7 table 7");
  pair.enter_far();
  UdpPeer peer{"203.0.113.1"};
  pair.enter_near();
  const auto transport = open_transport();
  auto spec = udp_flow(peer.endpoint());
  c.pin(spec.pin);
  const auto flow = transport->open_flow(spec);
  REQUIRE(flow.has_value());
  const auto seen = sources_seen(*transport, peer, *flow, 5);
  CHECK(seen == std::vector<std::string>(5, c.source));
}

TEST_CASE("echo works on a ping socket and on a raw one, over IPv4 and IPv6") {
  if (!NamespacePair::allowed()) return;
  const auto* const groups = GENERATE("1 0", "0 2147483647");
  const auto* const address = GENERATE("192.0.2.2", "2001:db8:1::2");
  CAPTURE(groups, address);
  const NamespacePair pair;
  pair.in_near(std::string{"sysctl -qw net.ipv4.ping_group_range=\""} + groups + "\"");
  pair.enter_near();
  const auto transport = open_transport();
  const auto flow = transport->open_flow(echo_flow(address));
  REQUIRE(flow.has_value());
  for (std::uint32_t tag = 0; tag < 200; ++tag) {
    REQUIRE(send_one(*transport, *flow, tag, octets(56)));
    const auto all = receive_until(*transport, [](const auto& got) { return got.size() == 2; });
    CAPTURE(tag);
    REQUIRE(datagrams(all) == 1);
    const Arrival* const came = first_of(all, Arrival::Kind::datagram);
    CHECK(came->tag == tag);
    CHECK(came->hop_limit == 64);
    CHECK(all.back().payload == octets(56));
    CHECK(came->received.source == StampSource::kernel);
  }
}

TEST_CASE("other programs' pings do not reach a raw ICMP flow") {
  if (!NamespacePair::allowed()) return;
  const NamespacePair pair;
  pair.enter_near();
  const auto transport = open_transport({.raw_icmp = true});
  const auto flow = transport->open_flow(echo_flow("192.0.2.2"));
  REQUIRE(flow.has_value());
  pair.in_near("ping -q -c 20 -i 0.002 192.0.2.2 >/dev/null");
  REQUIRE(send_one(*transport, *flow, 1, octets(56)));
  const auto all = receive_until(*transport, [](const auto& got) { return datagrams(got) > 0; });
  CHECK(datagrams(all) == 1);
  const auto counters = transport->counters();
  CHECK(counters.received == 1);
  CHECK(counters.ignored.empty());
}

TEST_CASE("a router's refusal arrives as an ICMP error of the right flow") {
  if (!NamespacePair::allowed()) return;
  const bool echo = GENERATE(false, true);
  const bool raw = GENERATE(false, true);
  CAPTURE(echo, raw);
  const NamespacePair pair;
  pair.in_near("sysctl -qw net.ipv4.ping_group_range=\"0 2147483647\"");
  pair.enter_near();
  const auto transport = open_transport({.raw_icmp = raw});
  auto good = echo ? echo_flow("192.0.2.2") : udp_flow({parse_address("192.0.2.2").value(), 9});
  auto bad = good;
  bad.destination.address = parse_address("203.0.113.9").value();
  REQUIRE(transport->open_flow(good).has_value());
  const auto flow = transport->open_flow(bad);
  REQUIRE(flow.has_value());
  REQUIRE(send_one(*transport, *flow, 77, octets(56)));
  const auto all = receive_until(
      *transport, [](const auto& got) { return count_of(got, Arrival::Kind::icmp_error) > 0; });
  const Arrival* const error = first_of(all, Arrival::Kind::icmp_error);
  REQUIRE(error != nullptr);
  CHECK(error->flow == *flow);
  CHECK(error->icmp_type == 3);
  CHECK(error->icmp_code == 1);  // host unreachable
  CHECK(error->source.address.to_string() == "192.0.2.2");
  CHECK(error->tag == (echo ? 77 : 0));
}

TEST_CASE("a probe that has no way out is passed over, and no stamp goes to another probe") {
  if (!NamespacePair::allowed()) return;
  const NamespacePair pair;
  pair.in_near("ip route add unreachable 203.0.113.50");
  pair.enter_far();
  UdpPeer peer{"192.0.2.2"};
  pair.enter_near();
  const auto transport = open_transport();
  const auto good = transport->open_flow(udp_flow(peer.endpoint()));
  const auto bad = transport->open_flow(udp_flow({parse_address("203.0.113.50").value(), 862}));
  REQUIRE(good.has_value());
  REQUIRE(bad.has_value());
  CHECK(transport->local_port(*good) == transport->local_port(*bad));
  REQUIRE(send_one(*transport, *good, 0, octets(44)));  // finds the neighbour
  (void)receive_until(*transport, [](const auto& got) { return got.size() == 1; });

  const auto payload = octets(44);
  std::vector<Departure> burst;
  for (std::uint32_t tag = 1; tag <= 60; ++tag) {
    burst.push_back(
        {.flow = tag % 3 == 0 ? *bad : *good, .tag = tag, .payload = payload, .sent = {}});
  }
  REQUIRE(transport->send(burst) == burst.size());
  for (const Departure& departure : burst) {
    CHECK(departure.refused == (departure.flow == *bad));
    if (departure.flow == *good) CHECK(departure.stamp_follows);
  }
  CHECK(transport->counters().errors.at("send-unreachable") == 20);
  const auto all = receive_until(
      *transport, [](const auto& got) { return got.size() >= 40; }, milliseconds{200});
  REQUIRE(all.size() == 40);
  for (const Kept& kept : all) {
    CHECK(kept.arrival.kind == Arrival::Kind::transmit_stamp);
    CHECK(kept.arrival.flow == *good);
    const Departure& departure = burst[kept.arrival.tag - 1];
    CHECK(departure.flow == *good);
    CHECK(kept.arrival.received.mono >= departure.sent.mono);
    CHECK(kept.arrival.received.mono <= departure.sent.mono + departure.sent.uncertainty);
  }
  std::this_thread::sleep_for(milliseconds{5});
  CHECK(peer.receive().size() == 41);
}

TEST_CASE("a probe whose hop limit ends on the way names the router that ended it") {
  if (!NamespacePair::allowed()) return;
  const NamespacePair pair;
  pair.in_far("ip route add 203.0.113.77/32 via 198.51.100.1");
  pair.enter_near();
  const auto transport = open_transport();
  auto spec = echo_flow("203.0.113.77");
  spec.hop_limit = 1;
  const auto flow = transport->open_flow(spec);
  REQUIRE(flow.has_value());
  REQUIRE(send_one(*transport, *flow, 1, octets(56)));
  const auto all = receive_until(
      *transport, [](const auto& got) { return count_of(got, Arrival::Kind::icmp_error) > 0; });
  const Arrival* const error = first_of(all, Arrival::Kind::icmp_error);
  REQUIRE(error != nullptr);
  CHECK(error->icmp_type == 11);  // time exceeded
  CHECK(error->source.address.to_string() == "192.0.2.2");
}

TEST_CASE("a probe longer than the MTU leaves in fragments, beside short ones of its socket") {
  if (!NamespacePair::allowed()) return;
  const auto* const network = GENERATE("10.7.0", "2001:db8:7:");
  CAPTURE(network);
  const NamespacePair pair;
  pair.in_far("ip route add local 10.7.0.0/16 dev lo");
  pair.in_far("ip -6 route add local 2001:db8:7::/64 dev lo");
  pair.in_near("ip route add 10.7.0.0/16 via 192.0.2.2");
  pair.in_near("ip -6 route add 2001:db8:7::/64 via 2001:db8:1::2");
  pair.enter_near();
  const auto transport = open_transport();
  const std::string between = std::string_view{network}.ends_with(':') ? ":" : ".";
  std::uint32_t tag = 0;
  for (const std::size_t size : {56U, 524U, 525U, 1472U, 1473U, 8000U, 56U}) {
    CAPTURE(size);
    auto spec = echo_flow(network + between + std::to_string(++tag));
    spec.max_payload = size;
    const auto flow = transport->open_flow(spec);
    REQUIRE(flow.has_value());
    REQUIRE(send_one(*transport, *flow, tag, octets(size)));
    const auto all = receive_until(*transport, [](const auto& got) { return datagrams(got) == 1; });
    REQUIRE(datagrams(all) == 1);
    CHECK(first_of(all, Arrival::Kind::datagram)->tag == tag);
  }
  CHECK(transport->counters().errors.empty());
}

TEST_CASE("a thousand echo flows are all answered, each to its own flow") {
  if (!NamespacePair::allowed()) return;
  const NamespacePair pair;
  pair.in_far("ip route add local 10.7.0.0/16 dev lo && sysctl -qw net.ipv4.icmp_ratelimit=0");
  pair.in_near("ip route add 10.7.0.0/16 via 192.0.2.2");
  pair.enter_near();
  const auto transport = open_transport();
  std::vector<Departure> burst;
  const auto payload = octets(56);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const boost::asio::ip::address_v4 address{0x0a070001U + i};
    const auto flow = transport->open_flow(echo_flow(address.to_string()));
    REQUIRE(flow.has_value());
    burst.push_back({.flow = *flow, .tag = i, .payload = payload, .sent = {}});
  }
  REQUIRE(transport->send(burst) == burst.size());
  const auto all =
      receive_until(*transport, [](const auto& got) { return datagrams(got) == 1000; });
  REQUIRE(datagrams(all) == 1000);
  for (const Kept& kept : all) CHECK(kept.arrival.tag == kept.arrival.flow);
  CHECK(transport->counters().errors.empty());
}

// The median of 200 round trips by both kernel stamps.
Nanos median_by_stamps(Transport& transport, FlowId flow, std::uint32_t first_tag) {
  std::vector<Nanos> ours;
  for (std::uint32_t tag = first_tag; tag < first_tag + 200; ++tag) {
    REQUIRE(send_one(transport, flow, tag, octets(56)));
    const auto all = receive_until(transport, [](const auto& got) { return got.size() == 2; });
    const Arrival* const left = first_of(all, Arrival::Kind::transmit_stamp);
    const Arrival* const came = first_of(all, Arrival::Kind::datagram);
    REQUIRE(left != nullptr);
    REQUIRE(came != nullptr);
    ours.push_back(came->received.mono - left->received.mono);
    std::this_thread::sleep_for(milliseconds{1});
  }
  std::ranges::sort(ours);
  return ours[ours.size() / 2];
}

TEST_CASE("the round trip by kernel stamps is no longer than what ping sees") {
  if (!NamespacePair::allowed()) return;
  const NamespacePair pair;
  pair.enter_near();
  const auto transport = open_transport();
  const auto flow = transport->open_flow(echo_flow("192.0.2.2"));
  REQUIRE(flow.has_value());
  // In turns, until it is seen: what others do on the machine meets one of the two only.
  bool seen = false;
  for (std::uint32_t round = 0; round < 5 && !seen; ++round) {
    const Nanos median = median_by_stamps(*transport, *flow, round * 200);
    // "rtt min/avg/max/mdev = 0.018/0.031/0.140/0.010 ms"
    const auto text = pair.output_in_near("ping -q -c 200 -i 0.002 192.0.2.2");
    const auto equals = text.find(" = ");
    REQUIRE(equals != std::string::npos);
    const double ping_mean = std::stod(text.substr(text.find('/', equals) + 1));
    UNSCOPED_INFO(text << "ours: " << median.count() << " ns");
    CHECK(median > Nanos{500});  // two crossings of a veth take longer than that
    seen = static_cast<double>(median.count()) < ping_mean * 1e6;
  }
  CHECK(seen);
}
