// SPDX-License-Identifier: Apache-2.0
#include "probe/sample.hpp"

#include <catch2/catch.hpp>

namespace strait::probe {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime mono{1000s};
constexpr WallTime wall{1'795'000'000s};
constexpr WireTime wire_time = 42;

struct Case {
  const char* what;
  Nanos elapsed;  // T4 - T1
  Nanos t2;       // after T1, by the reflector's clock
  Nanos t3;       // after T1, by the reflector's clock
  Nanos step;     // of our wall clock between T1 and T4
  StampSource source;
  std::uint16_t error_estimate;
  bool own_clock_good;
  bool swapped;
  std::int64_t rtt;  // ns; -1: none
  bool one_way;
  const char* problem;  // "": none
};

constexpr std::uint16_t good = 0x8000 | 10 << 8 | 200;  // synchronised, 48 us

TEST_CASE("a sample says what the stamps allow and no more") {
  const auto tsc = StampSource::tsc;
  const auto kernel = StampSource::kernel;
  const auto c = GENERATE_REF(values<Case>({
      {"plain", 20ms, 9ms, 9ms + 30us, 0ns, tsc, good, true, false, 19'970'000, true, ""},
      {"T2 = T3", 20ms, 9ms, 9ms, 0ns, tsc, good, true, false, 20'000'000, true, ""},
      {"our clock is bad", 20ms, 9ms, 10ms, 0ns, tsc, good, false, false, 19'000'000, false, ""},
      {"their clock is not synchronised", 20ms, 9ms, 10ms, 0ns, tsc, 0x0001, true, false,
       19'000'000, false, ""},
      {"their error is too large", 20ms, 9ms, 10ms, 0ns, tsc, 0x8000 | 30 << 8 | 1, true, false,
       19'000'000, false, ""},
      {"their clock claims sync, but is 9 h off", 20ms, 9h, 9h + 1ms, 0ns, tsc, 0x8001, true, false,
       19'000'000, false, "impossible-one-way"},
      {"residence is negative", 20ms, 10ms, 9ms, 0ns, tsc, good, true, false, 20'000'000, false,
       "bad-residence"},
      {"residence is longer than the round trip", 20ms, 0ms, 21ms, 0ns, tsc, good, true, false,
       20'000'000, false, "bad-residence"},
      {"T1 and T3 swapped", 20ms, 9ms, 10ms, 0ns, tsc, good, true, true, 19'000'000, true,
       "swapped-timestamps"},
      {"corrupt estimate", 20ms, 9ms, 10ms, 0ns, tsc, 0x8000, true, false, 19'000'000, false,
       "corrupt-error-estimate"},
      {"wall clock set, own stamps monotonic", 20ms, 9ms, 10ms, 2s, tsc, good, true, false,
       19'000'000, false, "clock-step"},
      {"wall clock set, kernel stamps", 20ms, 9ms, 10ms, -2s, kernel, good, true, false, -1, false,
       "clock-step"},
      {"wall clock slewed", 20ms, 9ms, 10ms, 900us, kernel, good, true, false, 19'000'000, true,
       ""},
      {"arrived before it left", -1us, 9ms, 10ms, 0ns, tsc, good, true, false, -1, false,
       "clock-step"},
  }));
  CAPTURE(c.what);
  const Stamp sent{mono, wall, c.source, {}};
  const Stamp received{mono + c.elapsed, wall + c.elapsed + c.step, c.source, {}};
  StampReply reply;
  reply.error_estimate = c.error_estimate;
  reply.receive_timestamp = encode_time(wall + c.t2, TimestampFormat::ntp);
  const WireTime t3 = encode_time(wall + c.t3, TimestampFormat::ntp);
  reply.timestamp = c.swapped ? wire_time : t3;
  reply.sender_timestamp = c.swapped ? t3 : wire_time;
  const ClockLimits limits{.own = {c.own_clock_good, 100us}};

  const Sample sample = measure(sent, wire_time, received, &reply, limits);
  if (c.rtt < 0) {
    CHECK_FALSE(sample.rtt.has_value());
  } else {
    REQUIRE(sample.rtt.has_value());
    CHECK(sample.rtt->count() == c.rtt);
  }
  CHECK(sample.forward.has_value() == c.one_way);
  CHECK(sample.reverse.has_value() == c.one_way);
  if (c.one_way && c.step == 0ns) {
    CHECK(*sample.forward == c.t2);
    CHECK(*sample.reverse == c.elapsed - c.t3);
  }
  std::string problems;
  for (std::size_t kind = 0; kind < error_kinds; ++kind) {
    if (sample.problems.test(kind)) problems += error_kind_names[kind];
  }
  CHECK(problems == c.problem);
}

TEST_CASE("a sample says what the clocks allow, and what they are off by at most") {
  struct Clock {
    const char* what;
    ClockQuality own;
    std::uint16_t theirs;
    ClockState state;
  };
  const auto c = GENERATE(values<Clock>({
      {"both good", {true, 100us}, good, ClockState::usable},
      {"ours runs free", {false, 100us}, good, ClockState::own_unsynchronised},
      {"ours is bad", {true, 1001us}, good, ClockState::own_inexact},
      {"theirs runs free", {true, 100us}, 0x0001, ClockState::far_unsynchronised},
      {"theirs gives no bound", {true, 100us}, 0x8000, ClockState::far_unsynchronised},
      {"theirs is bad", {true, 100us}, 0x8000 | 30 << 8 | 1, ClockState::far_inexact},
      {"both are bad", {false, 100us}, 0x0001, ClockState::own_unsynchronised},
      {"a leap second", {true, 100us, true}, good, ClockState::leap_second},
  }));
  CAPTURE(c.what);
  const Stamp sent{mono, wall, StampSource::kernel, {}};
  const Stamp received{mono + 20ms, wall + 20ms, StampSource::kernel, {}};
  StampReply reply;
  reply.error_estimate = c.theirs;
  reply.receive_timestamp = encode_time(wall + 9h + 8ms, TimestampFormat::ntp);
  reply.timestamp = encode_time(wall + 9h + 9ms, TimestampFormat::ntp);
  const bool usable = c.state == ClockState::usable;
  if (usable) {
    reply.receive_timestamp = encode_time(wall + 8ms, TimestampFormat::ntp);
    reply.timestamp = encode_time(wall + 9ms, TimestampFormat::ntp);
  }
  const Sample sample = measure(sent, wire_time, received, &reply, {.own = c.own});
  CHECK(to_string(sample.clock) == to_string(c.state));
  CHECK(sample.rtt == std::optional<Nanos>{19ms});
  CHECK(sample.forward.has_value() == usable);
  if (usable) CHECK(sample.clock_error == decode_error_estimate(good).error() + 100us);
  CHECK(sample.problems.test(static_cast<std::size_t>(ErrorKind::leap_second)) ==
        (c.state == ClockState::leap_second));
  REQUIRE(sample.raw_forward.has_value());
  REQUIRE(sample.raw_reverse.has_value());
  CHECK(*sample.raw_forward + *sample.raw_reverse == 19ms);
  const Nanos apart = wall.time_since_epoch() - mono.time_since_epoch() + (usable ? 0h : 9h);
  CHECK(*sample.raw_forward == apart + 8ms);
}

TEST_CASE("a PTP reply with a broken fraction costs the residence, not the reply") {
  const Stamp sent{mono, wall, StampSource::tsc, {}};
  const Stamp received{mono + 20ms, wall + 20ms, StampSource::tsc, {}};
  StampReply reply;
  reply.error_estimate = 0xc001;
  reply.receive_timestamp = 0xffffffffffffffff;
  const Sample sample = measure(sent, wire_time, received, &reply, {});
  CHECK(sample.rtt == std::optional<Nanos>{20ms});
  CHECK_FALSE(sample.forward.has_value());
  CHECK(sample.problems.test(static_cast<std::size_t>(ErrorKind::bad_timestamp)));
}

TEST_CASE("an ICMP sample is the time between the two stamps") {
  const Stamp sent{mono, wall, StampSource::kernel, {}};
  const Stamp received{mono + 20ms, wall + 20ms, StampSource::kernel, {}};
  const Sample sample = measure(sent, 0, received, nullptr, {});
  CHECK(sample.rtt == std::optional<Nanos>{20ms});
  CHECK_FALSE(sample.forward.has_value());
  CHECK(sample.problems.none());
}

}  // namespace
}  // namespace strait::probe
