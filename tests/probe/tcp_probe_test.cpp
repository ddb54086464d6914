// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <set>

#include "probe/octets.hpp"
#include "probe/tcp_packet.hpp"
#include "tests/probe/prober_fixture.hpp"

namespace strait::probe {
namespace {

using namespace std::chrono_literals;
using Octets = std::vector<std::byte>;

SessionSpec syn_spec(Nanos interval, std::uint64_t count) {
  SessionSpec spec = Bench::spec(Protocol::tcp, interval, count);
  spec.flow.destination.port = 443;
  spec.flow.max_payload = tcp_probe_size;
  return spec;
}

// What the transport hands on of a SYN-ACK or an RST to `probe`.
void acknowledge(FakeTransport& net, const FakeTransport::Sent& probe, Nanos rtt,
                 const std::function<void(Arrival&, Octets&)>& change = {}) {
  Arrival arrival;
  arrival.flow = probe.flow;
  arrival.source = probe.flow_spec.destination;
  Octets payload(tcp_probe_size);
  store(payload, 0, load<std::uint32_t>(probe.payload, 0) + 1);
  if (change) change(arrival, payload);
  net.deliver(rtt, arrival, std::move(payload));
}

TEST_CASE("an acknowledged SYN is a round trip, and no two SYNs have one number") {
  Bench bench;
  std::set<std::uint32_t> numbers;
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    CHECK(probe.flow_spec.kind == FlowKind::tcp_syn);
    REQUIRE(probe.payload.size() == 4);
    numbers.insert(load<std::uint32_t>(probe.payload, 0));
    acknowledge(bench.net, probe, 30ms);
  };
  REQUIRE(bench.prober.add(syn_spec(50ms, 40)).has_value());
  bench.run(5s);
  const Window total = bench.total();
  CHECK(total.counts.received == 40);
  CHECK(total.rtt.min() == std::optional<Nanos>{30ms});
  CHECK(total.forward.empty());
  CHECK(total.counts.errors.empty());
  CHECK(numbers.size() == 40);
}

TEST_CASE("a SYN waits for the reply to the one before it, which an open port would refuse") {
  Bench bench;
  MonoTime half_open_until{};
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    const MonoTime arrived = probe.stamp.mono + 15ms;
    if (arrived < half_open_until) return;  // answered with an ACK, which is no reply
    half_open_until = arrived + 30ms;       // our RST is back
    acknowledge(bench.net, probe, 30ms);
  };
  REQUIRE(bench.prober.add(syn_spec(5ms, 200)).has_value());
  bench.run(5s);
  const Window total = bench.total();
  CHECK(total.counts.lost == 0);
  CHECK(total.counts.sent == total.counts.received);
  CHECK(total.counts.sent >= 200 / 8);
  CHECK(total.counts.sent + total.counts.missed == 200);
  CHECK(Bench::errors(total, "syn-pending") == total.counts.missed);
}

TEST_CASE("a SYN that is lost holds up the next one for no longer than a reply could take") {
  Bench bench;
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    if (probe.tag % 4 != 1) acknowledge(bench.net, probe, 20ms);
  };
  REQUIRE(bench.prober.add(syn_spec(25ms, 40)).has_value());
  bench.run(5s);
  const Window total = bench.total();
  CHECK(total.counts.lost == (total.counts.sent + 2) / 4);
  CHECK(total.counts.missed <= 2 * total.counts.lost);
  CHECK(total.counts.missed >= 1);
}

TEST_CASE("a SYN-ACK that is sent again is a duplicate, and one after the time-out is late") {
  Bench bench;
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    acknowledge(bench.net, probe, probe.tag % 2 == 0 ? 10ms : 1500ms);
    if (probe.tag % 2 == 0) acknowledge(bench.net, probe, 900ms);
  };
  REQUIRE(bench.prober.add(syn_spec(100ms, 10)).has_value());
  bench.run(5s);
  const Window total = bench.total();
  CHECK(total.counts.received == 5);
  CHECK(total.counts.duplicate == 5);
  CHECK(total.counts.late == 5);
  CHECK(total.counts.lost == 5);
}

TEST_CASE("an acknowledgment of what we did not send is counted and believed by nobody") {
  struct Hostile {
    const char* what;
    std::function<void(Arrival&, Octets&)> change;
    const char* error;
  };
  const auto c = GENERATE(values<Hostile>({
      {"from another address",
       [](Arrival& a, Octets&) { a.source.address = parse_address("192.0.2.2").value(); },
       "wrong-source"},
      {"from another port", [](Arrival& a, Octets&) { a.source.port = 80; }, "wrong-source"},
      {"nothing acknowledged", [](Arrival&, Octets& p) { p.clear(); }, "bad-length"},
      {"three octets", [](Arrival&, Octets& p) { p.resize(3); }, "bad-length"},
      {"the SYN's own number",
       [](Arrival&, Octets& p) { store(p, 0, load<std::uint32_t>(p, 0) - 1); }, "unknown-sequence"},
      {"one too many", [](Arrival&, Octets& p) { store(p, 0, load<std::uint32_t>(p, 0) + 1); },
       "unknown-sequence"},
      {"a guess", [](Arrival&, Octets& p) { store(p, 0, std::uint32_t{0x12345678}); },
       "unknown-sequence"},
      {"0, as a lazy middlebox has it", [](Arrival&, Octets& p) { store(p, 0, std::uint32_t{0}); },
       "unknown-sequence"},
  }));
  CAPTURE(c.what);
  Bench bench;
  bench.net.network = [&](const auto& probe) { acknowledge(bench.net, probe, 10ms, c.change); };
  REQUIRE(bench.prober.add(syn_spec(400ms, 10)).has_value());
  bench.run(10s);
  const Window total = bench.total();
  CHECK(total.counts.received == 0);
  CHECK(total.counts.lost == 10);
  CHECK(Bench::errors(total, c.error) == 10);
}

TEST_CASE("an ICMP error about a SYN names its loss by the 8 octets that every router quotes") {
  const bool known = GENERATE(true, false);
  Bench bench;
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    Arrival error;
    error.kind = Arrival::Kind::icmp_error;
    error.flow = probe.flow;
    error.icmp_type = 3;
    error.icmp_code = 13;
    error.source = {parse_address("192.0.2.9").value(), 0};
    Octets quoted = probe.payload;
    if (!known) quoted[2] ^= std::byte{1};
    bench.net.deliver(5ms, error, quoted);
  };
  REQUIRE(bench.prober.add(syn_spec(400ms, 10)).has_value());
  bench.run(10s);
  REQUIRE(bench.outcomes.size() == 10);
  for (const Outcome& outcome : bench.outcomes) CHECK(outcome.refused.has_value() == known);
  CHECK(Bench::errors(bench.total(), "icmp-unmatched") == (known ? 0 : 10));
}

TEST_CASE("a TCP probe that cannot be is refused") {
  Bench bench;
  SessionSpec spec = syn_spec(50ms, 1);
  std::string want;
  SECTION("with data") {
    spec.flow.max_payload = 44;
    want = "a SYN carries no data";
  }
  SECTION("without a port") {
    spec.flow.destination.port = 0;
    want = "TCP needs a port";
  }
  const auto added = bench.prober.add(spec);
  REQUIRE_FALSE(added.has_value());
  CHECK_THAT(added.error().message, Catch::Contains(want));
}

}  // namespace
}  // namespace strait::probe
