// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "probe/stamp_auth.hpp"
#include "tests/probe/prober_fixture.hpp"

namespace strait::probe {
namespace {

using namespace std::chrono_literals;
using Octets = std::vector<std::byte>;

std::shared_ptr<const HmacKey> key_of(std::string_view text) {
  return std::make_shared<const HmacKey>(HmacKey::make(std::as_bytes(std::span{text})).value());
}

StampExtras all_tlvs() {
  StampExtras extras;
  for (std::size_t number = 0; number < tlv_words; ++number) include(extras.tlvs, number);
  return extras;
}

SessionSpec spec_with(const StampExtras& extras, std::uint64_t count = 100) {
  SessionSpec spec = Bench::spec(Protocol::stamp, 10ms, count);
  spec.key.dscp = 46;
  spec.extras = extras;
  spec.flow.max_payload = smallest_payload(extras.tlvs, extras.key != nullptr);
  return spec;
}

void answer_all(Bench& bench, const std::function<void(Arrival&, Octets&)>& change = {}) {
  bench.net.network = [&bench, change](const auto& probe) {
    bench.net.reflect(probe, 10ms, 40us, change);
  };
}

TEST_CASE("the far end's view comes with the TLVs, and nothing is wrong with an honest one") {
  for (const bool authenticated : {false, true}) {
    CAPTURE(authenticated);
    Bench bench;
    bench.net.mode.stateful = true;
    bench.net.mode.tlvs.sync = SyncSource::ptp;
    StampExtras extras = all_tlvs();
    if (authenticated) {
      extras.key = key_of("0123456789abcdef");
      bench.net.mode.key = *extras.key;
    }
    answer_all(bench);
    REQUIRE(bench.prober.add(spec_with(extras)).has_value());
    bench.run(3s);
    const Window total = bench.total();
    CHECK(total.counts.received == 100);
    CHECK(total.counts.errors.empty());
    CHECK(total.far.dscp == 46);
    CHECK(total.far.seen_as == "198.51.100.7:40001");
    CHECK(total.far.clock == "ptp");
    CHECK(total.far.counts);
    CHECK(total.far.left_late == 0ns);  // our reflector repeats its T3
    CHECK(total.far.left_by == "software");
    CHECK(total.rtt.quantile(0.5).value() > 19ms);
  }
}

TEST_CASE("a stateless reflector says that it does not count") {
  Bench bench;
  answer_all(bench);
  REQUIRE(bench.prober.add(spec_with(all_tlvs())).has_value());
  bench.run(3s);
  const Window total = bench.total();
  CHECK_FALSE(total.far.counts);
  CHECK(Bench::errors(total, "tlv-unrecognized") == 100);
  CHECK(Bench::errors(total, "tlv-missing") == 0);
}

// Makes a reply's Follow-Up Telemetry, the only TLV of it, say so: of the reply with this number.
void tell(Octets& payload, std::uint32_t number, WireTime left, StampMethod by) {
  const std::size_t value = stamp_packet_size + tlv_header_size;
  store(payload, value, number);
  store(payload, value + 4, left);
  store(payload, value + 12, static_cast<std::uint8_t>(by));
}

TEST_CASE("what a later reply tells of when an earlier one left is compared with its T3") {
  struct Case {
    const char* what;
    Nanos late;
    std::uint32_t before;  // replies
    bool told;
  };
  const auto c = GENERATE(values<Case>({{"the one before", 12us, 1, true},
                                        {"one of some time ago", 12us, 9, true},
                                        {"one that is forgotten", 12us, 30, false},
                                        {"earlier than T3", -3us, 1, true}}));
  const auto format = GENERATE(TimestampFormat::ntp, TimestampFormat::ptp);
  CAPTURE(c.what, format);
  Bench bench;
  bench.net.mode.stateful = true;
  std::vector<WireTime> left;
  answer_all(bench, [&](Arrival&, Octets& payload) {
    const auto number = load<std::uint32_t>(payload, 0);
    left.push_back(load<std::uint64_t>(payload, 4));
    if (number < c.before) {
      tell(payload, 0, 0, StampMethod::unknown);
      return;
    }
    const std::uint32_t earlier = number - c.before;
    const auto t3 = decode_time(left.at(earlier), format, bench.clock.now().wall);
    tell(payload, earlier, encode_time(*t3 + c.late, format), StampMethod::hardware);
  });
  StampExtras extras;
  extras.tlvs.follow_up = true;
  auto spec = spec_with(extras);
  spec.timestamps = format;
  REQUIRE(bench.prober.add(spec).has_value());
  bench.run(3s);
  const Window total = bench.total();
  CHECK(total.counts.received == 100);
  CHECK(total.counts.errors.empty());
  REQUIRE(total.far.left_late.has_value() == c.told);
  if (!c.told) return;
  CHECK(std::abs((*total.far.left_late - c.late).count()) <= 1);
  CHECK(total.far.left_by == "hardware");
}

TEST_CASE("what a reflector told before it was started anew is not taken for what it tells now") {
  Bench bench;
  bench.net.mode.stateful = true;
  std::uint32_t replies = 0;
  std::vector<WireTime> left;  // by number
  answer_all(bench, [&](Arrival&, Octets& payload) {
    // Counts 0 to 4, and then 0 to 4 again, of which 0 does not arrive as a reply to anything.
    const std::uint32_t number = replies++ % 5;
    store(payload, 0, number);
    const auto t3 = load<std::uint64_t>(payload, 4);
    const bool first = number == 0;
    tell(payload, first ? 0 : number - 1, first ? 0 : left.back(), StampMethod::software);
    left.push_back(t3);
    if (first && replies > 1) payload.clear();
  });
  StampExtras extras;
  extras.tlvs.follow_up = true;
  REQUIRE(bench.prober.add(spec_with(extras)).has_value());
  bench.run(3s);
  const Window total = bench.total();
  CHECK(total.counts.received == 81);
  CHECK(total.far.left_late == 0ns);
}

TEST_CASE("a Follow-Up that tells nothing says nothing, and one that is missing is counted") {
  StampExtras extras;
  extras.tlvs.follow_up = true;
  Bench bench;
  const bool missing = GENERATE(false, true);
  CAPTURE(missing);
  answer_all(bench, [&](Arrival&, Octets& payload) {
    if (missing) payload.resize(stamp_packet_size);
  });
  REQUIRE(bench.prober.add(spec_with(extras)).has_value());
  bench.run(3s);
  const Window total = bench.total();
  CHECK_FALSE(total.far.left_late.has_value());  // a stateless reflector has zeros there
  CHECK(total.counts.errors.empty() == !missing);
  CHECK(Bench::errors(total, "tlv-missing") == (missing ? 100 : 0));
}

TEST_CASE("remarked DSCP is counted in its direction, and so is ECN") {
  Bench bench;
  bench.net.dscp_there = std::uint8_t{10U << 2U | 3U};
  bench.net.dscp_back = std::uint8_t{0};
  answer_all(bench);
  REQUIRE(bench.prober.add(spec_with(all_tlvs())).has_value());
  bench.run(3s);
  const Window total = bench.total();
  CHECK(total.far.dscp == 10);
  CHECK(Bench::errors(total, "dscp-remarked-forward") == 100);
  CHECK(Bench::errors(total, "dscp-remarked-reverse") == 100);
  CHECK(Bench::errors(total, "ecn-changed") == 100);
}

TEST_CASE("a reflector that may not use DSCP1 tells nothing of the way back") {
  Bench bench;
  bench.net.mode.tlvs.any_dscp = false;
  bench.net.dscp_back = std::uint8_t{0};
  answer_all(bench);
  REQUIRE(bench.prober.add(spec_with(all_tlvs())).has_value());
  bench.run(3s);
  CHECK(Bench::errors(bench.total(), "dscp-remarked-reverse") == 0);
}

TEST_CASE("another address or port at the far end is noticed") {
  Bench bench;
  answer_all(bench);
  REQUIRE(bench.prober.add(spec_with(all_tlvs(), 200)).has_value());
  bench.run(1s);
  bench.net.seen_as.port = 40002;
  bench.run(3s);
  const Window total = bench.total();
  CHECK(Bench::errors(total, "seen-as-changed") == 1);
  CHECK(total.far.seen_as == "198.51.100.7:40002");
}

TEST_CASE("losses are told apart by direction, by counters and by sequence numbers alike") {
  for (const bool direct : {true, false}) {
    CAPTURE(direct);
    Bench bench;
    bench.net.mode.stateful = true;
    std::uint32_t there = 0;
    std::uint32_t back = 0;
    bench.net.network = [&](const auto& probe) {
      const auto sequence = load<std::uint32_t>(probe.payload, 0);
      if (sequence % 20 == 5) {
        ++there;
        return;
      }
      const bool lost_back = sequence % 50 == 33;
      if (lost_back) ++back;
      bench.net.reflect(probe, 10ms, 40us, [&](Arrival& arrival, Octets&) {
        if (lost_back) arrival.source.port = 1;  // refused, as if it had never come
      });
    };
    StampExtras extras;
    extras.loss_by_direction = !direct;
    extras.tlvs.direct_measurement = direct;
    REQUIRE(bench.prober.add(spec_with(extras, 400)).has_value());
    bench.run(7s);
    const Window total = bench.total();
    CHECK(total.far.counts);
    CHECK(Bench::errors(total, "lost-forward") == there);
    CHECK(Bench::errors(total, "lost-reverse") == back);
    CHECK(total.counts.lost == there + back);
  }
}

TEST_CASE("a stateless reflector's copies tell no direction") {
  Bench bench;
  bench.net.network = [&](const auto& probe) {
    if (load<std::uint32_t>(probe.payload, 0) % 10 != 5) bench.net.reflect(probe, 10ms);
  };
  StampExtras extras;
  extras.loss_by_direction = true;
  REQUIRE(bench.prober.add(spec_with(extras)).has_value());
  bench.run(3s);
  const Window total = bench.total();
  CHECK(total.counts.lost == 10);
  CHECK_FALSE(total.far.counts);
  CHECK(Bench::errors(total, "lost-forward") == 0);
}

TEST_CASE("what comes back wrong is counted by what is wrong, and the round trip stays good") {
  struct Case {
    const char* what;
    std::function<void(Octets&)> change;
    const char* error;
    std::uint64_t received;
  };
  const std::vector<Case> cases{
      {"TLVs cut off", [](Octets& reply) { reply.resize(44); }, "tlv-missing", 100},
      {"TLVs zeroed",
       [](Octets& reply) { std::fill(reply.begin() + 44, reply.end(), std::byte{0}); },
       "tlv-missing", 100},
      {"flagged U", [](Octets& reply) { reply[44] |= std::byte{0x80}; }, "tlv-unrecognized", 100},
      {"flagged M", [](Octets& reply) { reply[44] |= std::byte{0x40}; }, "tlv-malformed", 100},
      {"flagged I", [](Octets& reply) { reply[44] |= std::byte{0x20}; }, "tlv-integrity", 100},
      {"length beyond the end", [](Octets& reply) { reply[46] = std::byte{0xff}; }, "tlv-malformed",
       100},
      {"base cut off", [](Octets& reply) { reply.resize(43); }, "bad-length", 0},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    Bench bench;
    answer_all(bench, [&](Arrival&, Octets& reply) { c.change(reply); });
    StampExtras extras;
    extras.tlvs.class_of_service = true;
    REQUIRE(bench.prober.add(spec_with(extras)).has_value());
    bench.run(3s);
    const Window total = bench.total();
    CHECK(Bench::errors(total, c.error) == 100);
    CHECK(total.counts.received == c.received);
    CHECK_FALSE(total.far.dscp.has_value());
  }
}

TEST_CASE("authenticated mode takes no reply that is not signed with its key") {
  struct Case {
    const char* what;
    std::function<void(Octets&)> change;
    const char* error;
    std::uint64_t received;
  };
  const std::vector<Case> cases{
      {"a time changed", [](Octets& reply) { reply[20] ^= std::byte{1}; }, "bad-hmac", 0},
      {"MBZ changed", [](Octets& reply) { reply[90] ^= std::byte{1}; }, "bad-hmac", 0},
      {"tag changed", [](Octets& reply) { reply[111] ^= std::byte{1}; }, "bad-hmac", 0},
      {"short", [](Octets& reply) { reply.resize(111); }, "bad-length", 0},
      {"a TLV changed", [](Octets& reply) { reply[117] ^= std::byte{1}; }, "tlv-integrity", 100},
      {"TLVs cut off", [](Octets& reply) { reply.resize(112); }, "tlv-missing", 100},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    Bench bench;
    StampExtras extras;
    extras.tlvs.class_of_service = true;
    extras.key = key_of("0123456789abcdef");
    bench.net.mode.key = *extras.key;
    answer_all(bench, [&](Arrival&, Octets& reply) { c.change(reply); });
    REQUIRE(bench.prober.add(spec_with(extras)).has_value());
    bench.run(3s);
    const Window total = bench.total();
    CHECK(Bench::errors(total, c.error) == 100);
    CHECK(total.counts.received == c.received);
  }
}

TEST_CASE("a far clock that runs free gives no one-way delay, whatever its Error Estimate says") {
  for (const bool asked : {false, true}) {
    Bench bench;
    answer_all(bench, [&](Arrival&, Octets& reply) {
      if (!asked) return;
      reply[48] = std::byte{5};
      reply[50] = std::byte{5};
    });
    StampExtras extras;
    extras.tlvs.timestamp_information = asked;
    REQUIRE(bench.prober.add(spec_with(extras)).has_value());
    bench.run(3s);
    const Window total = bench.total();
    CHECK(total.forward.empty() == asked);
    CHECK(total.rtt.count() == 100);
  }
}

TEST_CASE("extras that cannot be sent are refused") {
  struct Case {
    const char* what;
    std::function<void(SessionSpec&)> change;
    const char* message;
  };
  const std::vector<Case> cases{
      {"no room", [](SessionSpec& spec) { spec.flow.max_payload = 44; }, "as long as"},
      {"two octets too many", [](SessionSpec& spec) { spec.flow.max_payload += 2; }, "4 octets"},
      {"TWAMP-Light", [](SessionSpec& spec) { spec.twamp_light = true; }, "TWAMP-Light"},
      {"ICMP", [](SessionSpec& spec) { spec.key.protocol = Protocol::icmp; }, "only STAMP"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    Bench bench;
    SessionSpec spec = spec_with(all_tlvs());
    c.change(spec);
    const auto added = bench.prober.add(spec);
    REQUIRE_FALSE(added.has_value());
    CHECK_THAT(added.error().message, Catch::Contains(c.message));
  }
}

TEST_CASE("a window tells the worst state of the clocks, the error, and the least raw delays") {
  Bench bench;
  std::uint64_t number = 0;
  bench.net.network = [&](const auto& probe) {
    bench.net.reflect(probe, 10ms + 10us * (number % 7), 40us, [&](Arrival&, Octets& reply) {
      // The fifth comes from a clock that has lost its source (RFC 4656 section 4.1.2: S).
      if (++number == 5) reply[12] &= std::byte{0x7f};
    });
  };
  REQUIRE(bench.prober.add(spec_with({}, 20)).has_value());
  bench.run(3s);
  const Window total = bench.total();
  CHECK(total.rtt.count() == 20);
  CHECK(total.forward.count() == 19);
  CHECK(to_string(total.clocks.state) == "far-unsynchronised");
  CHECK(total.clocks.error >= 300us);  // ours 100 us, theirs 200 us, rounded up
  CHECK(total.clocks.error < 305us);
  REQUIRE(total.clocks.raw_forward.has_value());
  REQUIRE(total.clocks.raw_reverse.has_value());
  const Nanos least = *total.clocks.raw_forward + *total.clocks.raw_reverse;
  CHECK(std::chrono::abs(least - 20ms) <= 2ns);  // NTP's fractions
}

TEST_CASE("ICMP tells nothing of the far clock") {
  Bench bench;
  answer_all(bench);
  REQUIRE(bench.prober.add(Bench::spec(Protocol::icmp, 10ms, 5)).has_value());
  bench.run(3s);
  CHECK(bench.total().rtt.count() == 5);
  CHECK(bench.total().clocks == Clocks{});
}

}  // namespace
}  // namespace strait::probe
