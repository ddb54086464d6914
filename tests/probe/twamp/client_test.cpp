// SPDX-License-Identifier: Apache-2.0
#include "probe/twamp/client.hpp"

#include <fmt/format.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "probe/twamp/server.hpp"
#include "tests/probe/socket/loopback.hpp"
#include "tests/probe/twamp/loop.hpp"
#include "tests/probe/twamp/wire.hpp"

namespace strait::probe::twamp {
namespace {

using std::chrono::milliseconds;
using test::run_until;
using Tcp = boost::asio::ip::tcp;

ClientOptions options_for(const Endpoint& server, std::size_t sessions = 1) {
  ClientOptions options;
  options.name = "far";
  options.server = server;
  options.sessions = sessions;
  options.wish.payload = 44;
  options.wish.timeout = std::chrono::seconds{1};
  options.patience = milliseconds{300};
  return options;
}

TEST_CASE("our client gets its sessions from our server, and stops as many") {
  const auto* const address = GENERATE("127.0.0.1", "::1");
  CAPTURE(address);
  boost::asio::io_context context;
  ServerOptions options;
  options.listen = {{parse_address(address).value(), 0}};
  options.test.policy.open = true;
  auto server = Server::open(context, options);
  REQUIRE(server.has_value());
  int changes = 0;
  Client client{context, options_for((*server)->endpoints().front(), 3), [&] { ++changes; }};
  REQUIRE(run_until(context, [&] { return changes > 0; }));
  CAPTURE(client.failed() ? client.failure().message : "");
  REQUIRE(client.running());
  REQUIRE(client.agreed().size() == 3);
  CHECK((*server)->test_ports() == 3);
  CHECK(client.agreed()[0].sender.address == parse_address(address).value());
  CHECK(client.agreed()[0].sender.port != client.agreed()[1].sender.port);
  CHECK(client.agreed()[0].reflector.port != client.agreed()[1].reflector.port);

  const auto session = client.agreed()[1];
  client.release_ports();
  const auto transport = probe::test::open_transport();
  auto spec = probe::test::udp_flow(session.reflector);
  spec.source_port = session.sender.port;
  const auto flow = transport->open_flow(spec);
  REQUIRE(flow.has_value());
  std::array<std::byte, 44> packet{};
  write_stamp_request({.sequence = 9, .error_estimate = 1}, packet);
  REQUIRE(probe::test::send_one(*transport, *flow, 9, packet));
  REQUIRE(run_until(context, [&] { return (*server)->counters().test.reflected == 1; }));

  client.stop();
  CHECK_FALSE(client.running());
  CHECK(run_until(context, [&] { return (*server)->connections() == 0; }));
  const auto counters = (*server)->counters();
  CHECK(counters.sessions == 3);
  CHECK(counters.ended == Tallies{{"by-client", 1}});  // not cut off: it had stopped them
  CHECK(changes == 1);
}

TEST_CASE("a client goes on with the sessions that it gets, and says what it did not get") {
  boost::asio::io_context context;
  ServerOptions options;
  options.listen = {{parse_address("127.0.0.1").value(), 0}};
  options.test.policy.open = true;
  options.test.sessions = 2;
  auto server = Server::open(context, options);
  REQUIRE(server.has_value());
  int changes = 0;
  Client client{context, options_for((*server)->endpoints().front(), 3), [&] { ++changes; }};
  REQUIRE(run_until(context, [&] { return changes > 0; }));
  REQUIRE(client.running());
  REQUIRE(client.agreed().size() == 2);
  CHECK(client.agreed()[1].number == 1);
  REQUIRE(client.shortfall().has_value());
  CHECK(client.shortfall()->message ==
        "twamp server far: it refuses 1 of 3 sessions: temporary resource limit");
  client.stop();
  CHECK_FALSE(client.shortfall().has_value());
  CHECK(run_until(context, [&] { return (*server)->connections() == 0; }));
  CHECK((*server)->counters().ended == Tallies{{"by-client", 1}});
}

// A server that says what the test wants.
struct Actor {
  explicit Actor(boost::asio::io_context& context)
      : acceptor{context, Tcp::endpoint{boost::asio::ip::address_v4::loopback(), 0}},
        socket{context} {}

  [[nodiscard]] Endpoint endpoint() const {
    const auto local = acceptor.local_endpoint();
    return {local.address(), local.port()};
  }
  template <class... Messages>
  void say_on_accept(const Messages&... messages) {
    (test::append(script, encode(messages)), ...);
    acceptor.async_accept(socket, [this](boost::system::error_code error) {
      if (error) return;
      boost::asio::write(socket, boost::asio::buffer(script), error);
      if (hangs_up) socket.close(error);
      if (leaves) socket.shutdown(Tcp::socket::shutdown_send, error);
      ++said;
    });
  }

  Tcp::acceptor acceptor;
  Tcp::socket socket;
  std::vector<std::byte> script;
  bool hangs_up = false;
  bool leaves = false;
  int said = 0;  // scripts
};

TEST_CASE("a server that fails the client is named with what it did") {
  boost::asio::io_context context;
  Actor actor{context};
  std::string wanted;
  SECTION("silent from the beginning") {
    actor.say_on_accept();
    wanted = "twamp server far: no Server-Greeting within 300ms (nothing came)";
  }
  SECTION("silent after the greeting") {
    actor.say_on_accept(ServerGreeting{.modes = 1, .count = 1024});
    wanted = "twamp server far: no Server-Start within 300ms (nothing came)";
  }
  SECTION("dies after the greeting") {
    actor.hangs_up = true;
    actor.say_on_accept(ServerGreeting{.modes = 1, .count = 1024});
    wanted = "instead of Server-Start";
  }
  SECTION("does not want to talk") {
    actor.say_on_accept(ServerGreeting{});
    wanted = "twamp server far: it does not want to talk to us (modes 0)";
  }
  SECTION("refuses the session") {
    actor.say_on_accept(ServerGreeting{.modes = 1, .count = 1024}, ServerStart{},
                        AcceptSession{.accept = Accept::temporary_limit});
    wanted = "twamp server far: it refuses the session: temporary resource limit";
  }
  int changes = 0;
  const Client client{context, options_for(actor.endpoint()), [&] { ++changes; }};
  REQUIRE(run_until(context, [&] { return changes > 0; }));
  REQUIRE(client.failed());
  CHECK_THAT(client.failure().message, Catch::Contains(wanted));
  CHECK(client.agreed().empty());
  CHECK(changes == 1);
}

TEST_CASE("a server that leaves instead of refusing is asked again, once, for what it gave") {
  boost::asio::io_context context;
  Actor actor{context};
  actor.leaves = true;
  actor.say_on_accept(ServerGreeting{.modes = 1, .count = 1024}, ServerStart{},
                      AcceptSession{.port = 7});
  int changes = 0;
  const Client client{context, options_for(actor.endpoint(), 3), [&] { ++changes; }};
  REQUIRE(run_until(context, [&] { return actor.said == 1; }));
  actor.script.clear();
  actor.socket = Tcp::socket{context};
  SECTION("and gives that") {
    actor.leaves = false;
    actor.say_on_accept(ServerGreeting{.modes = 1, .count = 1024}, ServerStart{},
                        AcceptSession{.port = 8}, StartAck{});
    REQUIRE(run_until(context, [&] { return changes > 0; }));
    REQUIRE(client.running());
    REQUIRE(client.agreed().size() == 1);
    CHECK(client.agreed()[0].reflector.port == 8);
    REQUIRE(client.shortfall().has_value());
    CHECK(client.shortfall()->message ==
          "twamp server far: End of file instead of Accept-Session for session 2 of 3; it gave 1");
  }
  SECTION("and leaves again") {
    actor.say_on_accept(ServerGreeting{.modes = 1, .count = 1024}, ServerStart{});
    REQUIRE(run_until(context, [&] { return changes > 0; }));
    REQUIRE(client.failed());
    CHECK(client.failure().message == "twamp server far: End of file instead of Accept-Session");
  }
  CHECK(changes == 1);
}

// A client whose server has agreed to one session, on port 7, and started it.
struct RunningTest {
  RunningTest() {
    actor.say_on_accept(ServerGreeting{.modes = 1, .count = 1024}, ServerStart{},
                        AcceptSession{.port = 7}, StartAck{});
    client.emplace(context, options_for(actor.endpoint()), [this] { ++changes; });
    REQUIRE(run_until(context, [this] { return changes > 0; }));
    REQUIRE(client->running());
  }

  boost::asio::io_context context;
  Actor actor{context};
  int changes = 0;
  std::optional<Client> client;
};

TEST_CASE(
    "a server that dies during the test is noticed; another port than the one asked is taken") {
  RunningTest on;
  CHECK(on.client->agreed().front().reflector.port == 7);
  on.actor.socket.close();
  REQUIRE(run_until(on.context, [&] { return on.changes > 1; }));
  CHECK(on.client->failed());
  CHECK_FALSE(on.client->running());
  CHECK_THAT(on.client->failure().message, Catch::Contains("ended during the test"));
}

// The timer of the socket whose two ports these are, as proc(5) numbers them; -1: no such socket.
int timer_of(std::uint16_t remote_port) {
  std::ifstream table{"/proc/net/tcp"};
  const std::string far = fmt::format("0100007F:{:04X}", remote_port);
  for (std::string line; std::getline(table, line);) {
    std::istringstream words{line};
    std::string slot;
    std::string local;
    std::string remote;
    std::string state;
    std::string queues;
    std::string timer;
    words >> slot >> local >> remote >> state >> queues >> timer;
    if (remote == far && state == "01") return timer.at(1) - '0';
  }
  return -1;
}

TEST_CASE("during the test the client asks whether the server is still there") {
  RunningTest on;
  constexpr int keep_alive = 2;
  const auto port = on.actor.endpoint().port;
  CHECK(run_until(on.context, [&] { return timer_of(port) == keep_alive; }));
}

TEST_CASE("a client that cannot even ask says why") {
  boost::asio::io_context context;
  auto options = options_for({boost::asio::ip::address_v4::loopback(), 1});
  std::string wanted = "twamp server far: connect: Connection refused";
  SECTION("nobody listens") {}
  SECTION("a source that is not ours") {
    options.pin.source_v4 = parse_address("192.0.2.77").value();
    wanted = "twamp server far: bind to 192.0.2.77: Cannot assign requested address";
  }
  SECTION("a device that is not there") {
    options.pin.device = "nosuch0";
    wanted = "twamp server far: bind to device 'nosuch0'";
  }
  int changes = 0;
  const Client client{context, options, [&] { ++changes; }};
  REQUIRE(run_until(context, [&] { return changes > 0; }));
  REQUIRE(client.failed());
  CHECK_THAT(client.failure().message, Catch::Contains(wanted));
}

}  // namespace
}  // namespace strait::probe::twamp
