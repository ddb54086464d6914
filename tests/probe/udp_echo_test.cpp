// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "probe/icmp_packet.hpp"
#include "tests/probe/prober_fixture.hpp"

namespace strait::probe {
namespace {

using namespace std::chrono_literals;
using Octets = std::vector<std::byte>;

SessionSpec echo_spec(Nanos interval, std::uint64_t count) {
  SessionSpec spec = Bench::spec(Protocol::udp_echo, interval, count);
  spec.flow.destination.port = 7;
  spec.flow.max_payload = 56;
  return spec;
}

// As RFC 862 has it, `change` spoiling the reply.
void echo(FakeTransport& net, const FakeTransport::Sent& probe, Nanos rtt,
          const std::function<void(Arrival&, Octets&)>& change = {}) {
  Arrival arrival;
  arrival.flow = probe.flow;
  arrival.source = probe.flow_spec.destination;
  Octets payload = probe.payload;
  if (change) change(arrival, payload);
  net.deliver(rtt, arrival, std::move(payload));
}

TEST_CASE("UDP echo measures round trips and nothing else") {
  Bench bench;
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    CHECK(probe.flow_spec.kind == FlowKind::udp);
    CHECK(probe.flow_spec.destination.port == 7);
    CHECK(probe.payload.size() == 56);
    echo(bench.net, probe, 30ms);
  };
  REQUIRE(bench.prober.add(echo_spec(50ms, 10)).has_value());
  bench.run(5s);
  const Window total = bench.total();
  CHECK(total.counts.received == 10);
  CHECK(total.rtt.min() == std::optional<Nanos>{30ms});
  CHECK(total.rtt.max() == std::optional<Nanos>{30ms});
  CHECK(total.forward.empty());
  CHECK(total.reverse.empty());
  CHECK(total.counts.errors.empty());
}

TEST_CASE("a spoiled UDP echo is counted by kind") {
  struct Hostile {
    const char* what;
    std::function<void(Arrival&, Octets&)> change;
    const char* error;  // empty: it counts as a reply
  };
  const auto c = GENERATE(values<Hostile>({
      {"untouched", [](Arrival&, Octets&) {}, ""},
      {"cut to the cookie and its number", [](Arrival&, Octets& p) { p.resize(24); }, ""},
      {"longer than it was", [](Arrival&, Octets& p) { p.resize(1400); }, ""},
      {"noise beyond the cookie", [](Arrival&, Octets& p) { p[40] = std::byte{1}; }, ""},
      {"from another address",
       [](Arrival& a, Octets&) { a.source.address = parse_address("192.0.2.2").value(); },
       "wrong-source"},
      {"from another port", [](Arrival& a, Octets&) { a.source.port = 8; }, "wrong-source"},
      {"empty", [](Arrival&, Octets& p) { p.clear(); }, "bad-length"},
      {"one octet short", [](Arrival&, Octets& p) { p.resize(23); }, "bad-length"},
      {"forged cookie", [](Arrival&, Octets& p) { p[0] ^= std::byte{1}; }, "wrong-session"},
      {"another probe's number", [](Arrival&, Octets& p) { p[11] ^= std::byte{1}; },
       "wrong-session"},
      {"zeros", [](Arrival&, Octets& p) { std::ranges::fill(p, std::byte{0}); }, "wrong-session"},
  }));
  CAPTURE(c.what);
  Bench bench;
  bench.net.network = [&](const auto& probe) { echo(bench.net, probe, 10ms, c.change); };
  REQUIRE(bench.prober.add(echo_spec(50ms, 10)).has_value());
  bench.run(5s);
  const Window total = bench.total();
  const bool good = *c.error == '\0';
  CHECK(total.counts.received == (good ? 10 : 0));
  CHECK(total.counts.lost == (good ? 0 : 10));
  CHECK(Bench::errors(total, c.error) == (good ? 0 : 10));
  CHECK(total.counts.errors.size() == (good ? 0U : 1U));
}

TEST_CASE("an echo of another session is told from ours") {
  Bench bench;
  std::vector<FakeTransport::Sent> first;
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    if (probe.flow == 0) first.push_back(probe);
    if (probe.flow == 1) {
      REQUIRE_FALSE(first.empty());
      echo(bench.net, probe, 10ms, [&](Arrival&, Octets& p) { p = first.back().payload; });
    }
  };
  REQUIRE(bench.prober.add(echo_spec(20ms, 20)).has_value());
  bench.run(1s);
  REQUIRE(bench.prober.add(echo_spec(20ms, 20)).has_value());
  bench.run(3s);
  CHECK(Bench::errors(bench.total(), "wrong-session") == 20);
}

TEST_CASE("an ICMP error about a UDP echo names the loss when it quotes the cookie") {
  const std::size_t quoted = GENERATE(as<std::size_t>{}, 0, 23, 24, 56);
  CAPTURE(quoted);
  Bench bench;
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    Arrival error;
    error.kind = Arrival::Kind::icmp_error;
    error.flow = probe.flow;
    error.icmp_type = 3;
    error.icmp_code = 3;
    error.source = {parse_address("192.0.2.1").value(), 0};
    bench.net.deliver(
        5ms, error,
        {probe.payload.begin(), probe.payload.begin() + static_cast<std::ptrdiff_t>(quoted)});
  };
  REQUIRE(bench.prober.add(echo_spec(50ms, 10)).has_value());
  bench.run(5s);
  for (const Outcome& outcome : bench.outcomes)
    CHECK(outcome.refused.has_value() == (quoted >= 24));
  const Window total = bench.total();
  CHECK(Bench::errors(total, "icmp-port-unreachable") == 10);
  CHECK(Bench::errors(total, "icmp-unmatched") == (quoted >= 24 ? 0 : 10));
}

TEST_CASE("a UDP echo that cannot be is refused") {
  Bench bench;
  SessionSpec spec = echo_spec(50ms, 1);
  std::string want;
  SECTION("too short for the cookie") {
    spec.flow.max_payload = 23;
    want = "a UDP echo payload has at least 24 octets";
  }
  SECTION("without a port") {
    spec.flow.destination.port = 0;
    want = "UDP echo needs a port";
  }
  const auto added = bench.prober.add(spec);
  REQUIRE_FALSE(added.has_value());
  CHECK_THAT(added.error().message, Catch::Contains(want));
}

}  // namespace
}  // namespace strait::probe
