// SPDX-License-Identifier: Apache-2.0
#include "probe/twamp/client_connection.hpp"

#include <catch2/catch.hpp>

#include "probe/twamp/server_connection.hpp"
#include "tests/probe/twamp/wire.hpp"

namespace strait::probe::twamp {
namespace {

using std::chrono::seconds;
using test::append;
using test::to_vector;
using Stage = ClientConnection::Stage;

ClientWishes wishes(std::size_t sessions) {
  ClientWishes wishes;
  wishes.name = "far (192.0.2.2:862)";
  for (std::size_t i = 0; i < sessions; ++i) {
    wishes.sessions.push_back({.sender_port = static_cast<std::uint16_t>(20'000 + i),
                               .receiver_port = static_cast<std::uint16_t>(30'000 + i),
                               .dscp = 46,
                               .payload = 44,
                               .timeout = seconds{3}});
  }
  return wishes;
}

struct Fixture {
  explicit Fixture(std::size_t sessions = 1) : client{wishes(sessions), now} {}

  // What the server says; returns what the client answers.
  template <class Message>
  std::vector<std::byte> hear(const Message& message) {
    client.receive(encode(message), now);
    return client.take_output();
  }
  void until_accepting(std::uint32_t modes = 1) {
    REQUIRE(hear(ServerGreeting{.modes = modes, .count = 1024}).size() == SetUpResponse::size);
    REQUIRE(hear(ServerStart{}).size() == RequestSession::size);
  }
  void until_running() {
    until_accepting();
    REQUIRE(hear(AcceptSession{.port = 30'000}).size() == StartSessions::size);
    REQUIRE(hear(StartAck{}).empty());
    REQUIRE(client.stage() == Stage::running);
  }
  [[nodiscard]] std::string failure() const {
    REQUIRE(client.stage() == Stage::failed);
    return client.failure().message;
  }

  MonoTime now{seconds{1000}};
  ClientConnection client;
};

TEST_CASE("a client sets up, asks for each session, starts all and stops as many") {
  Fixture f{2};
  CHECK(f.client.take_output().empty());  // the server speaks first
  CHECK(f.hear(ServerGreeting{.modes = 7, .count = 1024}) ==
        to_vector(encode(SetUpResponse{.mode = 1})));
  const auto asked = f.hear(ServerStart{});
  REQUIRE(asked.size() == RequestSession::size);
  const auto first = read_request(std::span{asked}.first<RequestSession::size>());
  CHECK(first.ip_version == 4);
  CHECK(first.sender_port == 20'000);
  CHECK(first.receiver_port == 30'000);
  CHECK(first.padding_length == 30);
  CHECK(first.timeout == to_wire_interval(seconds{3}));
  CHECK(first.type_p == 46U << 24U);

  // Another port than the one that was asked for.
  CHECK(f.hear(AcceptSession{.port = 50'000}).size() == RequestSession::size);
  CHECK(f.hear(AcceptSession{.port = 30'001}) == to_vector(encode(StartSessions{})));
  CHECK(f.hear(StartAck{}).empty());
  CHECK(f.client.stage() == Stage::running);
  REQUIRE(f.client.answers().size() == 2);
  CHECK(f.client.answers()[0].port == 50'000);
  CHECK(f.client.answers()[1].port == 30'001);

  f.client.stop();
  CHECK(f.client.take_output() == to_vector(encode(StopSessions{.sessions = 2})));
  CHECK(f.client.stage() == Stage::stopped);
  f.client.stop();
  f.client.hang_up("closed");
  CHECK(f.client.take_output().empty());
  CHECK(f.client.stage() == Stage::stopped);
}

// RFC 5357 section 3.5: then the server takes those of the control connection.
TEST_CASE("a request names no address, so that a NAT between the two does no harm") {
  const bool v6 = GENERATE(false, true);
  CAPTURE(v6);
  const MonoTime now{seconds{1000}};
  auto wanted = wishes(1);
  wanted.v6 = v6;
  ClientConnection client{wanted, now};
  client.receive(encode(ServerGreeting{.modes = 1}), now);
  client.receive(encode(ServerStart{}), now);
  const auto said = client.take_output();
  const auto request = std::span{said}.subspan(SetUpResponse::size);
  CHECK(to_vector(request) ==
        test::octets(std::string{v6 ? "05 06" : "05 04"} +
                     " 00 00 00*4 00*4 4e 20 75 30 00*16 00*16 00*16 00 00 00 1e 00*8 "
                     "00 00 00 03 00 00 00 00 2e 00 00 00 00*8 00*16"));
}

TEST_CASE("sessions that a server refuses do not cost those that it gives") {
  Fixture f{3};
  f.until_accepting();
  CHECK_FALSE(f.client.refusal().has_value());
  CHECK(f.hear(AcceptSession{.port = 30'000}).size() == RequestSession::size);
  CHECK(f.hear(AcceptSession{.accept = Accept::temporary_limit}).size() == RequestSession::size);
  CHECK(f.hear(AcceptSession{.port = 30'002}) == to_vector(encode(StartSessions{})));
  CHECK(f.hear(StartAck{}).empty());
  REQUIRE(f.client.stage() == Stage::running);
  REQUIRE(f.client.answers().size() == 3);
  CHECK(f.client.answers()[1].accept == Accept::temporary_limit);
  REQUIRE(f.client.refusal().has_value());
  CHECK(f.client.refusal()->message ==
        "twamp server far (192.0.2.2:862): it refuses 1 of 3 sessions: temporary resource limit");
  f.client.stop();
  // RFC 5357 section 3.8: those that were accepted.
  CHECK(f.client.take_output() == to_vector(encode(StopSessions{.sessions = 2})));
}

TEST_CASE("symmetrical size is taken where it is offered, and counts its 27 octets") {
  Fixture f;
  CHECK(f.hear(ServerGreeting{.modes = 1 + 32 + 64 + 256}) ==
        to_vector(encode(SetUpResponse{.mode = 65})));
  const auto asked = f.hear(ServerStart{});
  REQUIRE(asked.size() == RequestSession::size);
  CHECK(read_request(std::span{asked}.first<RequestSession::size>()).padding_length == 3);
}

TEST_CASE("a server that will not is named with its reason") {
  struct Case {
    const char* what;
    std::function<void(Fixture&)> happens;
    Errc code;
    const char* message;
  };
  const auto c = GENERATE(values<Case>({
      {"modes 0", [](Fixture& f) { f.hear(ServerGreeting{.modes = 0}); }, Errc::unsupported,
       "it does not want to talk to us (modes 0)"},
      {"features only", [](Fixture& f) { f.hear(ServerGreeting{.modes = 64}); }, Errc::unsupported,
       "it does not want to talk to us (modes 64)"},
      {"keys only", [](Fixture& f) { f.hear(ServerGreeting{.modes = 6}); }, Errc::unsupported,
       "it wants authentication (modes 6), which strait does not have for TWAMP"},
      {"set-up refused",
       [](Fixture& f) {
         f.hear(ServerGreeting{.modes = 1});
         f.hear(ServerStart{.accept = Accept::temporary_limit});
       },
       Errc::io, "it refuses the connection: temporary resource limit"},
      {"session refused",
       [](Fixture& f) {
         f.until_accepting();
         f.hear(AcceptSession{.accept = Accept::not_supported});
         f.hear(AcceptSession{.accept = Accept::not_supported});
       },
       Errc::unsupported, "it refuses 2 of 2 sessions: not supported"},
      {"session refused, and leaves",
       [](Fixture& f) {
         f.until_accepting();
         f.hear(AcceptSession{.accept = Accept::permanent_limit});
         f.client.hang_up("end of stream");
       },
       Errc::unsupported,
       "it refuses 1 of 2 sessions: permanent resource limit; then end of stream instead of "
       "Accept-Session for session 2 of 2"},
      {"session refused, and falls silent",
       [](Fixture& f) {
         f.until_accepting();
         f.hear(AcceptSession{.accept = Accept::temporary_limit});
         f.client.tick(f.client.deadline());
       },
       Errc::io,
       "it refuses 1 of 2 sessions: temporary resource limit; then no Accept-Session within 5s "
       "(nothing came) for session 2 of 2"},
      {"port 0",
       [](Fixture& f) {
         f.until_accepting();
         f.hear(AcceptSession{.port = 0});
       },
       Errc::io, "it accepts a session on port 0"},
      {"start refused",
       [](Fixture& f) {
         f.until_accepting();
         f.hear(AcceptSession{.port = 1});
         f.hear(AcceptSession{.port = 2});
         f.hear(StartAck{.accept = Accept::failure});
       },
       Errc::unsupported, "it does not start the test: failure"},
      {"hangs up at once", [](Fixture& f) { f.client.hang_up("end of stream"); }, Errc::io,
       "end of stream instead of Server-Greeting"},
      {"hangs up later",
       [](Fixture& f) {
         f.until_accepting();
         f.client.hang_up("end of stream");
       },
       Errc::io, "end of stream instead of Accept-Session for session 1 of 2"},
  }));
  CAPTURE(c.what);
  Fixture f{2};
  c.happens(f);
  CHECK(f.failure() == std::string{"twamp server far (192.0.2.2:862): "} + c.message);
  CHECK(f.client.failure().code == c.code);
}

TEST_CASE("a refused mode is answered with 0, as the RFC asks") {
  Fixture f;
  CHECK(f.hear(ServerGreeting{.modes = 6}) == to_vector(encode(SetUpResponse{.mode = 0})));
}

TEST_CASE("silence fails, whole or in the middle of a message") {
  Fixture f;
  SECTION("nothing at all") {
    f.client.tick(f.now + seconds{5} - Nanos{1});
    CHECK_FALSE(f.client.ended());
    f.client.tick(f.client.deadline());
    CHECK(f.failure() ==
          "twamp server far (192.0.2.2:862): no Server-Greeting within 5s (nothing came)");
  }
  SECTION("half a message, which does not begin the time anew") {
    f.now += seconds{4};
    const auto greeting = encode(ServerGreeting{.modes = 1});
    f.client.receive(std::span{greeting}.first(63), f.now);
    f.client.tick(f.now + seconds{1});
    CHECK(f.failure() ==
          "twamp server far (192.0.2.2:862): no Server-Greeting within 5s (63 of 64 octets came)");
  }
  SECTION("each answer has a time of its own") {
    f.now += seconds{4};
    f.hear(ServerGreeting{.modes = 1});
    f.client.tick(f.now + seconds{4});
    CHECK_FALSE(f.client.ended());
  }
  SECTION("none is expected while the test runs") {
    f.until_running();
    CHECK(f.client.deadline() == MonoTime::max());
    f.client.tick(f.now + seconds{100'000});
    CHECK_FALSE(f.client.ended());
  }
}

TEST_CASE("a control connection that ends or speaks during the test fails it") {
  Fixture f;
  f.until_running();
  SECTION("it ends") {
    f.client.hang_up("connection reset");
    CHECK(f.failure() ==
          "twamp server far (192.0.2.2:862): the control connection ended during the test: "
          "connection reset");
  }
  SECTION("it speaks") {
    f.hear(StopSessions{.sessions = 1});
    CHECK(f.failure() ==
          "twamp server far (192.0.2.2:862): it sent something while the test was running");
  }
  f.client.stop();
  CHECK(f.client.take_output().empty());
}

TEST_CASE("nothing of a greeting that follows another message is taken for one") {
  Fixture f;
  std::vector<std::byte> stream;
  append(stream, encode(ServerGreeting{.modes = 1}));
  append(stream, encode(ServerStart{}));
  append(stream, encode(AcceptSession{.port = 7}));
  append(stream, encode(StartAck{}));
  for (const std::byte octet : stream) f.client.receive(std::span{&octet, 1}, f.now);
  CHECK(f.client.stage() == Stage::running);
  CHECK(f.client.take_output().size() ==
        SetUpResponse::size + RequestSession::size + StartSessions::size);
}

// The two machines, one against the other.
class OnePort final : public TestPorts {
 public:
  [[nodiscard]] Opened open(const TestSession&, MonoTime) override {
    return {.reason = {}, .number = opened++, .port = 50'000};
  }
  void start(SessionNumber, MonoTime) override { ++started; }
  void stop(SessionNumber, MonoTime) override { ++stopped; }
  [[nodiscard]] MonoTime last_heard(SessionNumber) const override { return {}; }
  std::uint64_t opened = 0;
  int started = 0;
  int stopped = 0;
};

TEST_CASE("our client and our server agree") {
  const MonoTime now{seconds{1000}};
  OnePort ports;
  ServerFacts facts;
  facts.random = [] { return std::uint64_t{4}; };
  facts.time = [] { return WireTime{0}; };
  facts.ports = &ports;
  ServerTallies tallies;
  const auto wanted = wishes(5);
  ServerConnection server{facts, tallies, parse_endpoint("192.0.2.1:40000", 0).value(),
                          parse_endpoint("192.0.2.2:862", 0).value(), now};
  ClientConnection client{wanted, now};
  const auto exchange = [&] {
    for (int turn = 0; turn < 20; ++turn) {
      client.receive(server.take_output(), now);
      server.receive(client.take_output(), now);
    }
  };
  exchange();
  CHECK(client.stage() == Stage::running);
  CHECK(ports.started == 5);
  client.stop();
  exchange();
  CHECK(ports.stopped == 5);
  CHECK_FALSE(server.closed());
  CHECK(tallies.ended.empty());
}

}  // namespace
}  // namespace strait::probe::twamp
