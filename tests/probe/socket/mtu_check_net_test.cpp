// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "probe/mtu_check.hpp"
#include "tests/probe/socket/loopback.hpp"
#include "tests/probe/socket/namespace_pair.hpp"

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::test;
using namespace std::chrono_literals;

namespace {

// A third namespace behind the far one, which is its router: 10.9.0.2 and 2001:db8:9::2.
class Beyond {
 public:
  explicit Beyond(const NamespacePair& pair)
      : pair_{pair}, name_{"ste" + std::to_string(::getpid())} {
    run("ip netns delete " + name_ + " 2>/dev/null; ip netns add " + name_);
    pair.in_far("ip link add vc type veth peer name vc netns " + name_);
    pair.in_far("ip address add 10.9.0.1/24 dev vc && ip link set vc up");
    pair.in_far("ip address add 2001:db8:9::1/64 dev vc nodad");
    pair.in_far("sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0");
    pair.in_far("sysctl -qw net.ipv6.conf.all.forwarding=1");
    pair.in_near("ip route add 10.9.0.0/24 via 192.0.2.2");
    pair.in_near("ip route add 2001:db8:9::/64 via 2001:db8:1::2");
    const std::string ip = "ip -n " + name_;
    run(ip + " link set lo up && " + ip + " link set vc up");
    run(ip + " address add 10.9.0.2/24 dev vc && " + ip +
        " address add 2001:db8:9::2/64 dev vc nodad");
    run(ip + " route add default via 10.9.0.1 && " + ip + " route add default via 2001:db8:9::1");
  }
  Beyond(const Beyond&) = delete;
  Beyond& operator=(const Beyond&) = delete;
  Beyond(Beyond&&) = delete;
  Beyond& operator=(Beyond&&) = delete;
  ~Beyond() { (void)!std::system(("ip netns delete " + name_ + " 2>/dev/null").c_str()); }

  // What the router thinks that the link takes, and what it does.
  void link_takes(int routers, int real) const {
    pair_.in_far("ip link set vc mtu " + std::to_string(routers));
    run("ip -n " + name_ + " link set vc mtu " + std::to_string(real));
  }

 private:
  static void run(const std::string& command) {
    CAPTURE(command);
    REQUIRE(std::system(command.c_str()) == 0);
  }

  const NamespacePair& pair_;
  std::string name_;
};

MtuCheck check_of(bool v6, FlowKind kind = FlowKind::icmp_echo) {
  MtuCheck check;
  check.path = "atlas";
  check.flow.kind = kind;
  check.flow.destination.address = parse_address(v6 ? "2001:db8:9::2" : "10.9.0.2").value();
  check.flow.destination.port = kind == FlowKind::udp ? 862 : 0;
  check.flow.max_payload = 1500 - header_octets(v6);
  return check;
}

// Until the standing is another one.
void run_from(MtuChecker& checker, MtuStanding standing, Nanos limit = 10s) {
  const MonoTime deadline = checker.now().mono + limit;
  std::array<Arrival, 8> burst;
  while (checker.states().at(0).standing == standing && checker.now().mono < deadline) {
    checker.wait(checker.now().mono + 100ms);
    CHECK(checker.receive(burst) == 0);
  }
}

}  // namespace

TEST_CASE("over sockets a link of 1400 octets behind a router is found, and that it grows") {
  if (!NamespacePair::allowed()) return;
  const bool v6 = GENERATE(false, true);
  CAPTURE(v6);
  const NamespacePair pair;
  const Beyond beyond{pair};
  beyond.link_takes(1400, 1400);
  pair.enter_near();
  const auto transport = open_transport({.raw_icmp = v6});
  MtuChecker checker{*transport};
  checker.check({check_of(v6)}, 1s);
  run_from(checker, MtuStanding::pending);
  const MtuState& state = checker.states().at(0);
  CHECK(state.standing == MtuStanding::too_small);
  CHECK(state.octets == 1400U);
  CHECK(state.reason == (v6 ? "1400 says 2001:db8:1::2" : "1400 says 192.0.2.2"));

  // The kernel still remembers that the path takes 1400.
  beyond.link_takes(1500, 1500);
  run_from(checker, MtuStanding::too_small);
  CHECK(state.standing == MtuStanding::ok);
  CHECK(state.octets == 1500U);
  CHECK(transport->counters().errors.empty());
}

TEST_CASE("over sockets the refusal of a UDP packet for its length is heard") {
  if (!NamespacePair::allowed()) return;
  const bool v6 = GENERATE(false, true);
  CAPTURE(v6);
  const NamespacePair pair;
  const Beyond beyond{pair};
  beyond.link_takes(1400, 1400);
  pair.enter_near();
  const auto transport = open_transport();
  MtuChecker checker{*transport};
  checker.check({check_of(v6, FlowKind::udp)}, 1s);
  run_from(checker, MtuStanding::pending);
  CHECK(checker.states().at(0).standing == MtuStanding::too_small);
  CHECK(checker.states().at(0).octets == 1400U);
}

TEST_CASE("over sockets a link that swallows long packets without a word is found") {
  if (!NamespacePair::allowed()) return;
  const bool v6 = GENERATE(false, true);
  CAPTURE(v6);
  const NamespacePair pair;
  const Beyond beyond{pair};
  beyond.link_takes(1500, 1400);
  pair.enter_near();
  const auto transport = open_transport();
  MtuChecker checker{*transport};
  checker.check({check_of(v6)}, 1s);
  run_from(checker, MtuStanding::pending);
  CHECK(checker.states().at(0).standing == MtuStanding::too_small);
  CHECK_FALSE(checker.states().at(0).octets.has_value());
}

TEST_CASE("over sockets the device's own MTU is the bottleneck when it is smaller") {
  if (!NamespacePair::allowed()) return;
  const bool v6 = GENERATE(false, true);
  const FlowKind kind = GENERATE(FlowKind::udp, FlowKind::icmp_echo);
  CAPTURE(v6, static_cast<int>(kind));
  const NamespacePair pair;
  const Beyond beyond{pair};
  pair.in_near("ip link set va mtu 1400");
  pair.enter_near();
  const auto transport = open_transport();
  MtuChecker checker{*transport};
  checker.check({check_of(v6, kind)}, 1s);
  run_from(checker, MtuStanding::pending);
  CHECK(checker.states().at(0).standing == MtuStanding::too_small);
  CHECK(checker.states().at(0).octets == 1400U);
  CHECK(checker.states().at(0).reason == "the device here takes 1400");
  CHECK(transport->counters().errors.at("send-too-long") == 1);
}

TEST_CASE("over sockets a whole path is ok even where the kernel remembers a smaller one") {
  if (!NamespacePair::allowed()) return;
  const bool v6 = GENERATE(false, true);
  CAPTURE(v6);
  const NamespacePair pair;
  const Beyond beyond{pair};
  pair.in_near(v6 ? "ip route add 2001:db8:9::2/128 via 2001:db8:1::2 mtu 1400"
                  : "ip route add 10.9.0.2/32 via 192.0.2.2 mtu 1400");
  pair.enter_near();
  const auto transport = open_transport();
  MtuChecker checker{*transport};
  checker.check({check_of(v6)}, 1s);
  run_from(checker, MtuStanding::pending);
  CHECK(checker.states().at(0).standing == MtuStanding::ok);
}
