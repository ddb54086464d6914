// SPDX-License-Identifier: Apache-2.0
#include "exporters/http_server.hpp"

#include <atomic>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <future>
#include <thread>

#include "exporters/metrics_pages.hpp"
#include "exporters/prometheus.hpp"
#include "tests/exporters/samples.hpp"

using namespace strait;
using namespace strait::exporters;
using namespace std::chrono_literals;
using Tcp = boost::asio::ip::tcp;

namespace {

Endpoint loopback4() { return *parse_endpoint("127.0.0.1:0", 0); }
Endpoint loopback6() { return *parse_endpoint("[::1]:0", 0); }

// A client that sends octets as they are and reads until the server closes.
class RawClient {
 public:
  explicit RawClient(const Endpoint& server) { socket_.connect({server.address, server.port}); }

  void send(std::string_view text) {
    boost::system::error_code ec;
    boost::asio::write(socket_, boost::asio::buffer(text.data(), text.size()), ec);
  }

  std::string read_all() {
    std::string all;
    boost::system::error_code ec;
    boost::asio::read(socket_, boost::asio::dynamic_buffer(all), ec);
    return all;
  }

 private:
  boost::asio::io_context io_;
  Tcp::socket socket_{io_};
};

std::string converse(const Endpoint& server, std::string_view request) {
  RawClient client{server};
  client.send(request);
  return client.read_all();
}

std::string get(const Endpoint& server, const std::string& path) {
  return converse(server, "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
}

std::string body_of(const std::string& response) {
  const auto end = response.find("\r\n\r\n");
  return end == std::string::npos ? "" : response.substr(end + 4);
}

std::string status_of(const std::string& response) {
  return response.substr(0, response.find("\r\n"));
}

HttpServer serve(HttpServerOptions options, HttpRoutes routes) {
  auto server = HttpServer::start(std::move(options), std::move(routes));
  if (!server) FAIL(server.error().message);
  return std::move(*server);
}

HttpServer serve_hello(HttpServerOptions options = {}) {
  options.listen = {loopback4()};
  return serve(std::move(options), {{"/hello", [] { return HttpAnswer{.body = "hello\n"}; }}});
}

}  // namespace

TEST_CASE("a scrape works over IPv4 and IPv6 and has the content type of the text format") {
  auto cell = std::make_shared<SnapshotCell>();
  cell->publish(samples::snapshot());
  const HttpServer server = serve({.listen = {loopback4(), loopback6()}}, metrics_pages(cell));
  REQUIRE(server.endpoints().size() == 2);
  for (const Endpoint& endpoint : server.endpoints()) {
    CAPTURE(to_string(endpoint));
    const std::string response = get(endpoint, "/metrics");
    CHECK(status_of(response) == "HTTP/1.1 200 OK");
    CHECK_THAT(response, Catch::Contains("Content-Type: text/plain; version=0.0.4; charset=utf-8"));
    CHECK_THAT(response, Catch::Contains("strait_probes_total{path=\"atlas-offshore\","));
  }
}

TEST_CASE("the pages answer, and ready says 503 until the first window has closed") {
  auto cell = std::make_shared<SnapshotCell>();
  const HttpServer server = serve({.listen = {loopback4()}}, metrics_pages(cell));
  const Endpoint at = server.endpoints().front();
  CHECK(status_of(get(at, "/-/healthy")) == "HTTP/1.1 200 OK");
  CHECK_THAT(get(at, "/"), Catch::Contains("href=\"/metrics\""));

  const std::string before = get(at, "/-/ready");
  CHECK(status_of(before) == "HTTP/1.1 503 Service Unavailable");
  CHECK_THAT(before, Catch::Contains("no window has closed"));
  cell->publish(samples::snapshot());
  CHECK(status_of(get(at, "/-/ready")) == "HTTP/1.1 200 OK");
}

TEST_CASE("requests get the status that they deserve") {
  const HttpServer server = serve_hello();
  struct Case {
    std::string request;
    const char* status;
  };
  const auto c = GENERATE(values<Case>({
      {"GET /hello HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK"},
      {"GET /hello?x=1 HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK"},
      {"GET http://host:1/hello HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK"},
      {"HEAD /hello HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK"},
      {"GET /nothing HTTP/1.0\r\n\r\n", "HTTP/1.0 404 Not Found"},
      {"GET http://host HTTP/1.0\r\n\r\n", "HTTP/1.0 404 Not Found"},
      {"POST /hello HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi", "HTTP/1.0 405 Method Not Allowed"},
      {"FETCH /hello HTTP/1.0\r\n\r\n", "HTTP/1.0 405 Method Not Allowed"},
      {"nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request"},
      {"GET /hello HTTP/9.9\r\n\r\n", "HTTP/1.1 400 Bad Request"},
      {"GET /hello HTTP/1.1\r\nbad header\r\n\r\n", "HTTP/1.1 400 Bad Request"},
      {std::string("\0\1\2\xff\xfe\r\n\r\n", 9), "HTTP/1.1 400 Bad Request"},
      {"GET /hello HTTP/1.1\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n",
       "HTTP/1.1 431 Request Header Fields Too Large"},
      {"POST /hello HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
       "HTTP/1.1 413 Payload Too Large"},
  }));
  CAPTURE(c.request.substr(0, 60));
  CHECK(status_of(converse(server.endpoints().front(), c.request)) == c.status);
}

TEST_CASE("HEAD has the length of the body and no body") {
  const HttpServer server = serve_hello();
  const std::string response = converse(server.endpoints().front(), "HEAD /hello HTTP/1.0\r\n\r\n");
  CHECK_THAT(response, Catch::Contains("Content-Length: 6"));
  CHECK(body_of(response).empty());
}

TEST_CASE("a connection serves several requests, pipelined or not") {
  const HttpServer server = serve_hello();
  const std::string responses =
      converse(server.endpoints().front(),
               "GET /hello HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
               "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  std::size_t found = 0;
  for (auto at = responses.find("hello\n"); at != std::string::npos;
       at = responses.find("hello\n", at + 1)) {
    ++found;
  }
  CHECK(found == 3);
}

TEST_CASE("curl, a client that is not ours, gets the page") {
  if (std::system("command -v curl >/dev/null") != 0) {
    WARN("curl is not installed: skipped");
    return;
  }
  const HttpServer server = serve_hello();
  const std::string command = "test \"$(curl -s --max-time 5 http://" +
                              to_string(server.endpoints().front()) + "/hello)\" = hello";
  CHECK(std::system(command.c_str()) == 0);
}

TEST_CASE("a page that fails answers 500 and the server goes on") {
  HttpRoutes routes;
  routes["/bad"] = []() -> HttpAnswer { throw std::runtime_error{"no memory left"}; };
  const HttpServer server = serve({.listen = {loopback4()}}, std::move(routes));
  for (int i = 0; i < 2; ++i) {
    const std::string response = get(server.endpoints().front(), "/bad");
    CHECK(status_of(response) == "HTTP/1.1 500 Internal Server Error");
    CHECK_THAT(response, Catch::Contains("no memory left"));
  }
}

TEST_CASE("clients that never finish their request do not hold up another one") {
  const HttpServer server =
      serve_hello({.listen = {}, .max_connections = 8, .request_timeout = 1h});
  const Endpoint at = server.endpoints().front();
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 50; ++i) {
    slow.push_back(std::make_unique<RawClient>(at));
    slow.back()->send("GET /hello HTT");
  }
  CHECK(body_of(get(at, "/hello")) == "hello\n");  // before their time-out
}

TEST_CASE("a client that never finishes its request is cut off without an answer") {
  const HttpServer server = serve_hello({.listen = {}, .request_timeout = 50ms});
  RawClient slow{server.endpoints().front()};
  slow.send("GET /hello HTT");
  CHECK(slow.read_all().empty());
}

TEST_CASE("a client that does not read its response holds up nobody and is cut off") {
  HttpRoutes routes;
  routes["/big"] = [] { return HttpAnswer{.body = std::string(20'000'000, 'x')}; };
  routes["/small"] = [] { return HttpAnswer{.body = "small\n"}; };
  const HttpServer server =
      serve({.listen = {loopback4()}, .write_timeout = 500ms}, std::move(routes));
  const Endpoint at = server.endpoints().front();
  RawClient lazy{at};
  lazy.send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(body_of(get(at, "/small")) == "small\n");
  std::this_thread::sleep_for(1200ms);
  CHECK(lazy.read_all().size() < 20'000'000);
}

TEST_CASE("100 connections at once are all served") {
  const HttpServer server = serve_hello();
  const Endpoint at = server.endpoints().front();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(std::make_unique<RawClient>(at));
  for (auto& client : clients) client->send("GET /hello HTTP/1.0\r\n\r\n");
  for (auto& client : clients) CHECK(body_of(client->read_all()) == "hello\n");
}

TEST_CASE("scrapes see one whole snapshot each while snapshots change") {
  auto cell = std::make_shared<SnapshotCell>();
  const auto publish = [&cell](std::uint64_t n) {
    Snapshot snapshot = samples::snapshot();
    for (SessionSnapshot& session : snapshot.sessions) session.total.counts.sent = n;
    cell->publish(std::move(snapshot));
  };
  publish(0);
  const HttpServer server = serve({.listen = {loopback4()}}, metrics_pages(cell));
  const Endpoint at = server.endpoints().front();
  std::atomic<bool> stop = false;
  std::thread publisher{[&] {
    for (std::uint64_t n = 1; !stop; ++n) publish(n);
  }};
  std::atomic<int> torn = 0;
  std::vector<std::thread> scrapers;
  for (int i = 0; i < 4; ++i) {
    scrapers.emplace_back([&] {
      for (int scrape = 0; scrape < 10; ++scrape) {
        const std::string text = body_of(get(at, "/metrics"));
        std::vector<std::string> values;
        for (auto line = text.find("strait_probes_total{"); line != std::string::npos;
             line = text.find("strait_probes_total{", line + 1)) {
          const auto space = text.find("} ", line);
          values.push_back(text.substr(space, text.find('\n', space) - space));
        }
        if (values.size() != 2 || values[0] != values[1]) ++torn;
      }
    });
  }
  for (std::thread& scraper : scrapers) scraper.join();
  stop = true;
  publisher.join();
  CHECK(torn == 0);
}

TEST_CASE("a port that is taken is an error that names it and the remedy") {
  const HttpServer first = serve_hello();
  const Endpoint taken = first.endpoints().front();
  const auto second = HttpServer::start({.listen = {taken}}, {});
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == Errc::io);
  CHECK_THAT(second.error().message, Catch::Contains("cannot listen on " + to_string(taken)) &&
                                         Catch::Contains("choose another port"));
}

TEST_CASE("an address that this machine does not have is an error") {
  const auto server = HttpServer::start({.listen = {*parse_endpoint("192.0.2.77:0", 0)}}, {});
  REQUIRE_FALSE(server.has_value());
  CHECK_THAT(server.error().message, Catch::Contains("192.0.2.77"));
}

TEST_CASE("stop waits neither for a client nor for its time-outs, with a page in the making") {
  std::promise<void> asked;
  HttpRoutes routes;
  routes["/slow"] = [&asked] {
    asked.set_value();
    std::this_thread::sleep_for(100ms);
    return HttpAnswer{.body = std::string(50'000'000, 'x')};
  };
  HttpServer server = serve(
      {.listen = {loopback4()}, .idle_timeout = 1h, .request_timeout = 1h, .write_timeout = 1h},
      std::move(routes));
  const Endpoint at = server.endpoints().front();
  RawClient idle{at};
  RawClient half{at};
  half.send("GET /sl");
  RawClient waiting{at};
  waiting.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  asked.get_future().wait();
  server.stop();
  CHECK(idle.read_all().empty());
  CHECK(half.read_all().empty());
  CHECK_THROWS(RawClient{at});
  server.stop();
}
