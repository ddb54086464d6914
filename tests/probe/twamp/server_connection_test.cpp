// SPDX-License-Identifier: Apache-2.0
#include "probe/twamp/server_connection.hpp"

#include <catch2/catch.hpp>
#include <memory>

#include "tests/probe/twamp/wire.hpp"

namespace strait::probe::twamp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::append;

Endpoint endpoint(std::string_view text) { return parse_endpoint(text, 0).value(); }

// Ports that reflect nothing and remember what was asked of them.
class FakePorts final : public TestPorts {
 public:
  struct Port {
    TestSession session;
    bool started = false;
    std::optional<MonoTime> until{};
    MonoTime heard;
  };

  [[nodiscard]] Opened open(const TestSession& session, MonoTime now) override {
    if (refusal != Accept::ok) return {.accept = refusal, .reason = "no-port"};
    ports.push_back({.session = session, .heard = now});
    const bool taken = session.receiver.port == 0 || session.receiver.port == occupied;
    return {.reason = {},
            .number = ports.size() - 1,
            .port = taken ? std::uint16_t{50'000} : session.receiver.port};
  }
  void start(SessionNumber session, MonoTime now) override {
    ports.at(session).started = true;
    ports.at(session).heard = now;
  }
  void stop(SessionNumber session, MonoTime until) override {
    REQUIRE_FALSE(ports.at(session).until.has_value());  // once each
    ports.at(session).until = until;
  }
  [[nodiscard]] MonoTime last_heard(SessionNumber session) const override {
    return ports.at(session).heard;
  }

  std::vector<Port> ports;
  Accept refusal = Accept::ok;
  std::uint16_t occupied = 862;
};

struct Fixture {
  explicit Fixture(const char* client = "192.0.2.1:40000", const char* server = "192.0.2.2:862") {
    facts.start_time = 0xabcd;
    facts.random = [this] { return ++random; };
    facts.time = [] { return WireTime{0x1122334455667788}; };
    facts.ports = &ports;
    connection =
        std::make_unique<ServerConnection>(facts, tallies, endpoint(client), endpoint(server), now);
    greeting = connection->take_output();
  }

  template <class Message>
  std::vector<std::byte> say(const Message& message) {
    connection->receive(encode(message), now);
    return connection->take_output();
  }
  AcceptSession ask(const RequestSession& request) {
    const auto answer = say(request);
    REQUIRE(answer.size() == AcceptSession::size);
    return read_accept_session(std::span{answer}.first<AcceptSession::size>());
  }
  void set_up() { REQUIRE(say(SetUpResponse{.mode = 1}).size() == ServerStart::size); }
  void begin(std::size_t sessions) {
    set_up();
    for (std::size_t i = 0; i < sessions; ++i) REQUIRE(ask(wish()).accept == Accept::ok);
    REQUIRE(say(StartSessions{}) == test::to_vector(encode(StartAck{})));
  }
  void pass(Nanos time) {
    now += time;
    connection->tick(now);
  }
  static RequestSession wish() {
    return {.sender_port = 20'000,
            .receiver_port = 30'000,
            .sender = {},
            .receiver = {},
            .padding_length = 30,
            .timeout = to_wire_interval(seconds{2})};
  }

  MonoTime now{seconds{1000}};
  std::uint64_t random = 0;
  FakePorts ports;
  ServerFacts facts;
  ServerTallies tallies;
  std::unique_ptr<ServerConnection> connection;
  std::vector<std::byte> greeting;
};

TEST_CASE("a server greets, takes several sessions, starts and stops them, and goes on") {
  Fixture server;
  REQUIRE(server.greeting.size() == ServerGreeting::size);
  const auto greeting = read_greeting(std::span{server.greeting}.first<ServerGreeting::size>());
  CHECK(greeting.modes == (mode_unauthenticated | mode_symmetrical_size));
  CHECK(greeting.count == 1024);
  CHECK(greeting.challenge != greeting.salt);

  const auto start = server.say(SetUpResponse{.mode = 1});
  CHECK(start == test::to_vector(encode(ServerStart{.accept = Accept::ok, .start_time = 0xabcd})));

  auto wish = Fixture::wish();
  wish.type_p = 46U << 24U;
  const auto first = server.ask(wish);
  CHECK(first.accept == Accept::ok);
  CHECK(first.port == 30'000);
  wish.receiver_port = 862;  // taken: another is proposed
  const auto second = server.ask(wish);
  CHECK(second.port == 50'000);
  CHECK(first.sid != second.sid);
  CHECK(std::to_integer<int>(first.sid[0]) == 192);  // RFC 4656 section 3.5
  REQUIRE(server.ports.ports.size() == 2);
  CHECK(server.ports.ports[0].session.sender == endpoint("192.0.2.1:20000"));
  CHECK(server.ports.ports[0].session.receiver == endpoint("192.0.2.2:30000"));
  CHECK(server.ports.ports[0].session.dscp == 46);
  CHECK_FALSE(server.ports.ports[0].started);

  CHECK(server.say(StartSessions{}) == test::to_vector(encode(StartAck{})));
  CHECK(server.ports.ports[0].started);
  CHECK(server.ports.ports[1].started);
  CHECK(server.say(StopSessions{.sessions = 2}).empty());  // not answered
  CHECK(server.ports.ports[0].until == server.now + seconds{2});
  CHECK(server.ports.ports[1].until == server.now + seconds{2});

  CHECK(server.ask(Fixture::wish()).accept == Accept::ok);
  CHECK(server.say(StartSessions{}) == test::to_vector(encode(StartAck{})));
  CHECK(server.say(StopSessions{.sessions = 1}).empty());
  server.connection->hang_up(server.now);
  CHECK(server.connection->closed());
  CHECK(server.tallies.sessions == 3);
  CHECK(server.tallies.refused.empty());
  CHECK(server.tallies.ended == Tallies{{"by-client", 1}});
}

TEST_CASE("messages mean the same however the stream is cut") {
  const auto piece = GENERATE(as<std::size_t>{}, 1, 7, 111, 1000);
  CAPTURE(piece);
  std::vector<std::byte> stream;
  append(stream, encode(SetUpResponse{.mode = 1}));
  append(stream, encode(Fixture::wish()));
  append(stream, encode(Fixture::wish()));
  append(stream, encode(StartSessions{}));
  append(stream, encode(StopSessions{.sessions = 2}));
  Fixture server;
  std::vector<std::byte> answers;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    const auto part = std::span{stream}.subspan(at, std::min(piece, stream.size() - at));
    server.connection->receive(part, server.now);
    append(answers, server.connection->take_output());
  }
  CHECK(answers.size() == ServerStart::size + 2 * AcceptSession::size + StartAck::size);
  CHECK_FALSE(server.connection->closed());
  CHECK(server.ports.ports.at(1).until.has_value());
}

TEST_CASE("a session that cannot be had is refused with the reason, and the connection goes on") {
  struct Case {
    const char* what;
    std::function<void(RequestSession&)> spoil;
    Accept accept;
  };
  const auto c = GENERATE(values<Case>({
      {"conf-not-zero", [](auto& r) { r.conf_sender = 1; }, Accept::not_supported},
      {"conf-not-zero", [](auto& r) { r.conf_receiver = 255; }, Accept::not_supported},
      {"schedule-not-empty", [](auto& r) { r.slots = 1; }, Accept::not_supported},
      {"schedule-not-empty", [](auto& r) { r.packets = 1; }, Accept::not_supported},
      {"no-sender-port", [](auto& r) { r.sender_port = 0; }, Accept::not_supported},
      {"type-p-not-dscp", [](auto& r) { r.type_p = 0x40000000; }, Accept::not_supported},
      {"padding-too-long", [](auto& r) { r.padding_length = 9001; }, Accept::not_supported},
      {"timeout-too-long", [](auto& r) { r.timeout = ~WireTime{0}; }, Accept::not_supported},
      {"wrong-ip-version", [](auto& r) { r.ip_version = 6; }, Accept::not_supported},
      {"wrong-ip-version", [](auto& r) { r.ip_version = 0; }, Accept::not_supported},
      {"foreign-sender", [](auto& r) { r.sender = parse_address("192.0.2.9").value(); },
       Accept::not_supported},
      {"foreign-receiver", [](auto& r) { r.receiver = parse_address("192.0.2.9").value(); },
       Accept::not_supported},
  }));
  CAPTURE(c.what);
  Fixture server;
  server.set_up();
  auto request = Fixture::wish();
  c.spoil(request);
  const auto answer = server.ask(request);
  CHECK(answer.accept == c.accept);
  CHECK(answer.port == 0);
  CHECK(answer.sid == SessionIdentifier{});
  CHECK(server.tallies.refused == Tallies{{c.what, 1}});
  CHECK(server.ports.ports.empty());
  CHECK(server.ask(Fixture::wish()).accept == Accept::ok);
}

TEST_CASE("the control connection's own addresses may be named, in either family") {
  struct Case {
    const char* client;
    const char* server;
    const char* named_client;
    const char* named_server;
    std::uint8_t version;
  };
  const auto c = GENERATE(values<Case>({
      {"192.0.2.1:40000", "192.0.2.2:862", "192.0.2.1", "192.0.2.2", 4},
      {"[2001:db8::1]:40000", "[2001:db8::2]:862", "2001:db8::1", "2001:db8::2", 6},
      {"[::ffff:192.0.2.1]:4000", "[::ffff:192.0.2.2]:862", "192.0.2.1", "192.0.2.2", 4},
  }));
  CAPTURE(c.client);
  Fixture server{c.client, c.server};
  server.set_up();
  auto request = Fixture::wish();
  request.ip_version = c.version;
  request.sender = parse_address(c.named_client).value();
  request.receiver = parse_address(c.named_server).value();
  CHECK(server.ask(request).accept == Accept::ok);
  CHECK(server.ports.ports.at(0).session.sender.address == request.sender);
}

TEST_CASE("limits are refused as such") {
  Fixture server;
  server.facts.limits.sessions = 2;
  server.set_up();
  CHECK(server.ask(Fixture::wish()).accept == Accept::ok);
  CHECK(server.ask(Fixture::wish()).accept == Accept::ok);
  CHECK(server.ask(Fixture::wish()).accept == Accept::temporary_limit);
  server.facts.limits.sessions = 10;
  server.ports.refusal = Accept::temporary_limit;
  CHECK(server.ask(Fixture::wish()).accept == Accept::temporary_limit);
  server.ports.refusal = Accept::internal_error;
  CHECK(server.ask(Fixture::wish()).accept == Accept::internal_error);
  CHECK(server.tallies.refused == Tallies{{"sessions-of-connection", 1}, {"no-port", 2}});
}

TEST_CASE("a mode that was not offered ends the connection") {
  struct Case {
    std::uint32_t mode;
    std::size_t answer;
  };
  const auto c = GENERATE(values<Case>({{0, 0},
                                        {2, ServerStart::size},
                                        {4, ServerStart::size},
                                        {3, ServerStart::size},
                                        {1 + 32, ServerStart::size},
                                        {64, 0},
                                        {0x80000001, ServerStart::size}}));
  CAPTURE(c.mode);
  Fixture server;
  const auto answer = server.say(SetUpResponse{.mode = c.mode});
  CHECK(answer.size() == c.answer);
  if (!answer.empty()) CHECK(answer.at(15) == static_cast<std::byte>(Accept::not_supported));
  CHECK(server.connection->closed());
  CHECK(server.tallies.ended == Tallies{{"mode-refused", 1}});
}

TEST_CASE("Stop-Sessions must count exactly what runs") {
  const auto counted = GENERATE(as<std::uint32_t>{}, 0, 1, 3, 0xffffffff);
  CAPTURE(counted);
  Fixture server;
  server.begin(2);
  CHECK(server.say(StopSessions{.sessions = counted}).empty());
  CHECK(server.connection->closed());
  CHECK(server.tallies.ended == Tallies{{"wrong-stop-count", 1}});
  CHECK(server.ports.ports[0].until == server.now);  // no patience for what is invalid
  CHECK(server.ports.ports[1].until == server.now);
}

TEST_CASE("a command that is not expected is refused with 3, and the connection ends") {
  struct Case {
    const char* what;
    bool testing;
    int command;
  };
  const auto c = GENERATE(values<Case>({{"forbidden", false, 0},
                                        {"OWAMP's Request-Session", false, 1},
                                        {"Fetch-Session", false, 4},
                                        {"individual control", false, 7},
                                        {"reserved", false, 255},
                                        {"a request while testing", true, 5},
                                        {"a second start", true, 2}}));
  CAPTURE(c.what);
  Fixture server;
  if (c.testing) {
    server.begin(1);
  } else {
    server.set_up();
  }
  const std::array<std::byte, 112> command{static_cast<std::byte>(c.command)};
  server.connection->receive(command, server.now);
  CHECK(server.connection->take_output() ==
        test::to_vector(encode(AcceptSession{.accept = Accept::not_supported})));
  CHECK(server.connection->closed());
  CHECK(server.tallies.ended == Tallies{{"unexpected-command", 1}});
}

TEST_CASE("a start without a session starts nothing") {
  Fixture server;
  server.set_up();
  const auto ack = server.say(StartSessions{});
  CHECK(ack == test::to_vector(encode(StartAck{.accept = Accept::failure})));
  CHECK_FALSE(server.connection->closed());
  CHECK(server.ask(Fixture::wish()).accept == Accept::ok);
}

TEST_CASE("silence ends a connection: at once in the middle of a message, else after SERVWAIT") {
  SECTION("no answer to the greeting") {
    Fixture server;
    server.pass(seconds{10} - Nanos{1});
    CHECK_FALSE(server.connection->closed());
    server.pass(Nanos{1});
    CHECK(server.tallies.ended == Tallies{{"no-set-up", 1}});
  }
  SECTION("half a message, however its octets trickle") {
    Fixture server;
    server.set_up();
    const auto request = encode(Fixture::wish());
    for (std::size_t at = 0; at < 10; ++at) {
      server.connection->receive(std::span{request}.subspan(at, 1), server.now);
      server.pass(milliseconds{999});
    }
    CHECK_FALSE(server.connection->closed());
    server.pass(milliseconds{10});
    CHECK(server.tallies.ended == Tallies{{"half-message", 1}});
  }
  SECTION("nothing asked for") {
    Fixture server;
    server.set_up();
    CHECK(server.connection->deadline() == server.now + seconds{900});
    server.pass(seconds{900});
    CHECK(server.tallies.ended == Tallies{{"servwait", 1}});
  }
}

TEST_CASE("SERVWAIT rests during a test; REFWAIT ends silent sessions, and then it runs again") {
  Fixture server;
  server.begin(2);
  server.pass(seconds{800});
  server.ports.ports[1].heard = server.now;
  server.pass(seconds{100});
  CHECK(server.ports.ports[0].until == server.now);  // silent for 900 s
  CHECK_FALSE(server.ports.ports[1].until.has_value());
  CHECK(server.tallies.refused == Tallies{{"refwait", 1}});

  SECTION("the client still stops both, and may go on") {
    CHECK(server.say(StopSessions{.sessions = 2}).empty());
    CHECK_FALSE(server.connection->closed());
    CHECK(server.ports.ports[1].until == server.now + seconds{2});
  }
  SECTION("when all are gone the connection has SERVWAIT left") {
    server.pass(seconds{800});
    CHECK(server.ports.ports[1].until == server.now);
    CHECK_FALSE(server.connection->closed());
    server.pass(seconds{900} - Nanos{1});
    CHECK_FALSE(server.connection->closed());
    server.pass(Nanos{1});
    CHECK(server.tallies.ended == Tallies{{"servwait", 1}});
  }
}

TEST_CASE("a connection that breaks takes its sessions with it") {
  SECTION("while testing") {
    Fixture server;
    server.begin(1);
    server.connection->hang_up(server.now);
    CHECK(server.ports.ports[0].until == server.now);
    CHECK(server.tallies.ended == Tallies{{"cut-off", 1}});
  }
  SECTION("before the start") {
    Fixture server;
    server.set_up();
    CHECK(server.ask(Fixture::wish()).accept == Accept::ok);
    server.connection.reset();
    CHECK(server.ports.ports[0].until.has_value());
  }
  SECTION("after the stop packets may still be under way") {
    Fixture server;
    server.begin(1);
    CHECK(server.say(StopSessions{.sessions = 1}).empty());
    server.connection->hang_up(server.now);
    CHECK(server.ports.ports[0].until == server.now + seconds{2});
  }
}

}  // namespace
}  // namespace strait::probe::twamp
