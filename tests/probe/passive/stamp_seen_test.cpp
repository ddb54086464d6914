// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "probe/stamp_packet.hpp"
#include "tests/probe/passive/conversation.hpp"
#include "tests/probe/passive/datagrams.hpp"

namespace strait::probe::passive {
namespace {

// Clocks of sender and reflector, which nobody set: they only have to run.
constexpr WallTime sender_clock{std::chrono::seconds{1'000'000'000}};
constexpr WallTime reflector_clock{std::chrono::seconds{1'200'000'000}};

using Bytes = std::vector<std::byte>;

struct How {
  TimestampFormat format = TimestampFormat::ntp;
  std::size_t size = stamp_packet_size;
};

std::uint16_t error_of(const How& how) {
  return encode({.synchronised = false, .format = how.format, .scale = 0, .multiplier = 1});
}
WireTime sent_at(std::uint32_t number, const How& how) {
  return encode_time(sender_clock + std::chrono::milliseconds{number}, how.format);
}

Bytes request(std::uint32_t number, const How& how = {}) {
  Bytes packet(std::max(how.size, stamp_packet_size));
  write_stamp_request({.sequence = number,
                       .timestamp = sent_at(number, how),
                       .error_estimate = error_of(how),
                       .ssid = 0},
                      packet);
  packet.resize(how.size);
  return packet;
}

// Of a reflector that had it for `hold` microseconds, and counts for itself.
Bytes reply(std::uint32_t number, std::int64_t hold, const How& how = {}) {
  Bytes packet(std::max(how.size, stamp_packet_size));
  write_stamp_reply(
      {.sequence = number + 1000,
       .timestamp = encode_time(reflector_clock + std::chrono::microseconds{hold}, how.format),
       .error_estimate = error_of(how),
       .ssid = 0,
       .receive_timestamp = encode_time(reflector_clock, how.format),
       .sender_sequence = number,
       .sender_timestamp = sent_at(number, {}),
       .sender_error_estimate = error_of({}),
       .sender_ttl = 64},
      packet);
  packet.resize(how.size);
  return packet;
}

constexpr Datagrams::Ports to_reflector{.client = 40000, .server = 862};

Metered metered_datagrams(const Datagrams& datagrams, std::vector<std::uint16_t> ports = {862}) {
  MeterOptions options;
  options.decode.stamp_ports = std::move(ports);
  return metered(datagrams.packets(), options);
}

TEST_CASE("a test packet's round trip is timed less what its reflector says that it took") {
  const auto c = GENERATE(values<How>({
      {.format = TimestampFormat::ntp, .size = 44},
      {.format = TimestampFormat::ptp, .size = 44},
      {.format = TimestampFormat::ntp, .size = 41},  // TWAMP's reply has no less (RFC 5357)
      {.format = TimestampFormat::ptp, .size = 1400},
  }));
  CAPTURE(static_cast<int>(c.format), c.size);
  const auto result = metered_datagrams(Datagrams{to_reflector}
                                            .client(0, request(7))
                                            .server(20'500, reply(7, 500, c))
                                            .client(1'000'000, request(8))
                                            .server(1'030'000, reply(8, 0, c)));
  CHECK(result.round_trips == Strings{"stamp client 20000", "stamp client 30000"});
  REQUIRE(result.flows.size() == 1);
  const FlowReport& flow = result.flows[0];
  CHECK(flow.client_known);
  CHECK(flow.client.end.port == 40000);
  CHECK(flow.client.best_method() == Method::stamp);
  CHECK(flow.client.signs == SenderSigns{});
  CHECK(result.tally.by_exchange.at(static_cast<std::size_t>(Exchange::stamp)) == 4);
}

TEST_CASE("TWAMP's request may have padding of any kind, or none at all") {
  Bytes padded = request(7);
  for (std::size_t i = 16; i < padded.size(); ++i) padded[i] = std::byte{0xa5};
  for (const Bytes& packet : {padded, request(7, {.format = {}, .size = 14})}) {
    const auto result =
        metered_datagrams(Datagrams{to_reflector}.client(0, packet).server(9000, reply(7, 1000)));
    CHECK(result.round_trips == Strings{"stamp client 8000"});
  }
}

TEST_CASE("what a reply answers must be certain, and its reflector's time believable") {
  struct Case {
    const char* what;
    Datagrams datagrams;
    Strings round_trips;
    SenderSigns signs;
  };
  const auto begun = [] { return Datagrams{to_reflector}.client(0, request(7)); };
  Bytes other_time = reply(7, 0);
  store(std::span{other_time}, 28, WireTime{12345});
  const std::vector<Case> cases{
      {"a request that came by twice",
       begun().client(10, request(7)).server(9000, reply(7, 0)),
       {},
       {.retransmitted = 1, .refused = 1}},
      {"two replies of one request",
       begun().server(9000, reply(7, 0)).server(9100, reply(7, 0)),
       {"stamp client 9000"},
       {.unseen = 1}},
      {"a reply of another number",
       begun().server(9000, reply(8, 0)),
       {},
       {.unseen = 1, .unanswered = 1}},
      {"the sender's time is not the request's",
       begun().server(9000, other_time),
       {},
       {.unseen = 1, .unanswered = 1}},
      {"longer at the reflector than away from here",
       begun().server(9000, reply(7, 9001)),
       {},
       {.refused = 1}},
      {"left before it came", begun().server(9000, reply(7, -1)), {}, {.refused = 1}},
      {"replies overtake one another",
       begun().client(1000, request(8)).server(9000, reply(8, 0)).server(9500, reply(7, 0)),
       {"stamp client 8000", "stamp client 9500"},
       {}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    const auto result = metered_datagrams(c.datagrams);
    CHECK(result.round_trips == c.round_trips);
    REQUIRE(result.flows.size() == 1);
    CHECK(result.flows[0].client.signs == c.signs);
  }
}

TEST_CASE("a number that comes again with another time is another request") {
  How later;
  Bytes again = request(7, later);
  Bytes its_reply = reply(7, 0);
  store(std::span{again}, 4, sent_at(5000, later));
  store(std::span{its_reply}, 28, sent_at(5000, later));
  const auto result = metered_datagrams(
      Datagrams{to_reflector}.client(0, request(7)).client(5000, again).server(9000, its_reply));
  CHECK(result.round_trips == Strings{"stamp client 4000"});
}

TEST_CASE("what comes to a reflector's port and is no test packet is counted, not followed") {
  Bytes corrupt = request(7);
  corrupt[13] = std::byte{0};  // the Multiplier, RFC 4656 section 4.1.2
  Bytes timeless = request(7);
  store(std::span{timeless}, 4, WireTime{0});
  const Bytes brief(13, std::byte{1});
  const Bytes reply_too_short = reply(7, 0, {.format = {}, .size = 37});
  Datagrams datagrams{to_reflector};
  datagrams.client(0, corrupt).client(1, timeless).client(2, brief).server(3, reply_too_short);
  const auto result = metered_datagrams(datagrams);
  CHECK(result.flows.empty());
  CHECK(result.tally.by_exchange.at(static_cast<std::size_t>(Exchange::misfit)) == 4);
}

TEST_CASE("reflectors are known by the ports that are told, on one side or both") {
  const auto talk = [](const Datagrams::Ports& ports) {
    return Datagrams{ports}.client(0, request(7)).server(9000, reply(7, 0));
  };
  CHECK(metered_datagrams(talk({.client = 40000, .server = 20000})).flows.empty());
  CHECK(metered_datagrams(talk({.client = 40000, .server = 20000}), {862, 20000})
            .round_trips.size() == 1);
  CHECK(metered_datagrams(talk({.client = 862, .server = 862})).round_trips.size() == 1);
  CHECK(metered_datagrams(talk(to_reflector), {}).flows.empty());
}

}  // namespace
}  // namespace strait::probe::passive
