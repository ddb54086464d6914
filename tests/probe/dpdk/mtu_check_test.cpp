// SPDX-License-Identifier: Apache-2.0
#include "probe/mtu_check.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <string>

#include "tests/probe/dpdk/far_end.hpp"

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::dpdk;
using namespace std::chrono_literals;

namespace {

MtuCheck check_on(const FarEnd& far, bool v6, std::size_t mtu) {
  MtuCheck check;
  check.path = "atlas";
  check.flow = spec_on(far.wire.left());
  check.flow.kind = FlowKind::icmp_echo;
  check.flow.destination = {v6 ? target_v6 : Address{Ipv4{0xc0000201}}, 0};
  check.flow.pin.mtu = static_cast<std::uint16_t>(mtu);
  check.flow.max_payload = mtu - header_octets(v6);
  return check;
}

// "Fragmentation needed" or "packet too big" from the router, about this frame of ours.
Octets too_big(const Octets& probe, bool v6, std::uint16_t takes) {
  const std::size_t ip_at = ethernet_header_size;
  const std::size_t ip_size = v6 ? ipv6_header_size : ipv4_header_size;
  FrameFields fields{.kind = FlowKind::icmp_echo,
                     .source_mac = router_mac,
                     .destination_mac = {},
                     .encapsulation = {},
                     .source = router,
                     .destination = Ipv4{0x0a000001}};
  if (v6) {
    fields.source = WireAddress{router_v6};
    fields.destination = WireAddress{local_v6};
  }
  Octets frame(longest_frame);
  frame.resize(
      FrameTemplate{fields}.write(frame.data(), std::span{probe}.subspan(ip_at, ip_size + 8), 0));
  const auto icmp = std::span{frame}.subspan(ip_at + ip_size);
  icmp[0] = v6 ? std::byte{2} : std::byte{3};
  icmp[1] = v6 ? std::byte{0} : std::byte{4};
  store<std::uint32_t>(icmp, 4, takes);
  frame.resize(ip_at + ip_size + 8 + ip_size + 8);
  finish_packet(std::span{frame}.subspan(ip_at));
  return frame;
}

// Carries frames until the first round is over; probes longer than `takes` are refused.
void run(MtuChecker& checker, FarEnd& far, bool v6, std::uint16_t takes) {
  const MonoTime deadline = checker.now().mono + 8s;
  std::array<Arrival, 32> burst;
  far.answers_probes = false;
  while (checker.states().at(0).standing == MtuStanding::pending && checker.now().mono < deadline) {
    checker.wait(checker.now().mono + 1ms);
    far.carry();
    for (const Octets& probe : far.seen) {
      const bool fits = probe.size() <= ethernet_header_size + std::size_t{takes};
      REQUIRE(far.wire.inject(fits ? FarEnd::reply_to(probe) : too_big(probe, v6, takes), false));
    }
    far.seen.clear();
    CHECK(checker.receive(burst) == 0);
  }
}

}  // namespace

TEST_CASE("over dpdk a path that answers 1500 octets is ok") {
  const bool v6 = GENERATE(false, true);
  CAPTURE(v6);
  auto far = FarEnd::make("whole");
  auto transport = open_transport();
  MtuChecker checker{*transport};
  checker.check({check_on(far, v6, 1500)}, 1s);
  run(checker, far, v6, 1500);
  CHECK(checker.states().at(0).standing == MtuStanding::ok);
  CHECK(checker.states().at(0).octets == 1500U);
}

TEST_CASE("over dpdk the router's word of what the next link takes is heard") {
  const bool v6 = GENERATE(false, true);
  CAPTURE(v6);
  auto far = FarEnd::make("narrow");
  auto transport = open_transport();
  MtuChecker checker{*transport};
  checker.check({check_on(far, v6, 1500)}, 1s);
  run(checker, far, v6, 1400);
  CHECK(checker.states().at(0).standing == MtuStanding::too_small);
  CHECK(checker.states().at(0).octets == 1400U);
  CHECK(checker.states().at(0).reason ==
        "1400 says " + (v6 ? router_v6 : Address{router}).to_string());
}

TEST_CASE("over dpdk a port whose MTU is smaller than the path's is the bottleneck") {
  auto far = FarEnd::make("port");
  auto transport = open_transport();
  MtuChecker checker{*transport};
  checker.check({check_on(far, false, 9000)}, 1s);
  run(checker, far, false, 9000);
  CHECK(checker.states().at(0).standing == MtuStanding::too_small);
  CHECK(checker.states().at(0).octets == 1500U);
  CHECK(checker.states().at(0).reason == "the device here takes 1500");
}
