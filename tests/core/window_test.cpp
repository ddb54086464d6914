// SPDX-License-Identifier: Apache-2.0
#include "core/window.hpp"

#include "core/passive_method.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using strait::Nanos;
using strait::PassiveMethod;
using strait::Protocol;
using strait::StampSource;
using strait::WallTime;
using strait::Window;

namespace {

Window minute(std::chrono::minutes start) {
  Window window;
  window.session = {
      .path = "atlas", .target = "marseille", .protocol = Protocol::stamp, .dscp = 46};
  window.start = WallTime{start};
  window.length = 1min;
  return window;
}

}  // namespace

TEST_CASE("every protocol and timestamp source has a name that reads back") {
  const auto protocol = GENERATE(Protocol::stamp, Protocol::icmp, Protocol::twamp);
  CHECK(strait::parse_protocol(to_string(protocol)).value() == protocol);

  const auto source =
      GENERATE(StampSource::hardware, StampSource::kernel, StampSource::tsc, StampSource::user);
  CHECK(strait::parse_stamp_source(to_string(source)).value() == source);
}

TEST_CASE("each method of captured traffic is a protocol that reads back, and no probe's has one") {
  const auto method = GENERATE(PassiveMethod::handshake, PassiveMethod::query,
                               PassiveMethod::quic_handshake, PassiveMethod::spin_whole);
  const Protocol protocol = strait::protocol_of(method);
  CHECK(to_string(protocol) == "passive-" + std::string{to_string(method)});
  CHECK(strait::parse_protocol(to_string(protocol)).value() == protocol);
  CHECK(strait::passive_method(protocol) == method);
  CHECK_FALSE(strait::passive_method(Protocol::twamp).has_value());
  CHECK_FALSE(strait::parse_protocol("passive-").has_value());
}

TEST_CASE("an unknown name is refused with the names that exist") {
  const auto* text = GENERATE("", "STAMP", "stamp ", "quic");
  CAPTURE(text);
  const auto protocol = strait::parse_protocol(text);
  REQUIRE_FALSE(protocol.has_value());
  CHECK_THAT(
      protocol.error().message,
      Catch::Contains(text) && Catch::Contains("want one of stamp, icmp, udp-echo, tcp, twamp"));

  const auto source = strait::parse_stamp_source(text);
  REQUIRE_FALSE(source.has_value());
  CHECK_THAT(source.error().message, Catch::Contains("want one of hardware, kernel, tsc, user"));
}

TEST_CASE("merging windows adds their counts and sketches and spans both intervals") {
  Window into = minute(3min);
  into.counts = {.scheduled = 10,
                 .missed = 1,
                 .sent = 9,
                 .received = 7,
                 .lost = 2,
                 .late = 1,
                 .duplicate = 3,
                 .reordered = 4,
                 .errors = {{"wrong-source", 1}, {"short", 2}}};
  into.rtt.record(20ms);
  into.source = StampSource::kernel;
  into.uncertainty = 5us;

  Window other = minute(5min);
  other.counts = {.scheduled = 100,
                  .missed = 10,
                  .sent = 90,
                  .received = 70,
                  .lost = 20,
                  .late = 10,
                  .duplicate = 30,
                  .reordered = 40,
                  .errors = {{"wrong-source", 10}, {"replayed", 5}}};
  other.rtt.record(30ms);
  other.ipdv.record(2ms);
  into.ipdv.record(1ms, 3);
  other.forward.record(10ms);
  other.reverse.record(11ms);
  other.lag.record(12us);
  other.uncertain.record(40ms);
  other.source = StampSource::tsc;
  other.uncertainty = 2us;

  const bool earlier_first = GENERATE(true, false);
  if (!earlier_first) std::swap(into, other);
  merge(into, other);

  const strait::Counts sums{.scheduled = 110,
                            .missed = 11,
                            .sent = 99,
                            .received = 77,
                            .lost = 22,
                            .late = 11,
                            .duplicate = 33,
                            .reordered = 44,
                            .errors = {{"wrong-source", 11}, {"short", 2}, {"replayed", 5}}};
  CHECK(into.counts == sums);
  CHECK(into.start == WallTime{3min});
  CHECK(into.length == 3min);
  CHECK(into.rtt.count() == 2);
  CHECK(into.rtt.sum() == 50ms);
  CHECK(into.forward.max() == Nanos{10ms});
  CHECK(into.reverse.max() == Nanos{11ms});
  CHECK(into.lag.max() == Nanos{12us});
  CHECK(into.uncertain.max() == Nanos{40ms});
  CHECK(into.ipdv.count() == 4);
  CHECK(into.ipdv.sum() == 5ms);
  CHECK(into.source == StampSource::tsc);  // the worse of the two
  CHECK(into.uncertainty == 5us);
}

TEST_CASE("a window without a reply does not change what timestamps the others have") {
  Window into = minute(3min);
  into.rtt.record(20ms);
  into.source = StampSource::kernel;
  Window outage = minute(4min);
  outage.counts.lost = 60;
  const bool outage_first = GENERATE(true, false);
  if (outage_first) std::swap(into, outage);
  merge(into, outage);
  CHECK(into.source == StampSource::kernel);
}
