// SPDX-License-Identifier: Apache-2.0
#include "probe/twamp/server.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>

#include "probe/twamp/client.hpp"
#include "tests/probe/socket/loopback.hpp"
#include "tests/probe/twamp/loop.hpp"
#include "tests/probe/twamp/wire.hpp"

namespace strait::probe::twamp {
namespace {

using probe::test::UdpPeer;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::run_until;
using test::test_packet;
using Tcp = boost::asio::ip::tcp;

ServerOptions options_for(std::string_view address) {
  ServerOptions options;
  options.listen = {{parse_address(address).value(), 0}};
  options.test.policy.open = true;
  options.test.policy.source_rate = {};
  options.connection_rate = {};
  return options;
}

// A server, and what a test needs to talk to it, on one thread.
struct Fixture {
  explicit Fixture(const ServerOptions& options) {
    auto opened = Server::open(context, options);
    CAPTURE(opened ? std::string{} : opened.error().message);
    REQUIRE(opened.has_value());
    server = std::move(*opened);
    endpoint = server->endpoints().front();
  }
  explicit Fixture(std::string_view address = "127.0.0.1") : Fixture{options_for(address)} {}

  bool until(const std::function<bool()>& done) { return run_until(context, done); }

  // A control connection whose other end is the test.
  Tcp::socket connect() {
    Tcp::socket socket{context};
    socket.connect({endpoint.address, endpoint.port});
    return socket;
  }
  // Everything that comes, up to `size` octets or the end of the stream.
  std::vector<std::byte> read(Tcp::socket& socket, std::size_t size) {
    std::vector<std::byte> got;
    socket.non_blocking(true);
    const bool came = until([&] {
      std::array<std::byte, 512> piece{};
      boost::system::error_code error;
      const auto some = socket.read_some(
          boost::asio::buffer(piece.data(), std::min(piece.size(), size - got.size())), error);
      test::append(got, std::span{piece}.first(some));
      return got.size() == size || (error && error != boost::asio::error::would_block);
    });
    CHECK(came);
    return got;
  }
  template <class Message>
  void say(Tcp::socket& socket, const Message& message) {
    socket.non_blocking(false);
    const auto octets = encode(message);
    boost::asio::write(socket, boost::asio::buffer(octets));
  }
  // Through the set-up; then the session that `request` asks for.
  AcceptSession ask(Tcp::socket& socket, const RequestSession& request) {
    say(socket, request);
    const auto answer = read(socket, AcceptSession::size);
    REQUIRE(answer.size() == AcceptSession::size);
    return read_accept_session(std::span{answer}.first<AcceptSession::size>());
  }
  void set_up(Tcp::socket& socket) {
    REQUIRE(read(socket, ServerGreeting::size).size() == ServerGreeting::size);
    say(socket, SetUpResponse{.mode = mode_unauthenticated | mode_symmetrical_size});
    REQUIRE(read(socket, ServerStart::size).size() == ServerStart::size);
  }
  void start(Tcp::socket& socket) {
    say(socket, StartSessions{});
    REQUIRE(read(socket, StartAck::size) == test::to_vector(encode(StartAck{})));
  }
  std::vector<UdpPeer::Datagram> replies(UdpPeer& peer, std::size_t count) {
    std::vector<UdpPeer::Datagram> all;
    (void)until([&] {
      std::ranges::move(peer.receive(), std::back_inserter(all));
      return all.size() >= count;
    });
    return all;
  }
  // What is on its way is there.
  void settle() {
    const auto end = std::chrono::steady_clock::now() + milliseconds{50};
    (void)until([&] { return std::chrono::steady_clock::now() >= end; });
  }
  [[nodiscard]] std::uint64_t refused(std::string_view why) const {
    const auto counters = server->counters();
    const auto found = counters.refused.find(why);
    return found == counters.refused.end() ? 0 : found->second;
  }
  [[nodiscard]] std::uint64_t packets_refused(std::string_view why) const {
    const auto counters = server->counters().test;
    const auto found = counters.refused.find(why);
    return found == counters.refused.end() ? 0 : found->second;
  }

  boost::asio::io_context context;
  std::unique_ptr<Server> server;
  Endpoint endpoint;
};

RequestSession wish(const UdpPeer& peer, Nanos timeout = seconds{1}) {
  return {.ip_version = static_cast<std::uint8_t>(peer.endpoint().address.is_v4() ? 4 : 6),
          .sender_port = peer.endpoint().port,
          .sender = {},
          .receiver = {},
          .padding_length = 3,
          .timeout = to_wire_interval(timeout)};
}

TEST_CASE("test packets come back numbered by the reflector, to the session's sender only") {
  const auto* const address = GENERATE("127.0.0.1", "::1");
  CAPTURE(address);
  Fixture f{address};
  auto control = f.connect();
  f.set_up(control);
  UdpPeer first{address};
  UdpPeer second{address};
  UdpPeer stranger{address};
  const Endpoint to_first{f.endpoint.address, f.ask(control, wish(first)).port};
  const Endpoint to_second{f.endpoint.address, f.ask(control, wish(second)).port};
  REQUIRE(to_first.port != to_second.port);

  first.send(test_packet(1), to_first);
  f.settle();
  CHECK(first.receive().empty());
  CHECK(f.packets_refused("not-started") == 1);

  f.start(control);
  for (std::uint32_t sequence = 100; sequence < 103; ++sequence) {
    first.send(test_packet(sequence), to_first);
  }
  second.send(test_packet(5, 14), to_second);
  stranger.send(test_packet(6), to_first);
  second.send(test_packet(7), to_first);
  const auto replies = f.replies(first, 3);
  REQUIRE(replies.size() == 3);
  for (std::uint32_t i = 0; i < 3; ++i) {
    CHECK(replies[i].from == to_first);
    REQUIRE(replies[i].payload.size() == 44);
    const auto reply = read_stamp_reply(replies[i].payload);
    REQUIRE(reply.has_value());
    CHECK(reply->sequence == i);
    CHECK(reply->sender_sequence == 100 + i);
    CHECK(reply->ssid == 0);
    CHECK(reply->receive_timestamp <= reply->timestamp);
    CHECK(reply->sender_ttl == 64);
  }
  const auto other = f.replies(second, 1);
  REQUIRE(other.size() == 1);
  CHECK(other[0].payload.size() == 41);
  f.settle();
  CHECK(stranger.receive().empty());
  CHECK(f.packets_refused("wrong-sender") == 2);
  CHECK(f.server->counters().test.reflected == 4);
}

TEST_CASE(
    "after Stop-Sessions packets are reflected for the Timeout, then the port is given back") {
  Fixture f;
  auto control = f.connect();
  f.set_up(control);
  UdpPeer peer{"127.0.0.1"};
  const Endpoint to{f.endpoint.address, f.ask(control, wish(peer, milliseconds{600})).port};
  f.start(control);
  f.say(control, StopSessions{.sessions = 1});
  f.settle();
  peer.send(test_packet(1), to);
  CHECK(f.replies(peer, 1).size() == 1);
  const auto end = std::chrono::steady_clock::now() + milliseconds{650};
  REQUIRE(f.until([&] { return std::chrono::steady_clock::now() > end; }));
  if (f.server->test_ports() > 0) {
    peer.send(test_packet(2), to);
    f.settle();
    CHECK(peer.receive().empty());
  }
  CHECK(f.until([&] { return f.server->test_ports() == 0; }));
  CHECK(f.server->connections() == 1);
  CHECK(f.server->counters().test.reflected == 1);
}

TEST_CASE("a session ends with its control connection") {
  Fixture f;
  auto control = f.connect();
  f.set_up(control);
  UdpPeer peer{"127.0.0.1"};
  (void)f.ask(control, wish(peer));
  f.start(control);
  CHECK(f.server->test_ports() == 1);
  SECTION("which is closed") { control.close(); }
  SECTION("which stops the wrong number") { f.say(control, StopSessions{.sessions = 2}); }
  SECTION("which speaks out of turn") { f.say(control, StartSessions{}); }
  CHECK(f.until([&] { return f.server->test_ports() == 0 && f.server->connections() == 0; }));
  CHECK(f.server->counters().ended.size() == 1);
}

TEST_CASE("an answer arrives, though the client had said more when its connection ended") {
  Fixture f;
  auto control = f.connect();
  f.set_up(control);
  control.non_blocking(false);
  // OWAMP's Request-Session, and what nobody reads after it.
  boost::asio::write(control, boost::asio::buffer(std::vector<std::byte>(30'000, std::byte{1})));
  std::vector<std::byte> got;
  boost::system::error_code error;
  control.non_blocking(true);
  REQUIRE(f.until([&] {
    std::array<std::byte, 512> piece{};
    const auto some = control.read_some(boost::asio::buffer(piece), error);
    test::append(got, std::span{piece}.first(some));
    return error && error != boost::asio::error::would_block;
  }));
  CHECK(got == test::to_vector(encode(AcceptSession{.accept = Accept::not_supported})));
  CHECK(error == boost::asio::error::eof);
  CHECK(f.server->connections() == 1);
  SECTION("it is closed when the client has gone") { control.close(); }
  SECTION("or stays, for a second") {}
  SECTION("or says too much") {
    const std::vector<std::byte> flood(4096);
    while (f.server->connections() == 1) {
      (void)control.write_some(boost::asio::buffer(flood), error);
      f.settle();
    }
  }
  CHECK(f.until([&] { return f.server->connections() == 0; }));
  CHECK(f.server->counters().ended == Tallies{{"unexpected-command", 1}});
}

TEST_CASE("REFWAIT ends sessions without packets, SERVWAIT connections without a word") {
  auto options = options_for("127.0.0.1");
  options.limits.reflect_wait = milliseconds{300};
  options.limits.server_wait = milliseconds{300};
  options.limits.message_wait = milliseconds{200};
  Fixture f{options};
  SECTION("a session") {
    auto control = f.connect();
    f.set_up(control);
    UdpPeer peer{"127.0.0.1"};
    (void)f.ask(control, wish(peer));
    f.start(control);
    CHECK(f.until([&] { return f.server->test_ports() == 0; }));
    CHECK(f.refused("refwait") == 1);
    CHECK(f.until([&] { return f.server->connections() == 0; }));
    CHECK(f.server->counters().ended == Tallies{{"servwait", 1}});
  }
  SECTION("a connection that never answers the greeting") {
    const auto control = f.connect();
    CHECK(f.until([&] { return f.server->counters().ended == Tallies{{"no-set-up", 1}}; }));
  }
}

TEST_CASE("a port that cannot be had is answered with another") {
  Fixture f;
  auto control = f.connect();
  f.set_up(control);
  UdpPeer peer{"127.0.0.1"};
  UdpPeer occupied{"127.0.0.1"};
  auto request = wish(peer);
  request.receiver_port = occupied.endpoint().port;
  const auto given = f.ask(control, request);
  CHECK(given.accept == Accept::ok);
  CHECK(given.port != occupied.endpoint().port);
  request.receiver_port = 53;  // some other service's
  CHECK(f.ask(control, request).port >= 1024);
  std::uint16_t free_port = 0;
  {
    const UdpPeer released{"127.0.0.1"};
    free_port = released.endpoint().port;
  }
  request.receiver_port = free_port;
  CHECK(f.ask(control, request).port == free_port);
}

TEST_CASE("sessions get the ports of a range, and no more than it has") {
  auto options = options_for("127.0.0.1");
  std::uint16_t base = 0;
  {
    const UdpPeer free{"127.0.0.1"};
    base = free.endpoint().port;
  }
  base = std::min<std::uint16_t>(base, 65000);
  options.test.ports = {base, static_cast<std::uint16_t>(base + 9)};
  Fixture f{options};
  auto control = f.connect();
  f.set_up(control);
  UdpPeer peer{"127.0.0.1"};
  std::size_t accepted = 0;
  for (int i = 0; i < 12; ++i) {
    auto request = wish(peer);
    request.receiver_port = i == 0 ? 20'000 : 0;
    const auto given = f.ask(control, request);
    if (given.accept != Accept::ok) continue;
    ++accepted;
    CHECK(given.port >= base);
    CHECK(given.port <= base + 9);
  }
  CHECK(accepted >= 5);  // others may have some of them
  CHECK(accepted <= 10);
  CHECK(f.refused("no-port") == 12 - accepted);
}

TEST_CASE("who may not talk is told so and counted with the reason") {
  auto options = options_for("127.0.0.1");
  const char* reason = "";
  SECTION("not on the list") {
    options.test.policy.open = false;
    options.test.policy.allow = {parse_prefix("192.0.2.0/24").value()};
    reason = "not-allowed";
  }
  SECTION("too many connections of one client") {
    options.connections_per_client = 0;
    reason = "connections-of-client";
  }
  SECTION("too many connections") {
    options.connections = 0;
    reason = "connections";
  }
  Fixture f{options};
  auto control = f.connect();
  // Modes 0 (RFC 4656 section 3.1), then the end.
  CHECK(f.read(control, 1000) == test::to_vector(encode(ServerGreeting{})));
  CHECK(f.refused(reason) == 1);
  CHECK(f.server->counters().connections == 0);
}

TEST_CASE("connections come no faster than their rate") {
  auto options = options_for("127.0.0.1");
  options.connection_rate = {1};
  Fixture f{options};
  std::vector<Tcp::socket> sockets;
  for (int i = 0; i < 5; ++i) sockets.push_back(f.connect());
  CHECK(f.until([&] { return f.refused("rate-limited") + f.server->counters().connections == 5; }));
  CHECK(f.refused("rate-limited") >= 3);
}

TEST_CASE("all sessions of the server together have a limit") {
  auto options = options_for("127.0.0.1");
  options.test.sessions = 1;
  Fixture f{options};
  auto control = f.connect();
  f.set_up(control);
  UdpPeer peer{"127.0.0.1"};
  CHECK(f.ask(control, wish(peer)).accept == Accept::ok);
  CHECK(f.ask(control, wish(peer)).accept == Accept::temporary_limit);
  CHECK(f.refused("sessions-of-server") == 1);
}

TEST_CASE("a client that does not read its answers does not make them pile up") {
  Fixture f;
  auto control = f.connect();
  f.set_up(control);
  control.non_blocking(true);
  auto request = RequestSession{};  // no sender port: refused
  std::vector<std::byte> flood;
  for (int i = 0; i < 1000; ++i) test::append(flood, encode(request));
  std::size_t sent = 0;
  for (int i = 0; i < 400; ++i) {
    boost::system::error_code error;
    // On from where the last one ended, for that may be in a message.
    sent += control.write_some(boost::asio::buffer(flood) + sent % flood.size(), error);
    f.context.restart();
    f.context.run_for(milliseconds{1});
  }
  CHECK(sent > 0);
  CHECK(f.server->connections() == 1);
  control.close();
  CHECK(f.until([&] { return f.server->connections() == 0; }));
}

TEST_CASE("a server that cannot listen says why") {
  Fixture f;
  boost::asio::io_context context;
  auto options = options_for("127.0.0.1");
  options.listen.front().port = f.endpoint.port;
  const auto again = Server::open(context, options);
  REQUIRE_FALSE(again.has_value());
  CHECK_THAT(again.error().message, Catch::Contains("twamp: listen on 127.0.0.1:") &&
                                        Catch::Contains("Address already in use"));
}

TEST_CASE("a server that stops says whose fault the ends of its connections are not") {
  Fixture f;
  auto control = f.connect();
  f.set_up(control);
  f.server->stop();
  CHECK(f.server->counters().ended == Tallies{{"server-stopped", 1}});
  CHECK(f.server->connections() == 0);
  // Nothing is left to do.
  f.context.restart();
  f.context.run_for(seconds{5});
  CHECK(f.context.stopped());
}

}  // namespace
}  // namespace strait::probe::twamp
