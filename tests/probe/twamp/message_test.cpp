// SPDX-License-Identifier: Apache-2.0
#include "probe/twamp/message.hpp"

#include <catch2/catch.hpp>

#include "tests/probe/twamp/wire.hpp"

namespace strait::probe::twamp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::octets;
using test::to_vector;

Address address(std::string_view text) { return parse_address(text).value(); }

// Written from the figures of RFC 4656 section 3 and RFC 5357 section 3, not by our encoder.
TEST_CASE("each control message has the octets of its RFC's figure, there and back") {
  SECTION("Server-Greeting") {
    ServerGreeting greeting{.modes = 0x41, .count = 1024};
    greeting.challenge.fill(std::byte{0xc1});
    greeting.salt.fill(std::byte{0x5a});
    const auto wire = octets("00*12 00 00 00 41 c1*16 5a*16 00 00 04 00 00*12");
    CHECK(to_vector(encode(greeting)) == wire);
    CHECK(read_greeting(encode(greeting)) == greeting);
  }
  SECTION("Set-Up-Response") {
    const SetUpResponse response{.mode = 0x41};
    CHECK(to_vector(encode(response)) == octets("00 00 00 41 00*80 00*64 00*16"));
    CHECK(read_set_up(encode(response)) == response);
  }
  SECTION("Server-Start") {
    const ServerStart start{.accept = Accept::temporary_limit, .start_time = 0xe8c6b5a493827160};
    CHECK(to_vector(encode(start)) == octets("00*15 05 00*16 e8 c6 b5 a4 93 82 71 60 00*8"));
    CHECK(read_server_start(encode(start)) == start);
  }
  SECTION("Request-TW-Session, IPv4") {
    const RequestSession request{.ip_version = 4,
                                 .sender_port = 0x1234,
                                 .receiver_port = 0xc001,
                                 .sender = address("192.0.2.1"),
                                 .receiver = address("198.51.100.7"),
                                 .padding_length = 30,
                                 .start_time = 0x0102030405060708,
                                 .timeout = 0x0000000280000000,
                                 .type_p = 46U << 24U};
    CHECK(to_vector(encode(request)) ==
          octets("05 04 00 00 00*4 00*4 12 34 c0 01 c0 00 02 01 00*12 c6 33 64 07 00*12 00*16 "
                 "00 00 00 1e 01 02 03 04 05 06 07 08 00 00 00 02 80 00 00 00 2e 00 00 00 00*8 "
                 "00*16"));
    CHECK(read_request(encode(request)) == request);
  }
  SECTION("Request-TW-Session, IPv6") {
    const RequestSession request{.ip_version = 6,
                                 .conf_sender = 1,
                                 .conf_receiver = 2,
                                 .slots = 3,
                                 .packets = 4,
                                 .sender_port = 1,
                                 .receiver_port = 2,
                                 .sender = address("2001:db8::1"),
                                 .receiver = address("2001:db8:ffff::2")};
    CHECK(to_vector(encode(request)) ==
          octets("05 06 01 02 00 00 00 03 00 00 00 04 00 01 00 02 20 01 0d b8 00*11 01 "
                 "20 01 0d b8 ff ff 00*9 02 00*16 00*4 00*8 00*8 00*4 00*8 00*16"));
    CHECK(read_request(encode(request)) == request);
  }
  SECTION("Accept-Session") {
    AcceptSession answer{.accept = Accept::ok, .port = 0xc350};
    answer.sid.fill(std::byte{0x77});
    CHECK(to_vector(encode(answer)) == octets("00 00 c3 50 77*16 00*12 00*16"));
    CHECK(read_accept_session(encode(answer)) == answer);
  }
  SECTION("Start-Sessions, Start-Ack, Stop-Sessions") {
    CHECK(to_vector(encode(StartSessions{})) == octets("02 00*15 00*16"));
    const StartAck ack{.accept = Accept::not_supported};
    CHECK(to_vector(encode(ack)) == octets("03 00*15 00*16"));
    CHECK(read_start_ack(encode(ack)) == ack);
    const StopSessions stop{.accept = Accept::failure, .sessions = 0x01020304};
    CHECK(to_vector(encode(stop)) == octets("03 01 00 00 01 02 03 04 00*8 00*16"));
    CHECK(read_stop_sessions(encode(stop)) == stop);
  }
}

TEST_CASE("what must be zero may be anything") {
  const auto noisy = [](auto message, std::initializer_list<std::size_t> used) {
    auto wire = encode(message);
    for (std::size_t at = 0; at < wire.size(); ++at) {
      if (std::ranges::find(used, at) == used.end()) wire.at(at) ^= std::byte{0xff};
    }
    return wire;
  };
  const ServerStart start{.accept = Accept::ok, .start_time = 0};
  CHECK(read_server_start(noisy(start, {15, 32, 33, 34, 35, 36, 37, 38, 39})) == start);
  CHECK(read_set_up(noisy(SetUpResponse{.mode = 1}, {0, 1, 2, 3})) == SetUpResponse{.mode = 1});
  CHECK(read_start_ack(noisy(StartAck{}, {0})) == StartAck{});
  const StopSessions stop{.sessions = 7};
  CHECK(read_stop_sessions(noisy(stop, {0, 1, 4, 5, 6, 7})) == stop);

  // RFC 4656 section 3.5: behind an IPv4 address, and beside the version.
  const RequestSession request{.sender = address("192.0.2.1"), .receiver = address("192.0.2.2")};
  auto wire = encode(request);
  wire[1] |= std::byte{0xf0};
  for (std::size_t at = 20; at < 32; ++at) wire.at(at) = wire.at(at + 16) = std::byte{0xee};
  CHECK(read_request(wire) == request);
}

TEST_CASE("an Accept value that no RFC knows is a failure") {
  struct Case {
    int octet;
    Accept accept;
  };
  const auto c = GENERATE(values<Case>({{0, Accept::ok},
                                        {1, Accept::failure},
                                        {2, Accept::internal_error},
                                        {3, Accept::not_supported},
                                        {4, Accept::permanent_limit},
                                        {5, Accept::temporary_limit},
                                        {6, Accept::failure},
                                        {255, Accept::failure}}));
  CAPTURE(c.octet);
  auto wire = encode(AcceptSession{});
  wire[0] = static_cast<std::byte>(c.octet);
  CHECK(read_accept_session(wire).accept == c.accept);
  auto start = encode(ServerStart{});
  start[15] = static_cast<std::byte>(c.octet);
  CHECK(read_server_start(start).accept == c.accept);
  auto stop = encode(StopSessions{});
  stop[1] = static_cast<std::byte>(c.octet);
  CHECK(read_stop_sessions(stop).accept == c.accept);
}

TEST_CASE("an interval of 32.32 seconds comes back to the nanosecond, and does not overflow") {
  for (const Nanos each : {Nanos{0}, Nanos{1}, Nanos{999'999'999}, Nanos{seconds{900}},
                           Nanos{milliseconds{2500}}, Nanos{123'456'789'012}}) {
    CHECK(from_wire_interval(to_wire_interval(each)) == each);
  }
  CHECK(to_wire_interval(milliseconds{2500}) == 0x0000000280000000);
  CHECK(to_wire_interval(Nanos{-1}) == 0);
  CHECK(to_wire_interval(Nanos::max()) == ~WireTime{0});
  CHECK(from_wire_interval(~WireTime{0}) == seconds{0x100000000});
}

}  // namespace
}  // namespace strait::probe::twamp
