// SPDX-License-Identifier: Apache-2.0
#include "probe/twamp/server.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <set>
#include <utility>

#include "probe/random.hpp"
#include "probe/socket/probe_socket.hpp"

namespace strait::probe::twamp {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Tcp = asio::ip::tcp;

constexpr auto accept_pause = std::chrono::milliseconds{50};
constexpr std::size_t piece = 1024;  // octets that are read at a time
// What still comes of a client that we have left is read and thrown away, so long and so much.
constexpr auto farewell = std::chrono::seconds{1};
constexpr std::size_t most_discarded = std::size_t{64} << 10U;
constexpr Rate new_connections{100};  // of all clients together

Endpoint to_endpoint(const Tcp::endpoint& endpoint) {
  return {endpoint.address(), endpoint.port()};
}

Error listen_error(const Endpoint& endpoint, const error_code& error) {
  const bool forbidden = error == asio::error::access_denied;
  std::string remedy;
  if (error == asio::error::address_in_use) {
    remedy = fmt::format("; 'ss -ltnp sport = {}' shows who has it", endpoint.port);
  }
  if (forbidden) {
    remedy =
        "; ports below 1024 need root or CAP_NET_BIND_SERVICE: use a higher port, or setcap "
        "cap_net_bind_service+ep \"$(command -v strait)\"";
  }
  return {forbidden ? Errc::no_permission : Errc::io,
          fmt::format("twamp: listen on {}: {}{}", to_string(endpoint), error.message(), remedy)};
}

Result<Tcp::acceptor> listen(asio::io_context& context, const Endpoint& endpoint) {
  const Tcp::endpoint where{endpoint.address, endpoint.port};
  Tcp::acceptor acceptor{context};
  error_code error;
  acceptor.open(where.protocol(), error);
  if (!error) acceptor.set_option(Tcp::acceptor::reuse_address{true}, error);
  if (!error && where.address().is_v6()) acceptor.set_option(asio::ip::v6_only{true}, error);
  if (!error) acceptor.bind(where, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return tl::make_unexpected(listen_error(endpoint, error));
  (void)kernel::set_option(acceptor.native_handle(), IPPROTO_TCP, TCP_SAVE_SYN, 1, "TCP_SAVE_SYN");
  return acceptor;
}

// RFC 5357 section 3.1: all packets of a connection should have the DSCP of the client's SYN.
void take_dscp_of_syn(int fd, bool v6) {
  std::array<std::uint8_t, 128> syn{};  // its IP header and what follows
  socklen_t length = syn.size();
  if (::getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, syn.data(), &length) != 0 || length < 2) return;
  const unsigned first = syn[0];
  const unsigned second = syn[1];
  const unsigned traffic_class = v6 ? (first << 4U | second >> 4U) & 0xffU : second;
  const int dscp_only = static_cast<int>(traffic_class & 0xfcU);
  if (dscp_only == 0) return;
  (void)(v6 ? kernel::set_option(fd, IPPROTO_IPV6, IPV6_TCLASS, dscp_only, "IPV6_TCLASS")
            : kernel::set_option(fd, IPPROTO_IP, IP_TOS, dscp_only, "IP_TOS"));
}

// Connections are counted by the same rules as packets are, but fewer are let in.
ReflectorPolicyOptions door_policy(const ServerOptions& options) {
  ReflectorPolicyOptions policy = options.test.policy;
  policy.source_rate = options.connection_rate;
  policy.total_rate = new_connections;
  policy.local_port = 0;  // TCP: no loop of reflectors
  return policy;
}

// A control connection on its socket. It reads no more before its answers are written, so that a
// client that does not read cannot make them pile up.
class Client : public std::enable_shared_from_this<Client> {
 public:
  using OnClose = std::function<void(const std::shared_ptr<Client>&)>;

  Client(Tcp::socket socket, const Endpoint& remote, OnClose on_close)
      : socket_{std::move(socket)},
        timer_{socket_.get_executor()},
        address_{remote.address},
        on_close_{std::move(on_close)} {}

  [[nodiscard]] const Address& address() const { return address_; }

  void begin(const ServerFacts& facts, ServerTallies& tallies, const Endpoint& remote,
             const Endpoint& local) {
    connection_ = std::make_unique<ServerConnection>(facts, tallies, remote, local, now());
    go_on();
  }

  void stop() {
    if (connection_) connection_->stop(now());
    close();
  }

 private:
  [[nodiscard]] MonoTime now() const { return clock_.now().mono; }

  void close() {
    if (closed_) return;
    closed_ = true;
    if (connection_) connection_->hang_up(now());
    // What it refers to may not outlive this.
    connection_.reset();
    timer_.cancel();
    error_code ignored;
    socket_.shutdown(Tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
    on_close_(shared_from_this());
  }

  void go_on() {
    output_ = connection_->take_output();
    watch_time();
    if (!output_.empty()) {
      write();
      return;
    }
    if (connection_->closed()) {
      leave();
      return;
    }
    read();
  }

  // A socket that is closed with octets unread sends a reset, which may overtake the last answer.
  void leave() {
    connection_.reset();
    error_code ignored;
    socket_.shutdown(Tcp::socket::shutdown_send, ignored);
    timer_.expires_after(farewell);
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->close();
    });
    discard();
  }

  void discard() {
    socket_.async_read_some(asio::buffer(input_),
                            [self = shared_from_this()](error_code error, std::size_t got) {
                              if (self->closed_) return;
                              self->discarded_ += got;
                              if (error || self->discarded_ > most_discarded) {
                                self->close();
                              } else {
                                self->discard();
                              }
                            });
  }

  void read() {
    socket_.async_read_some(asio::buffer(input_),
                            [self = shared_from_this()](error_code error, std::size_t got) {
                              self->on_read(error, got);
                            });
  }

  void on_read(error_code error, std::size_t got) {
    if (!connection_) return;
    if (error) {
      close();
      return;
    }
    connection_->receive(std::span{input_}.first(got), now());
    go_on();
  }

  void write() {
    asio::async_write(socket_, asio::buffer(output_),
                      [self = shared_from_this()](error_code error, std::size_t) {
                        if (!self->connection_) return;
                        if (error) {
                          self->close();
                          return;
                        }
                        self->go_on();
                      });
  }

  void watch_time() {
    const MonoTime deadline = connection_->deadline();
    if (deadline == MonoTime::max()) {
      timer_.cancel();
      return;
    }
    timer_.expires_at(deadline);
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (error || !self->connection_) return;
      self->connection_->tick(self->now());
      if (self->connection_->closed()) {
        self->close();
        return;
      }
      self->watch_time();
    });
  }

  SystemClock clock_;
  Tcp::socket socket_;
  asio::steady_timer timer_;
  Address address_;
  OnClose on_close_;
  std::unique_ptr<ServerConnection> connection_;  // null: not begun, or over
  bool closed_ = false;
  std::size_t discarded_ = 0;
  std::array<std::byte, piece> input_{};
  std::vector<std::byte> output_;
};

}  // namespace

class Server::Impl {
 public:
  Impl(asio::io_context& context, const ServerOptions& options)
      : context_{context},
        options_{options},
        door_{door_policy(options)},
        ports_{context, options.test},
        pause_{context} {
    facts_.limits = options.limits;
    facts_.start_time = encode_time(clock_.now().wall, TimestampFormat::ntp);
    facts_.random = entropy_word;
    facts_.time = [this] { return encode_time(clock_.now().wall, TimestampFormat::ntp); };
    facts_.ports = &ports_;
  }

  Result<void> listen_all();
  void start() {
    for (Tcp::acceptor& acceptor : acceptors_) accept(acceptor);
  }
  void stop();
  [[nodiscard]] ServerCounters counters() const;
  [[nodiscard]] std::vector<Endpoint> endpoints() const { return endpoints_; }
  [[nodiscard]] std::size_t connections() const { return clients_.size(); }
  [[nodiscard]] std::size_t test_ports() const { return ports_.open_ports(); }

 private:
  void accept(Tcp::acceptor& acceptor);
  void take(Tcp::socket socket);
  [[nodiscard]] std::string_view problem(const Endpoint& remote);

  asio::io_context& context_;
  ServerOptions options_;
  SystemClock clock_;
  ReflectorPolicy door_;
  ReflectingPorts ports_;
  ServerFacts facts_;
  ServerTallies tallies_;
  std::vector<Tcp::acceptor> acceptors_;
  std::vector<Endpoint> endpoints_;
  asio::steady_timer pause_;
  // A completion may be queued already when the server goes: then nothing of it is left.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::set<std::shared_ptr<Client>> clients_;
  std::uint64_t accepted_ = 0;
};

Result<void> Server::Impl::listen_all() {
  if (options_.listen.empty()) return fail(Errc::bad_input, "twamp: no address to listen on");
  for (const Endpoint& endpoint : options_.listen) {
    auto acceptor = listen(context_, endpoint);
    if (!acceptor) return fail(std::move(acceptor));
    error_code error;
    const auto local = acceptor->local_endpoint(error);
    if (error) return tl::make_unexpected(listen_error(endpoint, error));
    endpoints_.push_back({endpoint.address, local.port()});
    acceptors_.push_back(std::move(*acceptor));
  }
  return {};
}

void Server::Impl::accept(Tcp::acceptor& acceptor) {
  acceptor.async_accept([this, &acceptor, alive = alive_](error_code error, Tcp::socket socket) {
    if (!*alive || error == asio::error::operation_aborted) return;
    if (!error) {
      take(std::move(socket));
      accept(acceptor);
      return;
    }
    // Such as no file descriptor left: not at full speed.
    count(tallies_.refused, "accept-failed");
    pause_.expires_after(accept_pause);
    pause_.async_wait([this, &acceptor, alive](error_code) {
      if (*alive) accept(acceptor);
    });
  });
}

// Why a connection is not taken; empty: it is.
std::string_view Server::Impl::problem(const Endpoint& remote) {
  const Refusal refusal = door_.admit(remote, clock_.now().mono);
  if (refusal != Refusal::none) return to_string(refusal);
  if (clients_.size() >= options_.connections) return "connections";
  const auto same = std::ranges::count(clients_, remote.address, &Client::address);
  const bool many = static_cast<std::size_t>(same) >= options_.connections_per_client;
  return many ? "connections-of-client" : "";
}

void Server::Impl::take(Tcp::socket socket) {
  error_code error;
  const auto remote = socket.remote_endpoint(error);
  const auto local = error ? Tcp::endpoint{} : socket.local_endpoint(error);
  if (error) {
    count(tallies_.refused, "accept-failed");
    return;
  }
  if (const auto why = problem(to_endpoint(remote)); !why.empty()) {
    count(tallies_.refused, why);
    // RFC 4656 section 3.1: Modes 0 says that the server does not want to talk.
    socket.non_blocking(true, error);
    (void)socket.send(asio::buffer(encode(ServerGreeting{})), 0, error);
    return;
  }
  ++accepted_;
  socket.set_option(Tcp::no_delay{true}, error);
  take_dscp_of_syn(socket.native_handle(), remote.address().is_v6());
  const auto client = std::make_shared<Client>(
      std::move(socket), to_endpoint(remote),
      [this](const std::shared_ptr<Client>& closed) { clients_.erase(closed); });
  clients_.insert(client);
  client->begin(facts_, tallies_, to_endpoint(remote), to_endpoint(local));
}

void Server::Impl::stop() {
  *alive_ = false;
  pause_.cancel();
  acceptors_.clear();
  while (!clients_.empty()) (*clients_.begin())->stop();
  ports_.close();
}

ServerCounters Server::Impl::counters() const {
  return {.connections = accepted_,
          .sessions = tallies_.sessions,
          .refused = tallies_.refused,
          .ended = tallies_.ended,
          .test = ports_.counters()};
}

Result<std::unique_ptr<Server>> Server::open(boost::asio::io_context& context,
                                             const ServerOptions& options) {
  auto impl = std::make_unique<Impl>(context, options);
  if (auto listening = impl->listen_all(); !listening) return fail(std::move(listening));
  impl->start();
  return std::unique_ptr<Server>{new Server{std::move(impl)}};
}

Server::Server(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Server::~Server() {
  try {
    impl_->stop();
  } catch (...) {  // waits may still point to what would be freed here
    std::terminate();
  }
}

void Server::stop() { impl_->stop(); }
ServerCounters Server::counters() const { return impl_->counters(); }
std::vector<Endpoint> Server::endpoints() const { return impl_->endpoints(); }
std::size_t Server::connections() const { return impl_->connections(); }
std::size_t Server::test_ports() const { return impl_->test_ports(); }

}  // namespace strait::probe::twamp
