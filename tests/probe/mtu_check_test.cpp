// SPDX-License-Identifier: Apache-2.0
#include "probe/mtu_check.hpp"

#include <catch2/catch.hpp>
#include <functional>
#include <optional>

#include "tests/probe/prober_fixture.hpp"

using namespace strait;
using namespace strait::probe;
using namespace std::chrono_literals;

namespace {

constexpr Nanos interval = 5min;
constexpr Nanos one_round = 5s;  // three tries, and 3 s for the last one's answer

Address address(const char* text) { return parse_address(text).value(); }

MtuCheck check_of(bool v6, FlowKind kind, std::size_t mtu = 1500) {
  MtuCheck check;
  check.path = "atlas";
  check.flow.kind = kind;
  check.flow.destination = {address(v6 ? "2001:db8:9::1" : "203.0.113.1"),
                            kind == FlowKind::udp ? std::uint16_t{862} : std::uint16_t{0}};
  check.flow.max_payload = mtu - header_octets(v6);
  check.session_octets = static_cast<std::uint32_t>(44 + header_octets(v6));
  return check;
}

// What a router says of a packet that its next link does not take.
Arrival too_big(const FakeTransport::Sent& sent, std::uint32_t takes) {
  const bool v6 = sent.flow_spec.destination.address.is_v6();
  Arrival arrival;
  arrival.kind = Arrival::Kind::icmp_error;
  arrival.flow = sent.flow;
  arrival.tag = sent.flow_spec.kind == FlowKind::icmp_echo ? sent.tag : 0;
  arrival.source = {address(v6 ? "2001:db8:1::2" : "192.0.2.2"), 0};
  arrival.icmp_type = v6 ? 2 : 3;
  arrival.icmp_code = v6 ? 0 : 4;
  arrival.icmp_mtu = takes;
  return arrival;
}

// A checker over a network that takes packets of so many octets, and reflects them.
struct Mtus {
  FakeClock clock{test_start};
  FakeTransport net{clock};
  std::vector<std::size_t> sizes;  // of the IP packets sent
  std::size_t takes = 1500;
  bool silent = false;                // nothing is answered
  std::optional<std::uint32_t> says;  // of what is too long
  Nanos one_way = 20ms;
  std::optional<MtuChecker> checker;
  std::size_t passed_on = 0;

  explicit Mtus(const MtuCheck& check) {
    net.network = [this](const FakeTransport::Sent& sent) {
      CHECK(sent.flow_spec.tests_mtu);
      sizes.push_back(sent.payload.size() +
                      header_octets(sent.flow_spec.destination.address.is_v6()));
      if (silent) return;
      if (sizes.back() <= takes) {
        net.reflect(sent, one_way);
      } else if (says) {
        net.deliver(one_way, too_big(sent, *says));
      }
    };
    checker.emplace(net, 1);
    checker->check({check}, interval);
  }

  void run(Nanos length) {
    const MonoTime end = clock.now().mono + length;
    std::vector<Arrival> burst(8);
    while (clock.now().mono < end) {
      checker->wait(end);
      passed_on += checker->receive(burst);
    }
  }

  [[nodiscard]] const MtuState& state() const { return checker->states().at(0); }
  [[nodiscard]] MtuStanding standing() const { return state().standing; }
};

using Sizes = std::vector<std::size_t>;

}  // namespace

TEST_CASE("a path that answers a packet of its whole MTU is ok after one try") {
  const bool v6 = GENERATE(false, true);
  const FlowKind kind = GENERATE(FlowKind::udp, FlowKind::icmp_echo);
  CAPTURE(v6, static_cast<int>(kind));
  Mtus mtus{check_of(v6, kind)};
  CHECK(mtus.standing() == MtuStanding::pending);
  mtus.run(one_round);
  CHECK(mtus.standing() == MtuStanding::ok);
  CHECK(mtus.state().octets == 1500U);
  CHECK(mtus.state().reason == "1500 octets were answered");
  CHECK(mtus.sizes == Sizes{small_mtu_payload + header_octets(v6), 1500});
  CHECK(mtus.passed_on == 0);
  CHECK(mtus.checker->counters().sent == 0);
  CHECK(mtus.checker->counters().received == 0);
  CHECK(mtus.checker->counters().ignored.empty());
}

TEST_CASE("a TWAMP-Light reflector's answer proves the MTU too") {
  MtuCheck check = check_of(false, FlowKind::udp);
  check.twamp_light = true;
  Mtus mtus{check};
  mtus.run(one_round);
  CHECK(mtus.standing() == MtuStanding::ok);
}

TEST_CASE("who refuses a packet for its length says what the path takes") {
  struct Case {
    const char* description;
    bool v6;
    std::uint32_t says;
    std::optional<std::uint32_t> octets;
    const char* reason;
  };
  const std::vector<Case> cases{
      {"IPv4", false, 1400, 1400U, "1400 says 192.0.2.2"},
      {"IPv6", true, 1400, 1400U, "1400 says 2001:db8:1::2"},
      {"a router from before RFC 1191", false, 0, {}, "192.0.2.2 says so, and not what would fit"},
      {"as much as was sent", false, 1500, {}, "192.0.2.2 says so, and not what would fit"},
      {"less than IPv4 allows", false, 67, {}, "192.0.2.2 says so, and not what would fit"},
  };
  const FlowKind kind = GENERATE(FlowKind::udp, FlowKind::icmp_echo);
  for (const Case& each : cases) {
    CAPTURE(each.description, static_cast<int>(kind));
    Mtus mtus{check_of(each.v6, kind)};
    mtus.takes = 1400;
    mtus.says = each.says;
    mtus.run(one_round);
    CHECK(mtus.standing() == MtuStanding::too_small);
    CHECK(mtus.state().octets == each.octets);
    CHECK(mtus.state().reason == each.reason);
    CHECK(mtus.sizes.size() == 2);  // that settles it
    CHECK(mtus.state().sessions_fit);
  }
}

TEST_CASE("of an IPv6 link that takes less than any may nobody's word is heard") {
  Mtus mtus{check_of(true, FlowKind::udp)};
  mtus.takes = 1400;
  mtus.says = 1279;
  mtus.run(one_round);
  CHECK(mtus.standing() == MtuStanding::too_small);
  CHECK(mtus.sizes.size() == 6);  // the silence had to show it
  CHECK_FALSE(mtus.state().octets.has_value());
}

TEST_CASE("silence is too small only beside small packets that are answered") {
  Mtus mtus{check_of(false, FlowKind::udp)};
  mtus.takes = 1400;
  mtus.run(2s);
  CHECK(mtus.standing() == MtuStanding::pending);  // the last answer may still come
  mtus.run(3s);
  CHECK(mtus.standing() == MtuStanding::too_small);
  CHECK_FALSE(mtus.state().octets.has_value());
  CHECK(mtus.state().reason == "none of 3 packets of that size was answered, and small ones were");
  CHECK(mtus.sizes == Sizes{72, 1500, 72, 1500, 72, 1500});
}

TEST_CASE("a path that answers nothing has an MTU that nobody knows") {
  Mtus mtus{check_of(false, FlowKind::icmp_echo)};
  mtus.silent = true;
  mtus.run(one_round);
  CHECK(mtus.standing() == MtuStanding::unknown);
  CHECK_FALSE(mtus.state().octets.has_value());
  CHECK_FALSE(mtus.state().checked.has_value());
  CHECK(mtus.state().reason ==
        "nobody answered 3 packets of 1500 octets, nor the small ones beside them");
}

TEST_CASE("an answer that takes two seconds is one, and one that takes four is not") {
  Mtus mtus{check_of(false, FlowKind::udp)};
  mtus.one_way = 1s;
  mtus.run(one_round);
  CHECK(mtus.standing() == MtuStanding::ok);

  Mtus slow{check_of(false, FlowKind::udp)};
  slow.one_way = 2s;
  slow.run(one_round);
  CHECK(slow.standing() == MtuStanding::unknown);
  CHECK(slow.checker->counters().ignored["late-mtu-answer"] > 0);
}

TEST_CASE("a proof outlasts one silent round, is asked about at once, and falls with the second") {
  Mtus mtus{check_of(false, FlowKind::udp)};
  mtus.run(one_round);
  REQUIRE(mtus.standing() == MtuStanding::ok);
  mtus.takes = 1400;
  const auto rounds = [&] { return mtus.sizes.size() / 6; };
  mtus.sizes.clear();
  while (rounds() < 1) mtus.run(1s);
  mtus.run(4s);
  CHECK(mtus.standing() == MtuStanding::ok);
  const MonoTime suspected = mtus.clock.now().mono;
  while (rounds() < 2) mtus.run(1s);
  CHECK(mtus.clock.now().mono - suspected < 40s);
  mtus.run(4s);
  CHECK(mtus.standing() == MtuStanding::too_small);

  mtus.takes = 1500;
  mtus.run(SelfTest::recheck + one_round);
  CHECK(mtus.standing() == MtuStanding::ok);
  CHECK(mtus.state().octets == 1500U);
}

TEST_CASE("the bottleneck's word ends a proof at once, and outlasts its silence") {
  Mtus mtus{check_of(false, FlowKind::icmp_echo)};
  mtus.run(one_round);
  REQUIRE(mtus.standing() == MtuStanding::ok);
  const std::uint64_t changes = mtus.checker->changes();
  mtus.takes = 1400;
  mtus.says = 1400;
  mtus.run(interval + one_round);
  CHECK(mtus.standing() == MtuStanding::too_small);
  CHECK(mtus.checker->changes() == changes + 1);
  mtus.says.reset();
  mtus.run(interval);
  CHECK(mtus.state().octets == 1400U);
  CHECK(mtus.state().reason == "1400 says 192.0.2.2");
  mtus.says = 1300;
  mtus.takes = 1300;
  mtus.run(interval);
  CHECK(mtus.state().octets == 1300U);
}

TEST_CASE("a path that falls silent keeps what was known for two rounds more") {
  Mtus mtus{check_of(false, FlowKind::udp)};
  mtus.run(one_round);
  mtus.silent = true;
  mtus.run(2 * interval);
  CHECK(mtus.standing() == MtuStanding::ok);
  mtus.run(2 * interval);
  CHECK(mtus.standing() == MtuStanding::unknown);
  CHECK_FALSE(mtus.state().octets.has_value());
}

TEST_CASE("a device that does not take the packet is the bottleneck") {
  Mtus mtus{check_of(false, FlowKind::udp)};
  mtus.net.longest = 1400 - header_octets(false);
  mtus.net.device_mtu = GENERATE(0U, 1400U);
  mtus.run(one_round);
  CHECK(mtus.standing() == MtuStanding::too_small);
  const bool known = mtus.net.device_mtu > 0;
  CHECK(mtus.state().octets.has_value() == known);
  CHECK(mtus.state().reason ==
        (known ? "the device here takes 1400" : "the device here does not take that"));
  CHECK(mtus.checker->counters().sent == 0);
  CHECK(mtus.checker->counters().ignored.empty());
}

TEST_CASE("a probe that cannot leave says nothing of the MTU") {
  Mtus mtus{check_of(false, FlowKind::udp)};
  mtus.net.refuses = [](FlowId) { return true; };
  mtus.run(one_round);
  CHECK(mtus.standing() == MtuStanding::unknown);
  CHECK(mtus.state().reason ==
        "its probe cannot be sent: no route, or the next hop does not answer");
}

TEST_CASE("sessions longer than what the path takes are noticed") {
  struct Case {
    std::uint32_t session;
    std::optional<std::uint32_t> says;
    bool fit;
  };
  for (const Case& each : {Case{1400, 1400, true}, Case{1401, 1400, false}, Case{1499, {}, true},
                           Case{1500, {}, false}, Case{1501, 1400, false}}) {
    CAPTURE(each.session);
    MtuCheck check = check_of(false, FlowKind::udp);
    check.session_octets = each.session;
    Mtus mtus{check};
    mtus.takes = 1300;
    mtus.says = each.says;
    mtus.run(one_round);
    CHECK(mtus.state().sessions_fit == each.fit);
    CHECK(mtus.state().session_octets == each.session);
  }
}

TEST_CASE("what is no answer to this round's packets proves nothing") {
  struct Case {
    const char* description;
    FlowKind kind;
    std::function<void(Arrival&, std::vector<std::byte>&)> spoil;
  };
  const std::vector<Case> cases{
      {"another cookie", FlowKind::icmp_echo, [](auto&, auto& p) { p[0] ^= std::byte{1}; }},
      {"another sequence number", FlowKind::udp, [](auto&, auto& p) { p[24] ^= std::byte{1}; }},
      {"cut off", FlowKind::udp, [](auto&, auto& p) { p.resize(20); }},
      {"empty", FlowKind::icmp_echo, [](auto&, auto& p) { p.clear(); }},
  };
  for (const Case& each : cases) {
    CAPTURE(each.description);
    Mtus mtus{check_of(false, each.kind)};
    mtus.net.network = [&](const auto& sent) { mtus.net.reflect(sent, 20ms, 0ms, each.spoil); };
    mtus.run(one_round);
    CHECK(mtus.standing() == MtuStanding::unknown);
    CHECK(mtus.checker->counters().ignored["late-mtu-answer"] == 6);
  }
}

TEST_CASE("other refusals are not about the length") {
  Mtus mtus{check_of(false, FlowKind::udp)};
  mtus.net.network = [&](const auto& sent) {
    Arrival arrival = too_big(sent, 1400);
    arrival.icmp_code = 3;
    mtus.net.deliver(20ms, arrival);
  };
  mtus.run(one_round);
  CHECK(mtus.standing() == MtuStanding::unknown);
  CHECK(mtus.state().reason == "192.0.2.2 refused a probe (ICMP type 3, code 3)");
}

TEST_CASE("a check that stays keeps its state, and a new MTU is tested anew") {
  const MtuCheck check = check_of(false, FlowKind::udp);
  Mtus mtus{check};
  mtus.takes = 1400;
  mtus.says = 1400;
  mtus.run(one_round);
  mtus.checker->check({check, check_of(true, FlowKind::udp, 1400)}, interval);
  CHECK(mtus.standing() == MtuStanding::too_small);
  CHECK(mtus.checker->states().at(1).standing == MtuStanding::pending);
  mtus.checker->check({check_of(false, FlowKind::udp, 1400)}, interval);
  CHECK(mtus.standing() == MtuStanding::pending);
  CHECK(mtus.net.closed.size() == 2);
  mtus.run(one_round);
  CHECK(mtus.standing() == MtuStanding::ok);
  CHECK(mtus.state().octets == 1400U);
}
