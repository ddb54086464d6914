// SPDX-License-Identifier: Apache-2.0
#include "probe/pin_check.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <numeric>
#include <set>

#include "tests/probe/prober_fixture.hpp"

using namespace strait;
using namespace strait::probe;
using namespace std::chrono_literals;

namespace {

constexpr Nanos interval = 5min;

Address address(const char* text) { return parse_address(text).value(); }

PinCheck check_of(const std::string& path, const char* target, std::vector<const char*> accepted,
                  FlowKind kind = FlowKind::udp) {
  PinCheck check;
  check.path = path;
  check.flow.kind = kind;
  check.flow.destination = {address(target),
                            kind == FlowKind::udp ? std::uint16_t{862} : std::uint16_t{0}};
  check.flow.hop_limit = 1;
  for (const char* text : accepted) check.accepted.push_back(address(text));
  return check;
}

PinCheck atlas(FlowKind kind = FlowKind::udp) {
  return check_of("atlas", "203.0.113.1", {"192.0.2.2"}, kind);
}

// What a router says of a probe whose hop limit ends there.
Arrival time_exceeded(const FakeTransport::Sent& sent, const char* by) {
  Arrival arrival;
  arrival.kind = Arrival::Kind::icmp_error;
  arrival.flow = sent.flow;
  arrival.tag = sent.flow_spec.kind == FlowKind::icmp_echo ? sent.tag : 0;
  arrival.source = {address(by), 0};
  arrival.icmp_type = sent.flow_spec.destination.address.is_v6() ? 3 : 11;
  return arrival;
}

// A checker over a fake network, and the probes that it has sent.
struct Pins {
  FakeClock clock{test_start};
  FakeTransport net{clock};
  std::vector<FakeTransport::Sent> probes;
  std::function<void(const FakeTransport::Sent&)> answer;
  std::optional<PinChecker> checker;
  std::vector<Arrival> passed_on;

  Pins() {
    net.network = [this](const FakeTransport::Sent& sent) {
      probes.push_back(sent);
      if (answer) answer(sent);
    };
    checker.emplace(net, 1);
  }

  void answers(const char* by, Nanos after = 2ms) {
    answer = [this, by, after](const auto& sent) { net.deliver(after, time_exceeded(sent, by)); };
  }
  void silent() { answer = {}; }

  void run(Nanos length) {
    const MonoTime end = clock.now().mono + length;
    std::vector<Arrival> burst(8);
    while (clock.now().mono < end) {
      checker->wait(end);
      const std::size_t got = checker->receive(burst);
      passed_on.insert(passed_on.end(), burst.begin(),
                       burst.begin() + static_cast<std::ptrdiff_t>(got));
    }
  }

  [[nodiscard]] std::uint64_t stale() { return checker->counters().ignored["late-pin-answer"]; }
  [[nodiscard]] const PinState& state(std::size_t index = 0) const {
    return checker->states().at(index);
  }
  [[nodiscard]] PinStanding standing(std::size_t index = 0) const { return state(index).standing; }
};

}  // namespace

TEST_CASE("what an answer says of a pin follows from who sent it, and from its kind") {
  struct Case {
    const char* description;
    const char* target;
    std::vector<const char*> accepted;
    Arrival::Kind kind;
    const char* by;
    std::uint8_t type;
    std::uint8_t code;
    PinAnswer wanted;
  };
  constexpr auto error = Arrival::Kind::icmp_error;
  constexpr auto reply = Arrival::Kind::datagram;
  const char* const v4 = "203.0.113.1";
  const char* const v6 = "2001:db8::1";
  const auto c = GENERATE_COPY(values<Case>({
      {"the upstream", v4, {"192.0.2.2"}, error, "192.0.2.2", 11, 0, PinAnswer::upstream},
      {"its other address",
       v4,
       {"192.0.2.2", "192.0.2.3"},
       error,
       "192.0.2.3",
       11,
       0,
       PinAnswer::upstream},
      {"it has no route", v4, {"192.0.2.2"}, error, "192.0.2.2", 3, 0, PinAnswer::upstream},
      {"another router", v4, {"192.0.2.2"}, error, "192.0.2.99", 11, 0, PinAnswer::other},
      {"another's unreachable", v4, {"192.0.2.2"}, error, "192.0.2.99", 3, 1, PinAnswer::nothing},
      {"a fragment's time", v4, {"192.0.2.2"}, error, "192.0.2.99", 11, 1, PinAnswer::nothing},
      {"this very host", v4, {"192.0.2.2"}, error, "192.0.2.1", 11, 0, PinAnswer::nothing},
      {"a target on this very host",
       "127.0.0.1",
       {"192.0.2.2"},
       reply,
       "127.0.0.1",
       0,
       0,
       PinAnswer::nothing},
      {"the target is next door", v4, {"192.0.2.2"}, reply, v4, 0, 0, PinAnswer::other},
      {"and says that the port is closed", v4, {"192.0.2.2"}, error, v4, 3, 3, PinAnswer::other},
      {"the target is the upstream", v4, {v4}, reply, v4, 0, 0, PinAnswer::upstream},
      {"nobody to compare with", v4, {}, error, "192.0.2.99", 11, 0, PinAnswer::unknown},
      {"IPv6", v6, {"2001:db8:1::2"}, error, "2001:db8:1::2", 3, 0, PinAnswer::upstream},
      {"IPv6, another", v6, {"2001:db8:1::2"}, error, "2001:db8:9::9", 3, 0, PinAnswer::other},
      {"IPv6, unreachable",
       v6,
       {"2001:db8:1::2"},
       error,
       "2001:db8:9::9",
       1,
       0,
       PinAnswer::nothing},
      {"only a link-local next hop",
       v6,
       {"fe80::1"},
       error,
       "2001:db8:9::9",
       3,
       0,
       PinAnswer::unknown},
      {"which answers all the same",
       v6,
       {"fe80::1"},
       error,
       "fe80::1%7",
       3,
       0,
       PinAnswer::upstream},
      {"a transmit stamp",
       v4,
       {"192.0.2.2"},
       Arrival::Kind::transmit_stamp,
       "192.0.2.2",
       0,
       0,
       PinAnswer::nothing},
  }));
  CAPTURE(c.description);
  PinCheck check = check_of("atlas", c.target, c.accepted);
  check.flow.pin.source_v4 = address("192.0.2.1");
  Arrival arrival;
  arrival.kind = c.kind;
  arrival.source.address = std::string_view{c.by}.ends_with("%7")
                               ? boost::asio::ip::make_address_v6("fe80::1%7")
                               : address(c.by);
  arrival.icmp_type = c.type;
  arrival.icmp_code = c.code;
  CHECK(judge_answer(check, arrival) == c.wanted);
}

TEST_CASE("a pin is ok when the upstream answers the first probe, and then no more are sent") {
  const auto kind = GENERATE(FlowKind::udp, FlowKind::icmp_echo);
  Pins pins;
  pins.answers("192.0.2.2");
  pins.checker->check({atlas(kind)}, interval);
  CHECK(pins.standing() == PinStanding::pending);
  pins.checker->settle(1s);
  CHECK(pins.clock.now().mono - test_start.mono == 2ms);  // as long as it took, and no longer
  CHECK(pins.standing() == PinStanding::ok);
  CHECK(pins.state().reason == "192.0.2.2 answered");
  CHECK(pins.state().proven == test_start.wall + 2ms);
  pins.run(2min);
  CHECK(pins.probes.size() == 1);
  CHECK(pins.probes[0].flow_spec.hop_limit == 1);
  CHECK(pins.probes[0].flow_spec.kind == kind);
}

TEST_CASE("a pin fails when another router answers, and it is said who") {
  Pins pins;
  pins.answers("192.0.2.99");
  pins.checker->check({atlas()}, interval);
  pins.checker->settle(1s);
  CHECK(pins.standing() == PinStanding::failed);
  CHECK(pins.state().reason == "192.0.2.99 answered, not 192.0.2.2");
  CHECK(pins.state().checked.has_value());
  CHECK_FALSE(pins.state().proven.has_value());
  CHECK(any_pin(pins.checker->states(), "atlas", PinStanding::failed));
  CHECK_FALSE(any_pin(pins.checker->states(), "loukkos", PinStanding::failed));
}

TEST_CASE("a pin that nobody answers for is unverified after three tries") {
  Pins pins;
  pins.checker->check({atlas()}, interval);
  pins.checker->settle(5s);
  CHECK(pins.clock.now().mono - test_start.mono == 900ms);
  CHECK(pins.standing() == PinStanding::unverified);
  CHECK(pins.state().reason == "nobody answered 3 probes of hop limit 1");
  REQUIRE(pins.probes.size() == 3);
  CHECK(pins.probes[1].stamp.mono - pins.probes[0].stamp.mono == 300ms);
  CHECK(pins.probes[2].tag == 2);
}

TEST_CASE("settling ends at its limit whatever happens") {
  Pins pins;
  pins.checker->check({atlas()}, interval);
  pins.checker->settle(500ms);
  CHECK(pins.clock.now().mono - test_start.mono == 500ms);
  CHECK(pins.standing() == PinStanding::pending);
}

TEST_CASE("an answer that is late counts for three seconds after its probe, and then no more") {
  struct Case {
    Nanos after;
    PinStanding wanted;
    std::uint64_t stale;
  };
  const auto c = GENERATE(values<Case>({
      {1500ms, PinStanding::ok, 0},  // after the check had given up
      {2900ms, PinStanding::ok, 0},
      {3700ms, PinStanding::unverified, 3},  // 3 s after the last try is at 3.6 s
  }));
  Pins pins;
  pins.answers("192.0.2.2", c.after);
  pins.checker->check({atlas()}, interval);
  pins.run(1s);
  CHECK(pins.standing() == PinStanding::unverified);
  pins.run(9s);
  CHECK(pins.standing() == c.wanted);
  CHECK(pins.stale() == c.stale);
}

TEST_CASE("an echo's answer to an earlier check is no answer to this one") {
  Pins pins;
  std::optional<Arrival> kept;
  pins.answer = [&](const auto& sent) {
    if (!kept) kept = time_exceeded(sent, "192.0.2.99");
  };
  pins.checker->check({atlas(FlowKind::icmp_echo)}, 2s);
  pins.run(1s);
  REQUIRE(kept);
  pins.answer = [&](const auto&) { pins.net.deliver(1ms, *kept); };
  pins.run(4s);
  CHECK(pins.standing() == PinStanding::unverified);
  CHECK(pins.stale() > 0);
}

TEST_CASE("duplicates of an answer change nothing") {
  Pins pins;
  pins.answer = [&](const auto& sent) {
    for (int i = 1; i <= 4; ++i) pins.net.deliver(i * 1ms, time_exceeded(sent, "192.0.2.2"));
  };
  pins.checker->check({atlas()}, interval);
  pins.run(1s);
  const auto changes = pins.checker->changes();
  CHECK(pins.standing() == PinStanding::ok);
  CHECK(pins.probes.size() == 1);
  pins.run(10min);
  CHECK(pins.checker->changes() == changes);
}

TEST_CASE("a check that two routers answer has failed, whoever was first") {
  const bool upstream_first = GENERATE(true, false);
  Pins pins;
  pins.answer = [&](const auto& sent) {
    pins.net.deliver(upstream_first ? 1ms : 2ms, time_exceeded(sent, "192.0.2.2"));
    pins.net.deliver(upstream_first ? 2ms : 1ms, time_exceeded(sent, "192.0.2.99"));
  };
  pins.checker->check({atlas()}, interval);
  pins.run(1s);
  CHECK(pins.standing() == PinStanding::failed);
}

TEST_CASE("a pin that fails later is found by the next check, and mended within half a minute") {
  Pins pins;
  pins.answers("192.0.2.2");
  pins.checker->check({atlas()}, interval);
  pins.run(1min);
  CHECK(pins.standing() == PinStanding::ok);
  const auto before = pins.checker->changes();
  pins.answers("192.0.2.99");
  pins.run(5min);
  CHECK(pins.standing() == PinStanding::failed);
  CHECK(pins.checker->changes() > before);
  CHECK(pins.state().proven.has_value());  // what was proven before stays known
  pins.answers("192.0.2.2");
  pins.run(33s);
  CHECK(pins.standing() == PinStanding::ok);
}

TEST_CASE("silence takes a proof, and a failure, back only after three checks") {
  const auto* const by = GENERATE("192.0.2.2", "192.0.2.99");
  Pins pins;
  pins.answers(by);
  pins.checker->check({atlas()}, 10s);
  pins.run(1s);
  const PinStanding first = pins.standing();
  const auto proven = pins.state().proven;
  CHECK(first != PinStanding::unverified);
  pins.silent();
  const auto silent_checks = [&] { return (pins.probes.size() - 1) / 3; };
  while (silent_checks() < 3) {
    CHECK(pins.standing() == first);
    pins.run(100ms);
  }
  pins.run(1s);
  CHECK(pins.standing() == PinStanding::unverified);
  CHECK(pins.state().proven == proven);
  CHECK((pins.state().reason.find("its upstream last did at") != std::string::npos) ==
        proven.has_value());
}

TEST_CASE("after the first one the checks of many paths are spread over the interval") {
  Pins pins;
  pins.answers("192.0.2.2");
  std::vector<PinCheck> checks;
  for (int i = 0; i < 50; ++i) {
    auto check = atlas();
    check.path = "path" + std::to_string(i);
    check.flow.destination.port = static_cast<std::uint16_t>(1000 + i);
    checks.push_back(check);
  }
  pins.checker->check(checks, interval);
  pins.run(1s);
  REQUIRE(pins.probes.size() == 50);
  pins.run(20min);
  std::map<std::int64_t, int> per_second;
  std::map<FlowId, std::vector<MonoTime>> by_flow;
  for (const auto& probe : pins.probes) {
    by_flow[probe.flow].push_back(probe.stamp.mono);
    if (probe.stamp.mono > test_start.mono + 1s) {
      ++per_second[(probe.stamp.mono - test_start.mono) / Nanos{1s}];
    }
  }
  for (const auto& [second, count] : per_second) CHECK(count <= 6);
  CHECK(by_flow.size() == 50);
  for (const auto& [flow, times] : by_flow) {
    REQUIRE(times.size() >= 4);
    CHECK(times[1] - times[0] >= interval / 2);
    CHECK(times[1] - times[0] <= interval + 1s);
    for (std::size_t i = 2; i < times.size(); ++i) {
      CHECK(times[i] - times[i - 1] >= interval * 9 / 10);
      CHECK(times[i] - times[i - 1] <= interval * 11 / 10 + 1s);
    }
  }
}

TEST_CASE(
    "the address families of a path have states of their own, and one failure is the path's") {
  Pins pins;
  pins.answer = [&](const FakeTransport::Sent& sent) {
    const bool v6 = sent.flow_spec.destination.address.is_v6();
    pins.net.deliver(1ms, time_exceeded(sent, v6 ? "2001:db8::99" : "192.0.2.2"));
  };
  pins.checker->check({atlas(), check_of("atlas", "2001:db8:9::1", {"2001:db8::2"})}, interval);
  pins.checker->settle(1s);
  CHECK(pins.standing(0) == PinStanding::ok);
  CHECK(pins.standing(1) == PinStanding::failed);
  CHECK(pins.state(1).v6);
  CHECK(any_pin(pins.checker->states(), "atlas", PinStanding::failed));
}

TEST_CASE("a check that cannot be sent says so and is tried again") {
  Pins pins;
  const bool opens = GENERATE(true, false);
  CAPTURE(opens);
  bool blocked = true;
  pins.net.refuses = [&](FlowId) { return blocked; };
  pins.net.forbids = [&](const FlowSpec&) { return blocked && !opens; };
  pins.answers("192.0.2.2");
  pins.checker->check({atlas()}, 10s);
  pins.checker->settle(5s);
  CHECK(pins.clock.now().mono - test_start.mono == (opens ? 900ms : 0ms));
  CHECK(pins.standing() == PinStanding::unverified);
  CHECK(pins.state().reason == (opens ? "its probe cannot be sent: no route, or the next hop does "
                                        "not answer"
                                      : "no such device"));
  blocked = false;
  pins.run(12s);
  CHECK(pins.standing() == PinStanding::ok);
}

TEST_CASE("a next hop that is found during the first check does not cost it") {
  Pins pins;
  bool blocked = true;
  pins.net.refuses = [&](FlowId) { return blocked; };
  pins.answers("192.0.2.2");
  pins.checker->check({atlas()}, interval);
  pins.run(400ms);
  CHECK(pins.standing() == PinStanding::pending);
  blocked = false;
  pins.run(100ms);
  CHECK(pins.standing() == PinStanding::ok);
}

TEST_CASE("an unreachable by somebody else is told, and proves nothing") {
  Pins pins;
  pins.answer = [&](const auto& sent) {
    Arrival arrival = time_exceeded(sent, "192.0.2.99");
    arrival.icmp_type = 3;
    arrival.icmp_code = 13;
    pins.net.deliver(1ms, arrival);
  };
  pins.checker->check({atlas()}, interval);
  pins.checker->settle(2s);
  CHECK(pins.standing() == PinStanding::unverified);
  CHECK(pins.state().reason == "192.0.2.99 refused a probe of hop limit 1 (ICMP type 3, code 13)");
}

TEST_CASE("changed checks begin anew, unchanged ones keep their state, and old flows are closed") {
  Pins pins;
  pins.answers("192.0.2.2");
  const auto loukkos = check_of("loukkos", "203.0.113.1", {"192.0.2.2"});
  pins.checker->check({atlas(), loukkos}, interval);
  pins.checker->settle(1s);
  auto changed = loukkos;
  changed.accepted = {address("192.0.2.6")};
  pins.checker->check({changed, atlas()}, interval);
  CHECK(pins.net.closed == std::vector<FlowId>{1});
  CHECK(pins.standing(0) == PinStanding::pending);
  CHECK(pins.standing(1) == PinStanding::ok);
  pins.checker->settle(1s);
  CHECK(pins.state(0).path == "loukkos");
  CHECK(pins.standing(0) == PinStanding::failed);
  CHECK(pins.probes.size() == 3);
  pins.checker->check({}, interval);
  CHECK(pins.checker->states().empty());
  CHECK(std::set<FlowId>(pins.net.closed.begin(), pins.net.closed.end()).size() == 3);
}

TEST_CASE("the flows of the checks are closed with the checker") {
  Pins pins;
  pins.checker->check({atlas(), check_of("loukkos", "203.0.113.1", {"192.0.2.6"})}, interval);
  pins.checker.reset();
  CHECK(pins.net.closed == std::vector<FlowId>{0, 1});
}

TEST_CASE("nothing of a check is seen by whoever measures over it") {
  Pins pins;
  pins.net.stamps_follow = true;
  pins.answer = [&](const auto& sent) {
    Arrival stamp;
    stamp.kind = Arrival::Kind::transmit_stamp;
    stamp.flow = sent.flow;
    stamp.tag = sent.tag;
    pins.net.deliver(0ms, stamp);
    pins.net.deliver(1ms, time_exceeded(sent, "192.0.2.2"));
  };
  pins.checker->check({atlas()}, interval);
  pins.run(30min);
  CHECK(pins.probes.size() >= 6);
  CHECK(pins.passed_on.empty());
  CHECK(pins.checker->counters().sent == 0);
  CHECK(pins.checker->counters().received == 0);
}

TEST_CASE("a prober measures the same over a checker as over the bare transport") {
  const auto measure = [](bool with_checks) {
    Bench bench;
    bench.net.network = [&](const FakeTransport::Sent& sent) {
      if (sent.flow_spec.hop_limit == 1) {
        bench.net.deliver(1ms, time_exceeded(sent, "192.0.2.2"));
      } else {
        bench.net.reflect(sent, 5ms);
      }
    };
    PinChecker checker{bench.net, 1};
    Prober prober{checker, bench.options(10s)};
    REQUIRE(prober.add(Bench::spec(Protocol::stamp, 100ms)));
    if (with_checks) checker.check({atlas()}, 1s);
    while (bench.clock.now().mono < test_start.mono + 95s) {
      prober.step();
      bench.collect(prober.take_closed());
      checker.wait(prober.next_wakeup());
    }
    CHECK(prober.strays().empty());
    CHECK(checker.states().size() == (with_checks ? 1 : 0));
    bench.collect(prober.finish());
    CHECK(checker.counters().sent ==
          std::accumulate(bench.windows.begin(), bench.windows.end(), std::uint64_t{0},
                          [](auto sum, const Window& w) { return sum + w.counts.sent; }));
    return bench.windows;
  };
  const auto bare = measure(false);
  const auto checked = measure(true);
  REQUIRE(bare.size() == checked.size());
  for (std::size_t i = 0; i < bare.size(); ++i) {
    CHECK(bare[i].counts == checked[i].counts);
    CHECK(bare[i].rtt == checked[i].rtt);
  }
}
