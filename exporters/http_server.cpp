// SPDX-License-Identifier: Apache-2.0
// The only file that sees Boost.Beast, which takes long to compile.
#include "exporters/http_server.hpp"

#include <fmt/core.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <exception>
#include <future>
#include <list>
#include <string_view>
#include <thread>

namespace strait::exporters {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Tcp = asio::ip::tcp;
using Request = http::request<http::string_body>;

constexpr std::chrono::milliseconds stop_grace{500};
constexpr std::chrono::milliseconds accept_pause{50};

asio::redirect_error_t<asio::use_awaitable_t<>> into(error_code& ec) {
  return asio::redirect_error(asio::use_awaitable, ec);
}

struct Connection {
  explicit Connection(Tcp::socket socket) : stream{std::move(socket)} {}

  beast::tcp_stream stream;
  beast::flat_buffer buffer;
  bool waiting = true;  // for a request: may be dropped in favour of a new connection
};
using Connections = std::list<std::shared_ptr<Connection>>;  // the one waiting for longest first

// The path of a request target, whether in origin-form or absolute-form (RFC 9112 section 3.2).
std::string_view path_of(std::string_view target) {
  constexpr std::string_view scheme = "http://";
  if (target.starts_with(scheme)) {
    const auto slash = target.find('/', scheme.size());
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  return target.substr(0, target.find('?'));
}

http::status status_of(const error_code& ec) {
  if (ec == http::error::header_limit) return http::status::request_header_fields_too_large;
  if (ec == http::error::body_limit) return http::status::payload_too_large;
  return http::status::bad_request;
}

// Malformed requests get an answer; a peer that left or was too slow does not.
bool deserves_answer(const error_code& ec) {
  return ec.category() == make_error_code(http::error::bad_method).category() &&
         ec != http::error::end_of_stream && ec != http::error::partial_message;
}

HttpAnswer plain(http::status status, std::string body) {
  return {.status = static_cast<unsigned>(status), .body = std::move(body)};
}

HttpAnswer answer(const HttpRoutes& routes, std::string_view path) {
  const auto route = routes.find(path);
  if (route == routes.end()) return plain(http::status::not_found, "not found\n");
  try {
    return route->second();
  } catch (const std::exception& e) {
    return plain(http::status::internal_server_error, fmt::format("{}\n", e.what()));
  }
}

template <class Body>
http::response<Body> response(const HttpAnswer& from, unsigned version, bool keep_alive) {
  http::response<Body> result{static_cast<http::status>(from.status), version};
  result.set(http::field::server, "strait");
  result.set(http::field::content_type, from.content_type);
  result.set(http::field::cache_control, "no-store");
  if (result.result() == http::status::method_not_allowed)
    result.set(http::field::allow, "GET, HEAD");
  result.keep_alive(keep_alive);
  result.content_length(from.body.size());
  return result;
}

asio::awaitable<error_code> write(beast::tcp_stream& stream, HttpAnswer from, const Request& to,
                                  bool keep_alive) {
  error_code ec;
  if (to.method() == http::verb::head) {
    // A response to HEAD carries the length of the body that GET would get (RFC 9110 9.3.2).
    auto head = response<http::empty_body>(from, to.version(), keep_alive);
    http::response_serializer<http::empty_body> serializer{head};
    co_await http::async_write_header(stream, serializer, into(ec));
  } else {
    auto full = response<http::string_body>(from, to.version(), keep_alive);
    full.body() = std::move(from.body);
    co_await http::async_write(stream, full, into(ec));
  }
  co_return ec;
}

Error listen_error(const Endpoint& endpoint, const error_code& ec) {
  const bool forbidden = ec == asio::error::access_denied;
  std::string remedy;
  if (ec == asio::error::address_in_use) remedy = "; stop the other program or choose another port";
  if (forbidden) remedy = "; choose a port above 1023";
  return {
      forbidden ? Errc::no_permission : Errc::io,
      fmt::format("HTTP: cannot listen on {}: {}{}", to_string(endpoint), ec.message(), remedy)};
}

Result<Tcp::acceptor> listen(asio::io_context& io, const Endpoint& endpoint) {
  const Tcp::endpoint where{endpoint.address, endpoint.port};
  Tcp::acceptor acceptor{io};
  error_code ec;
  acceptor.open(where.protocol(), ec);
  if (!ec) acceptor.set_option(Tcp::acceptor::reuse_address{true}, ec);
  // So that 0.0.0.0 and [::] can have the same port.
  if (!ec && where.address().is_v6()) acceptor.set_option(asio::ip::v6_only{true}, ec);
  if (!ec) acceptor.bind(where, ec);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return tl::make_unexpected(listen_error(endpoint, ec));
  return acceptor;
}

}  // namespace

// Everything but the routes is touched by the I/O thread only. The order of the members matters:
// suspended coroutines die with `render_` and `io_`, and still take themselves off `connections_`.
class HttpServer::State {
 public:
  State(HttpServerOptions options, HttpRoutes routes)
      : options_{std::move(options)}, routes_{std::move(routes)} {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  State(State&&) = delete;
  State& operator=(State&&) = delete;
  ~State() {
    try {
      stop();
    } catch (...) {  // the thread may still run on what would be freed here
      std::terminate();
    }
  }

  Result<void> open() {
    for (const Endpoint& endpoint : options_.listen) {
      auto acceptor = listen(io_, endpoint);
      if (!acceptor) return fail(std::move(acceptor));
      endpoints_.push_back({endpoint.address, acceptor->local_endpoint().port()});
      acceptors_.push_back(std::move(*acceptor));
    }
    return {};
  }

  void run() {
    for (Tcp::acceptor& acceptor : acceptors_) {
      asio::co_spawn(io_, accept(acceptor), asio::detached);
    }
    finished_ = std::async(std::launch::async, [this] { io_.run(); });
  }

  void stop() {
    if (!finished_.valid()) return;
    asio::post(io_, [this] {
      for (Tcp::acceptor& acceptor : acceptors_) acceptor.close();
      for (const auto& connection : connections_) connection->stream.close();
    });
    if (finished_.wait_for(stop_grace) == std::future_status::timeout) io_.stop();
    finished_.get();
    render_.stop();
    render_.join();
  }

  [[nodiscard]] const std::vector<Endpoint>& endpoints() const { return endpoints_; }

 private:
  asio::awaitable<void> accept(Tcp::acceptor& acceptor) {
    while (acceptor.is_open()) {
      error_code ec;
      Tcp::socket socket = co_await acceptor.async_accept(into(ec));
      if (ec == asio::error::operation_aborted) co_return;
      if (ec) {  // such as no file descriptor left: not at full speed
        asio::steady_timer pause{io_, accept_pause};
        co_await pause.async_wait(into(ec));
        continue;
      }
      if (connections_.size() >= options_.max_connections) drop_longest_waiting();
      if (connections_.size() >= 2 * options_.max_connections) continue;  // all at work
      asio::co_spawn(io_, serve(std::make_shared<Connection>(std::move(socket))), asio::detached);
    }
  }

  void drop_longest_waiting() {
    for (const auto& connection : connections_) {
      if (!connection->waiting || !connection->stream.socket().is_open()) continue;
      connection->stream.close();
      return;
    }
  }

  asio::awaitable<void> serve(std::shared_ptr<Connection> connection) {
    auto place = connections_.insert(connections_.end(), connection);
    const auto leave = [this](Connections::iterator* at) { connections_.erase(*at); };
    const std::unique_ptr<Connections::iterator, decltype(leave)> guard{&place, leave};
    while (co_await serve_one(*connection)) {
      connection->waiting = true;
      connections_.splice(connections_.end(), connections_, place);
    }
    error_code ignored;
    connection->stream.socket().shutdown(Tcp::socket::shutdown_send, ignored);
  }

  // Reads one request and answers it; false when the connection is to be closed.
  asio::awaitable<bool> serve_one(Connection& connection) {
    error_code ec;
    if (connection.buffer.size() == 0) co_await first_octets(connection, ec);
    if (ec) co_return false;

    http::request_parser<http::string_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(options_.max_header_bytes));
    parser.body_limit(options_.max_body_bytes);
    connection.stream.expires_after(options_.request_timeout);
    co_await http::async_read(connection.stream, connection.buffer, parser, into(ec));
    connection.waiting = false;
    connection.stream.expires_after(options_.write_timeout);
    if (ec) {
      if (deserves_answer(ec)) {
        co_await write(connection.stream, plain(status_of(ec), ec.message() + '\n'), {}, false);
      }
      co_return false;
    }

    const Request request = parser.release();
    HttpAnswer reply = co_await answer_to(request);
    connection.stream.expires_after(options_.write_timeout);
    ec = co_await write(connection.stream, std::move(reply), request, request.keep_alive());
    co_return !ec && request.keep_alive();
  }

  asio::awaitable<void> first_octets(Connection& connection, error_code& ec) const {
    connection.stream.expires_after(options_.idle_timeout);
    const std::size_t got =
        co_await connection.stream.async_read_some(connection.buffer.prepare(4096), into(ec));
    connection.buffer.commit(got);
  }

  asio::awaitable<HttpAnswer> answer_to(const Request& request) {
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
      co_return plain(http::status::method_not_allowed, "only GET and HEAD\n");
    }
    // A page of megabytes takes tens of milliseconds: other connections go on meanwhile.
    co_return co_await asio::co_spawn(render_, render(std::string{path_of(request.target())}),
                                      asio::use_awaitable);
  }

  asio::awaitable<HttpAnswer> render(std::string path) { co_return answer(routes_, path); }

  HttpServerOptions options_;
  HttpRoutes routes_;
  std::vector<Endpoint> endpoints_;
  Connections connections_;
  asio::io_context io_{1};
  asio::thread_pool render_{1};
  std::vector<Tcp::acceptor> acceptors_;
  std::future<void> finished_;
};

HttpServer::HttpServer(std::unique_ptr<State> state) : state_{std::move(state)} {}
HttpServer::HttpServer(HttpServer&&) noexcept = default;
HttpServer& HttpServer::operator=(HttpServer&&) noexcept = default;
HttpServer::~HttpServer() = default;

Result<HttpServer> HttpServer::start(HttpServerOptions options, HttpRoutes routes) {
  auto state = std::make_unique<State>(std::move(options), std::move(routes));
  if (auto opened = state->open(); !opened) return fail(std::move(opened));
  state->run();
  return HttpServer{std::move(state)};
}

const std::vector<Endpoint>& HttpServer::endpoints() const { return state_->endpoints(); }

void HttpServer::stop() {
  if (state_) state_->stop();
}

}  // namespace strait::exporters
