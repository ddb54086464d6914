// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/twamp_keeper.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <future>
#include <mutex>
#include <thread>

#include "probe/twamp/server.hpp"
#include "tests/cli/eventually.hpp"

using namespace strait;
using namespace strait::cli;
using namespace std::chrono_literals;

namespace {

// A TWAMP server on loopback, on a thread of its own.
class RunningServer {
 public:
  explicit RunningServer(std::uint16_t port = 0, std::size_t most_sessions = 1024) {
    probe::twamp::ServerOptions options;
    options.listen = {{parse_address("127.0.0.1").value(), port}};
    options.test.policy.open = true;
    options.connection_rate = {};
    options.test.sessions = most_sessions;
    auto opened = probe::twamp::Server::open(context_, options);
    CAPTURE(opened ? std::string{} : opened.error().message);
    REQUIRE(opened.has_value());
    server_ = std::move(*opened);
    endpoint_ = server_->endpoints().front();
    thread_ = std::thread{[this] { context_.run(); }};
  }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;
  RunningServer(RunningServer&&) = delete;
  RunningServer& operator=(RunningServer&&) = delete;
  ~RunningServer() {
    boost::asio::post(context_, [this] { server_->stop(); });
    thread_.join();
  }

  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  probe::twamp::ServerCounters counters() {
    std::promise<probe::twamp::ServerCounters> counters;
    boost::asio::post(context_, [&] { counters.set_value(server_->counters()); });
    return counters.get_future().get();
  }

 private:
  boost::asio::io_context context_;
  std::unique_ptr<probe::twamp::Server> server_;
  Endpoint endpoint_;
  std::thread thread_;
};

std::vector<probe::SessionSpec> sessions(const Endpoint& server, const std::string& target,
                                         std::uint16_t flows = 1) {
  std::vector<probe::SessionSpec> specs;
  for (std::uint16_t flow = 0; flow < flows; ++flow) {
    probe::SessionSpec spec;
    spec.key = {"path", target, Protocol::twamp, 46, flow};
    spec.flow.destination = server;
    spec.schedule.interval = 100ms;
    specs.push_back(std::move(spec));
  }
  return specs;
}

bool never() { return false; }

// What a keeper said.
struct Log {
  void operator()(bool good, const std::string& message) {
    const std::scoped_lock lock{mutex};
    lines.push_back((good ? "good: " : "bad: ") + message);
  }
  std::vector<std::string> all() {
    const std::scoped_lock lock{mutex};
    return lines;
  }
  std::mutex mutex;
  std::vector<std::string> lines;
};

TwampKeeperOptions options_with(Log& log) {
  TwampKeeperOptions options;
  options.first_pause = 20ms;
  options.longest_pause = 100ms;
  options.patience = 500ms;
  options.log = [&log](bool good, const std::string& message) { log(good, message); };
  return options;
}

}  // namespace

TEST_CASE("the sessions of a server are given with the ports of both ends, others not at all") {
  RunningServer server;
  Log log;
  TwampKeeper keeper{options_with(log)};
  auto wanted = sessions(server.endpoint(), "far", 3);
  auto icmp = wanted.front();
  icmp.key.protocol = Protocol::icmp;
  wanted.push_back(icmp);
  keeper.want(wanted);
  keeper.settle(never);
  const auto ready = keeper.ready();
  REQUIRE(ready.size() == 3);
  for (std::uint16_t flow = 0; flow < 3; ++flow) {
    const probe::SessionSpec& spec = ready[flow];
    CHECK(spec.key == wanted[flow].key);
    CHECK(spec.flow.destination.address == server.endpoint().address);
    CHECK(spec.flow.destination.port != server.endpoint().port);
    CHECK(spec.flow.source_port != 0);
    CHECK(spec.flow.pin.source_v4 == parse_address("127.0.0.1").value());
    CHECK(spec.twamp_light);
  }
  CHECK(ready[0].flow.source_port != ready[1].flow.source_port);
  CHECK(keeper.failures().empty());
  CHECK(log.all().empty());
}

TEST_CASE("what is wanted no longer is stopped, and what still is goes on undisturbed") {
  RunningServer server;
  RunningServer other;
  Log log;
  TwampKeeper keeper{options_with(log)};
  auto wanted = sessions(server.endpoint(), "far");
  const auto more = sessions(other.endpoint(), "other");
  wanted.insert(wanted.end(), more.begin(), more.end());
  keeper.want(wanted);
  keeper.settle(never);
  const auto before = keeper.ready();
  REQUIRE(before.size() == 2);
  const auto changes = keeper.changes();
  keeper.want(more);
  CHECK(keeper.changes() > changes);
  const auto after = keeper.ready();
  REQUIRE(after.size() == 1);
  CHECK(after[0].flow.source_port == before[1].flow.source_port);
  CHECK(eventually(
      [&] { return server.counters().ended == probe::twamp::Tallies{{"by-client", 1}}; }));
}

TEST_CASE("a server that goes has no sessions until it is back, and both are said once") {
  auto server = std::make_unique<RunningServer>();
  const Endpoint endpoint = server->endpoint();
  Log log;
  TwampKeeper keeper{options_with(log)};
  keeper.want(sessions(endpoint, "far"));
  keeper.settle(never);
  REQUIRE(keeper.ready().size() == 1);
  const auto changes = keeper.changes();
  server.reset();
  REQUIRE(eventually([&] { return keeper.ready().empty(); }));
  CHECK(keeper.changes() > changes);
  REQUIRE(keeper.failures().size() == 1);
  CHECK(keeper.failures()[0].target == "far");
  std::this_thread::sleep_for(300ms);  // several attempts in vain
  const auto lines = log.all();
  REQUIRE(lines.size() <= 2);
  CHECK_THAT(lines[0], Catch::StartsWith("bad: twamp server far (127.0.0.1:") &&
                           Catch::Contains("over path: the control connection ended"));
  server = std::make_unique<RunningServer>(endpoint.port);
  REQUIRE(eventually([&] { return keeper.ready().size() == 1; }));
  CHECK(keeper.failures().empty());
  CHECK_THAT(log.all().back(), Catch::StartsWith("good: ") && Catch::Contains("have begun"));
}

TEST_CASE("without another attempt a server that cannot be had has failed for good") {
  Log log;
  auto options = options_with(log);
  options.again = false;
  TwampKeeper keeper{std::move(options)};
  keeper.want(sessions({parse_address("127.0.0.1").value(), 1}, "127.0.0.1"));
  keeper.settle(never);
  REQUIRE(keeper.failures().size() == 1);
  CHECK(keeper.failures()[0].error.message ==
        "twamp server 127.0.0.1:1 over path: connect: Connection refused");
  CHECK(keeper.ready().empty());
}

TEST_CASE("sessions that a server refuses are said, and the others are given") {
  RunningServer server{0, 2};
  Log log;
  auto options = options_with(log);
  options.again = false;
  TwampKeeper keeper{std::move(options)};
  const auto wanted = sessions(server.endpoint(), "far", 3);
  keeper.want(wanted);
  keeper.settle(never);
  const auto ready = keeper.ready();
  REQUIRE(ready.size() == 2);
  CHECK(ready[0].key == wanted[0].key);
  CHECK(ready[1].key == wanted[1].key);
  CHECK(keeper.failures().empty());
  REQUIRE(keeper.shortfalls().size() == 1);
  CHECK_THAT(keeper.shortfalls()[0].error.message,
             Catch::EndsWith("it refuses 1 of 3 sessions: temporary resource limit"));
}

TEST_CASE("sessions that a server refused are asked for again while the others go on") {
  RunningServer server{0, 2};
  Log rival_log;
  auto rival = std::make_unique<TwampKeeper>(options_with(rival_log));
  rival->want(sessions(server.endpoint(), "rival"));
  rival->settle(never);
  REQUIRE(rival->ready().size() == 1);
  Log log;
  TwampKeeper keeper{options_with(log)};
  const auto wanted = sessions(server.endpoint(), "far", 2);
  keeper.want(wanted);
  keeper.settle(never);
  const auto before = keeper.ready();
  REQUIRE(before.size() == 1);
  CHECK(before[0].key == wanted[0].key);
  CHECK(keeper.failures().size() == 1);
  CHECK(keeper.shortfalls().empty());
  REQUIRE(eventually([&] { return server.counters().refused.at("sessions-of-server") > 2; }));
  const auto lines = log.all();
  REQUIRE(lines.size() <= 2);  // the attempts in vain are not repeated
  CHECK_THAT(lines[0], Catch::EndsWith("it refuses 1 of 2 sessions: temporary resource limit"));

  keeper.want(wanted);  // as after a reload that changed nothing
  rival.reset();
  REQUIRE(eventually([&] { return keeper.ready().size() == 2; }));
  CHECK(keeper.failures().empty());
  const auto after = keeper.ready();
  CHECK(after[0].flow.source_port == before[0].flow.source_port);
  CHECK(after[1].key == wanted[1].key);
  CHECK_THAT(log.all().back(), Catch::StartsWith("good: ") && Catch::Contains("have begun"));

  keeper.want({});
  CHECK(keeper.ready().empty());
  CHECK(eventually([&] { return server.counters().ended.at("by-client") >= 3; }));
}

TEST_CASE("waiting for a silent server can be given up") {
  boost::asio::io_context context;
  const boost::asio::ip::tcp::acceptor silent{
      context, boost::asio::ip::tcp::endpoint{boost::asio::ip::address_v4::loopback(), 0}};
  Log log;
  TwampKeeper keeper{options_with(log)};
  keeper.want(
      sessions({parse_address("127.0.0.1").value(), silent.local_endpoint().port()}, "far"));
  int asked = 0;
  keeper.settle([&] { return ++asked == 3; });
  CHECK(asked == 3);
}
