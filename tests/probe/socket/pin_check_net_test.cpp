// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "probe/pin_check.hpp"
#include "tests/probe/socket/loopback.hpp"
#include "tests/probe/socket/namespace_pair.hpp"

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::test;
using namespace std::chrono_literals;

namespace {

// The far end routes on what it does not have itself, and answers by the address at which it was
// asked, as routers do (RFC 1812 section 4.3.2.4).
void make_router(const NamespacePair& pair) {
  pair.in_far(
      "sysctl -qw net.ipv4.icmp_errors_use_inbound_ifaddr=1 net.ipv4.icmp_ratelimit=0 "
      "net.ipv6.icmp.ratelimit=0 net.ipv6.conf.all.forwarding=1");
  pair.in_far("ip route add 203.0.113.64/26 dev vb && ip route add 2001:db8:9::/64 dev vb");
  pair.in_near("ip route add 2001:db8:9::/64 via 2001:db8:1::2");
}

PinCheck check_of(bool v6, FlowKind kind) {
  PinCheck check;
  check.path = "atlas";
  check.flow.kind = kind;
  check.flow.destination.address = parse_address(v6 ? "2001:db8:9::9" : "203.0.113.70").value();
  check.flow.destination.port = kind == FlowKind::udp ? 862 : 0;
  check.flow.hop_limit = 1;
  check.accepted = {parse_address(v6 ? "2001:db8:1::2" : "192.0.2.2").value()};
  return check;
}

}  // namespace

TEST_CASE("the router of the path proves its pin, over IPv4 and IPv6, by UDP and by echo") {
  if (!NamespacePair::allowed()) return;
  const bool v6 = GENERATE(false, true);
  const FlowKind kind = GENERATE(FlowKind::udp, FlowKind::icmp_echo);
  CAPTURE(v6, static_cast<int>(kind));
  const NamespacePair pair;
  make_router(pair);
  pair.enter_near();
  const auto transport = open_transport();
  PinChecker checker{*transport};
  checker.check({check_of(v6, kind)}, 5min);
  checker.settle(3s);
  const PinState& state = checker.states().at(0);
  CHECK(state.standing == PinStanding::ok);
  CHECK(state.reason == (v6 ? "2001:db8:1::2 answered" : "192.0.2.2 answered"));
}

TEST_CASE("policy routing that leads a source address elsewhere fails its pin") {
  if (!NamespacePair::allowed()) return;
  const NamespacePair pair;
  make_router(pair);
  pair.in_near(
      "ip route add default via 198.51.100.2 table 7 && ip rule add from 192.0.2.1 table 7");
  pair.enter_near();
  const auto transport = open_transport();
  PinChecker checker{*transport};
  PinCheck check = check_of(false, FlowKind::udp);
  check.flow.pin.source_v4 = parse_address("192.0.2.1").value();
  checker.check({check}, 1s);
  checker.settle(3s);
  CHECK(checker.states().at(0).standing == PinStanding::failed);
  CHECK(checker.states().at(0).reason == "198.51.100.2 answered, not 192.0.2.2");

  pair.in_near("ip rule del from 192.0.2.1 table 7");
  const auto deadline = transport->now().mono + 10s;
  std::array<Arrival, 8> burst;
  while (checker.states().at(0).standing != PinStanding::ok && transport->now().mono < deadline) {
    checker.wait(transport->now().mono + 100ms);
    CHECK(checker.receive(burst) == 0);
  }
  CHECK(checker.states().at(0).standing == PinStanding::ok);
}

TEST_CASE("a check takes no stamp from the flows that are measured beside it") {
  if (!NamespacePair::allowed()) return;
  const NamespacePair pair;
  make_router(pair);
  pair.enter_far();
  UdpPeer peer{"203.0.113.1"};
  pair.enter_near();
  const auto transport = open_transport();
  PinChecker checker{*transport};
  PinCheck check = check_of(false, FlowKind::udp);
  checker.check({check},
                1s);  // before the measured flow: they must not share a socket all the same
  const auto flow = checker.open_flow(udp_flow(peer.endpoint()));
  REQUIRE(flow.has_value());
  REQUIRE(*flow == 1);
  CHECK(transport->local_port(0) != transport->local_port(*flow));
  std::size_t stamps = 0;
  constexpr std::uint32_t probes = 400;
  std::array<Arrival, 8> burst;
  for (std::uint32_t tag = 0; tag < probes; ++tag) {
    REQUIRE(send_one(checker, *flow, tag, std::vector<std::byte>(44)));
    const auto until = transport->now().mono + 10ms;
    while (transport->now().mono < until) {
      checker.wait(until);
      for (std::size_t got = checker.receive(burst); got > 0; --got) {
        const Arrival& arrival = burst.at(got - 1);
        CHECK(arrival.flow == *flow);
        if (arrival.kind == Arrival::Kind::transmit_stamp) ++stamps;
      }
    }
  }
  CHECK(checker.states().at(0).standing == PinStanding::ok);
  CHECK(stamps == probes);
  CHECK(checker.counters().sent == probes);
  CHECK(checker.counters().received == 0);
  CHECK(transport->counters().sent > probes + 2);
  CHECK(transport->counters().errors.empty());
}
