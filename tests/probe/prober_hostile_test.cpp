// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "probe/octets.hpp"
#include "tests/probe/prober_fixture.hpp"

namespace strait::probe {
namespace {

using namespace std::chrono_literals;
using Octets = std::vector<std::byte>;

struct Hostile {
  const char* what;
  std::function<void(Arrival&, Octets&)> change;
  const char* error;  // the count that must rise
  bool received;      // whether the reply still counts
};

void check(const Hostile& hostile, SessionSpec spec) {
  CAPTURE(hostile.what);
  Bench bench;
  bench.net.network = [&](const auto& probe) {
    bench.net.reflect(probe, 10ms, 100us, hostile.change);
  };
  spec.count = 10;
  REQUIRE(bench.prober.add(spec).has_value());
  bench.run(5s);
  const Window total = bench.total();
  CHECK(total.counts.sent == 10);
  CHECK(total.counts.received == (hostile.received ? 10 : 0));
  CHECK(total.counts.lost == (hostile.received ? 0 : 10));
  CHECK(Bench::errors(total, hostile.error) == (*hostile.error == '\0' ? 0 : 10));
  CHECK(total.counts.errors.size() == (*hostile.error == '\0' ? 0U : 1U));
}

TEST_CASE("a spoiled STAMP reply is counted by kind and believed only as far as it goes") {
  const std::vector<Hostile> table{
      {"untouched", [](Arrival&, Octets&) {}, "", true},
      {"from another address",
       [](Arrival& a, Octets&) { a.source.address = parse_address("192.0.2.2").value(); },
       "wrong-source", false},
      {"from another port", [](Arrival& a, Octets&) { a.source.port = 863; }, "wrong-source",
       false},
      {"from the mapped IPv6 address",
       [](Arrival& a, Octets&) { a.source.address = parse_address("::ffff:192.0.2.1").value(); },
       "wrong-source", false},
      {"empty", [](Arrival&, Octets& p) { p.clear(); }, "bad-length", false},
      {"one octet short", [](Arrival&, Octets& p) { p.resize(43); }, "bad-length", false},
      {"padded to 9000 octets", [](Arrival&, Octets& p) { p.resize(9000); }, "", true},
      {"another session's SSID", [](Arrival&, Octets& p) { p[15] ^= std::byte{1}; },
       "wrong-session", false},
      {"SSID 0 from an old reflector", [](Arrival&, Octets& p) { p[14] = p[15] = std::byte{0}; },
       "", true},
      {"a sequence number never sent",
       [](Arrival&, Octets& p) { store<std::uint32_t>(p, 24, 0xdeadbeef); }, "unknown-sequence",
       false},
      {"its own counter as sequence number",
       [](Arrival&, Octets& p) { store<std::uint32_t>(p, 0, 0xdeadbeef); }, "", true},
      {"Multiplier 0", [](Arrival&, Octets& p) { p[13] = std::byte{0}; }, "corrupt-error-estimate",
       false},
      {"T1 not echoed", [](Arrival&, Octets& p) { store<std::uint64_t>(p, 28, 0); }, "", true},
      {"T1 and T3 swapped",
       [](Arrival&, Octets& p) {
         const auto t3 = load<std::uint64_t>(p, 4);
         store(p, 4, load<std::uint64_t>(p, 28));
         store(p, 28, t3);
       },
       "swapped-timestamps", true},
      {"no T2", [](Arrival&, Octets& p) { store<std::uint64_t>(p, 16, 0); }, "bad-timestamp", true},
      {"neither T2 nor T3",
       [](Arrival&, Octets& p) {
         store<std::uint64_t>(p, 4, 0);
         store<std::uint64_t>(p, 16, 0);
       },
       "bad-timestamp", true},
      {"Z bit without the format",
       [](Arrival&, Octets& p) {
         p[12] |= std::byte{0x40};
         store<std::uint64_t>(p, 16, ~std::uint64_t{0});
       },
       "bad-timestamp", true},
  };
  for (const Hostile& hostile : table) check(hostile, Bench::spec(Protocol::stamp, 50ms));
}

TEST_CASE("a reply that echoes neither number nor time is taken only while it can be but one's") {
  // Probes leave 5 or 50 ms apart, and each is answered after 20 ms.
  const auto interval = GENERATE(5ms, 50ms);
  Bench bench;
  bench.net.network = [&](const auto& probe) {
    bench.net.reflect(probe, 10ms, 0ns, [](Arrival&, Octets& p) {
      store<std::uint32_t>(p, 24, 0);
      store<std::uint64_t>(p, 28, 0);
    });
  };
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, interval, 10)).has_value());
  bench.run(5s);
  const Window total = bench.total();
  const unsigned received = interval == 50ms ? 1 : 0;
  CHECK(total.counts.received == received);
  CHECK(total.counts.lost == 10 - received);
  CHECK(total.counts.duplicate == 0);
  CHECK(Bench::errors(total, "unknown-sequence") == 10 - received);
}

TEST_CASE("a TWAMP-Light reflector may cut its reply and leave fields out") {
  SessionSpec spec = Bench::spec(Protocol::stamp, 50ms);
  spec.twamp_light = true;
  const std::vector<Hostile> table{
      {"41 octets", [](Arrival&, Octets& p) { p.resize(41); }, "", true},
      {"38 octets", [](Arrival&, Octets& p) { p.resize(38); }, "", true},
      {"37 octets", [](Arrival&, Octets& p) { p.resize(37); }, "bad-length", false},
      {"14 octets", [](Arrival&, Octets& p) { p.resize(14); }, "bad-length", false},
      {"noise at the SSID", [](Arrival&, Octets& p) { p[14] = std::byte{9}; }, "", true},
      {"Multiplier 0", [](Arrival&, Octets& p) { p[13] = std::byte{0}; }, "corrupt-error-estimate",
       true},
  };
  for (const Hostile& hostile : table) check(hostile, spec);
}

TEST_CASE("SSID 0 is refused where the configuration wants one") {
  SessionSpec spec = Bench::spec(Protocol::stamp, 50ms);
  spec.require_ssid = true;
  check(
      {"SSID 0", [](Arrival&, Octets& p) { p[14] = p[15] = std::byte{0}; }, "wrong-session", false},
      spec);
}

TEST_CASE("a spoiled echo reply is counted by kind") {
  const std::vector<Hostile> table{
      {"untouched", [](Arrival&, Octets&) {}, "", true},
      {"from another address",
       [](Arrival& a, Octets&) { a.source.address = parse_address("192.0.2.2").value(); },
       "wrong-source", false},
      {"any port", [](Arrival& a, Octets&) { a.source.port = 7; }, "", true},
      {"truncated", [](Arrival&, Octets& p) { p.resize(23); }, "bad-length", false},
      {"forged cookie", [](Arrival&, Octets& p) { p[0] ^= std::byte{1}; }, "wrong-session", false},
      {"forged sequence", [](Arrival&, Octets& p) { p[11] ^= std::byte{1}; }, "wrong-session",
       false},
      {"header disagrees", [](Arrival& a, Octets&) { a.tag ^= 1U; }, "wrong-session", false},
  };
  for (const Hostile& hostile : table) check(hostile, Bench::spec(Protocol::icmp, 50ms));
}

TEST_CASE("replies of every length up to 9000 octets are counted or refused") {
  Bench bench;
  std::size_t size = 0;
  bench.net.network = [&](const auto& probe) {
    bench.net.reflect(probe, 1ms, 0ns, [&](Arrival&, Octets& payload) { payload.resize(size++); });
  };
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 1ms, 9001)).has_value());
  bench.run(15s);
  const Window total = bench.total();
  CHECK(Bench::errors(total, "bad-length") == 44);
  CHECK(total.counts.received == 9001 - 44);
  CHECK(total.counts.lost == 44);
}

TEST_CASE("a reply replayed from long ago is told from a duplicate") {
  Bench bench;
  std::vector<FakeTransport::Sent> record;
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    record.push_back(probe);
    bench.net.reflect(probe, 1ms);
  };
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 10ms)).has_value());
  bench.run(10s);
  bench.net.reflect(record.front(), 1ms);
  bench.net.reflect(record.back(), 1ms);
  bench.run(100ms);
  const Window total = bench.total();
  CHECK(Bench::errors(total, "replayed") == 1);
  CHECK(total.counts.duplicate == 1);
  CHECK(total.rtt.max() == std::optional<Nanos>{2ms});
}

TEST_CASE("ICMP errors are counted by kind and decide nothing") {
  Bench bench;
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    Arrival error;
    error.kind = Arrival::Kind::icmp_error;
    error.flow = probe.flow;
    error.icmp_type = 3;
    error.icmp_code = 3;
    error.source = {parse_address("192.0.2.1").value(), 0};
    bench.net.deliver(5ms, error);
  };
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 50ms, 10)).has_value());
  bench.run(5s);
  const Window total = bench.total();
  CHECK(Bench::errors(total, "icmp-port-unreachable") == 10);
  CHECK(total.counts.lost == 10);
}

// What an ICMP error looks like that is about `probe` and quotes `payload` of it.
Arrival rejection_of(const FakeTransport::Sent& probe, std::uint8_t code) {
  Arrival error;
  error.kind = Arrival::Kind::icmp_error;
  error.flow = probe.flow;
  error.tag = probe.flow_spec.kind == FlowKind::icmp_echo ? probe.tag & 0xffffU : 0;
  error.icmp_type = 3;
  error.icmp_code = code;
  error.source = {parse_address("192.0.2.9").value(), 0};
  return error;
}

TEST_CASE("only an ICMP error that quotes enough of a probe names its loss") {
  struct Case {
    const char* description;
    Protocol protocol;
    std::size_t quoted;     // octets of the payload
    std::size_t spoilt_at;  // this octet is another one
    bool named;
  };
  constexpr std::size_t none = 1000;
  const auto c = GENERATE(values<Case>({
      {"the whole of a STAMP packet", Protocol::stamp, 44, none, true},
      {"sequence number and T1", Protocol::stamp, 12, none, true},
      {"no octet beyond RFC 792's", Protocol::stamp, 0, none, false},
      {"a T1 that is cut short", Protocol::stamp, 11, none, false},
      {"a number that was not sent", Protocol::stamp, 44, 0, false},
      {"another T1", Protocol::stamp, 44, 11, false},
      {"the whole of an echo request", Protocol::icmp, 56, none, true},
      {"its header alone", Protocol::icmp, 0, none, true},
      {"a cookie that is cut short", Protocol::icmp, 7, none, true},
      {"another cookie", Protocol::icmp, 56, 3, false},
      {"another number than the header's", Protocol::icmp, 56, 11, false},
  }));
  CAPTURE(c.description);
  Bench bench;
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    std::vector<std::byte> quoted{probe.payload.begin(),
                                  probe.payload.begin() + static_cast<std::ptrdiff_t>(c.quoted)};
    if (c.spoilt_at < quoted.size()) quoted[c.spoilt_at] ^= std::byte{0x40};
    bench.net.deliver(5ms, rejection_of(probe, 13), std::move(quoted));
  };
  auto spec = Bench::spec(c.protocol, 50ms, 10);
  if (c.protocol == Protocol::icmp) spec.flow.max_payload = 56;
  REQUIRE(bench.prober.add(spec).has_value());
  bench.run(5s);

  REQUIRE(bench.outcomes.size() == 10);
  const Rejection said{ErrorKind::icmp_prohibited, parse_address("192.0.2.9").value()};
  for (const Outcome& outcome : bench.outcomes) {
    CHECK(outcome.fate == Fate::lost);
    CHECK(outcome.refused.has_value() == c.named);
    if (outcome.refused) CHECK(*outcome.refused == said);
  }
  const auto rejections = bench.prober.rejections();
  REQUIRE(rejections.size() == 1);
  CHECK(rejections[0].counts == RejectionCounts{{said, 10}});
  const Window total = bench.total();
  CHECK(Bench::errors(total, "icmp-prohibited") == 10);
  CHECK(Bench::errors(total, "icmp-unmatched") == (c.named ? 0 : 10));
  CHECK(total.counts.lost == 10);
}

TEST_CASE("an ICMP error takes nothing from a probe that is answered") {
  Bench bench;
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    bench.net.deliver(1ms, rejection_of(probe, 1), probe.payload);
    bench.net.reflect(probe, 5ms);
    bench.net.deliver(20ms, rejection_of(probe, 1), probe.payload);
  };
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 10ms, 400)).has_value());
  bench.run(8s);
  const Window total = bench.total();
  CHECK(total.counts.received == 400);
  CHECK(total.counts.lost == 0);
  CHECK(Bench::errors(total, "icmp-host-unreachable") == 800);
  CHECK(Bench::errors(total, "icmp-unmatched") == 0);
}

TEST_CASE("a flood of ICMP errors from everywhere names the first senders and counts the rest") {
  Bench bench;
  std::uint32_t sender = 0xc6336400;  // 198.51.100.0
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    for (int i = 0; i < 10; ++i) {
      Arrival error = rejection_of(probe, 1);
      error.source.address = Address{boost::asio::ip::address_v4{sender++}};
      bench.net.deliver(1ms, error, probe.payload);
    }
  };
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 50ms, 10)).has_value());
  bench.run(5s);
  const auto rejections = bench.prober.rejections();
  REQUIRE(rejections.size() == 1);
  CHECK(rejections[0].counts.size() == Rejections::most_senders + 1);
  CHECK(rejections[0].counts.at({ErrorKind::icmp_host_unreachable, Address{}}) ==
        100 - Rejections::most_senders);
}

TEST_CASE("what belongs to no session is counted apart") {
  Bench bench;
  Arrival stray;
  stray.flow = 77;
  bench.net.deliver(1ms, stray);
  stray.flow = no_flow;
  bench.net.deliver(1ms, stray);
  bench.run(10ms);
  CHECK(bench.prober.strays().at("unknown-flow") == 2);
}

}  // namespace
}  // namespace strait::probe
