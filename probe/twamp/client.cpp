// SPDX-License-Identifier: Apache-2.0
#include "probe/twamp/client.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <cstring>
#include <exception>
#include <string_view>
#include <utility>

#include "core/clock.hpp"
#include "probe/socket/fd.hpp"
#include "probe/socket/probe_socket.hpp"

namespace strait::probe::twamp {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Tcp = asio::ip::tcp;
using Stage = ClientConnection::Stage;

constexpr std::size_t piece = 1024;  // octets that are read at a time

// A UDP port of this address that nobody else gets while the socket is open.
Result<kernel::Fd> reserve_port(const Address& address) {
  kernel::Fd fd{::socket(address.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!fd.is_open()) {
    return fail(Errc::io, fmt::format("open a UDP socket: {}", std::strerror(errno)));
  }
  if (auto bound = kernel::bind_to(fd.value(), {address, 0}); !bound) return fail(std::move(bound));
  return fd;
}

// During a test nothing is said on the control connection, so that a server which was started anew
// would never be missed. Such a one answers the first question with a reset; one that cannot be
// reached is given up when it may have ended the sessions itself (REFWAIT, RFC 5357 section 4.2):
// until then what is lost on the path counts as lost.
void keep_asking(int fd) {
  constexpr int pause = 30;  // seconds
  constexpr int questions = 900 / pause - 1;
  (void)kernel::set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE");
  (void)kernel::set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, pause, "TCP_KEEPIDLE");
  (void)kernel::set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, pause, "TCP_KEEPINTVL");
  (void)kernel::set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, questions, "TCP_KEEPCNT");
}

}  // namespace

class Client::Impl : public std::enable_shared_from_this<Client::Impl> {
 public:
  Impl(asio::io_context& context, ClientOptions options, OnChange on_change)
      : options_{std::move(options)},
        on_change_{std::move(on_change)},
        context_{context},
        socket_{context},
        timer_{context} {}

  void begin();
  void stop();
  void release_ports() { reserved_.clear(); }
  [[nodiscard]] bool running() const {
    return connection_ && connection_->stage() == Stage::running;
  }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] const Error& failure() const { return failure_; }
  [[nodiscard]] const std::vector<AgreedSession>& agreed() const { return agreed_; }
  [[nodiscard]] std::optional<Error> shortfall() const {
    if (!running()) return std::nullopt;
    return left_ ? left_ : connection_->refusal();
  }

 private:
  [[nodiscard]] MonoTime now() const { return clock_.now().mono; }
  [[nodiscard]] Result<void> open_socket();
  [[nodiscard]] Result<ClientWishes> make_wishes();
  [[nodiscard]] bool left_halfway() const;
  void begin_again();
  void fail_with(Error error);
  void fail_later(Error error);
  void on_connect(error_code error);
  void go_on();
  void after_output();
  void note_agreement();
  void read();
  void write();
  void watch_time();
  void close();

  ClientOptions options_;
  OnChange on_change_;
  SystemClock clock_;
  asio::io_context& context_;
  Tcp::socket socket_;
  asio::steady_timer timer_;
  std::unique_ptr<ClientConnection> connection_;  // from when TCP is connected
  std::vector<kernel::Fd> reserved_;
  std::vector<Endpoint> senders_;  // of the wanted sessions
  std::vector<AgreedSession> agreed_;
  bool failed_ = false;
  Error failure_{Errc::io, {}};
  bool closed_ = false;
  bool hung_up_ = false;       // by the server
  std::optional<Error> left_;  // how it did so, when fewer sessions were asked for after that
  std::array<std::byte, piece> input_{};
  std::vector<std::byte> output_;
};

Result<void> Client::Impl::open_socket() {
  const bool v6 = options_.server.address.is_v6();
  error_code error;
  socket_.open(v6 ? Tcp::v6() : Tcp::v4(), error);
  if (error) return fail(Errc::io, fmt::format("open a TCP socket: {}", error.message()));
  const PathPin& pin = options_.pin;
  const int fd = socket_.native_handle();
  if (auto pinned = kernel::pin_socket(fd, pin.device, pin.mark); !pinned) return pinned;
  if (const auto& source = pin.source(v6)) return kernel::bind_to(fd, {*source, 0});
  return {};
}

void Client::Impl::begin() {
  if (auto opened = open_socket(); !opened) {
    Error error = std::move(opened).error();
    error.message = fmt::format("twamp server {}: {}", options_.name, error.message);
    fail_later(std::move(error));
    return;
  }
  timer_.expires_after(options_.patience);
  timer_.async_wait([self = shared_from_this()](error_code error) {
    if (error || self->closed_ || self->connection_) return;
    self->fail_with(
        {Errc::io, fmt::format("twamp server {}: no TCP connection within {}", self->options_.name,
                               strait::to_string(self->options_.patience))});
  });
  socket_.async_connect({options_.server.address, options_.server.port},
                        [self = shared_from_this()](error_code error) { self->on_connect(error); });
}

void Client::Impl::on_connect(error_code error) {
  if (closed_) return;
  if (error) {
    fail_with(
        {Errc::io, fmt::format("twamp server {}: connect: {}", options_.name, error.message())});
    return;
  }
  socket_.set_option(Tcp::no_delay{true}, error);
  keep_asking(socket_.native_handle());
  auto wishes = make_wishes();
  if (!wishes) {
    fail_with({wishes.error().code,
               fmt::format("twamp server {}: {}", options_.name, wishes.error().message)});
    return;
  }
  connection_ = std::make_unique<ClientConnection>(std::move(*wishes), now());
  watch_time();
  read();
}

// Sender and receiver ports have the same number: one that is free here is likely free there.
Result<ClientWishes> Client::Impl::make_wishes() {
  ClientWishes wishes;
  wishes.name = options_.name;
  wishes.patience = options_.patience;
  error_code error;
  const auto local = socket_.local_endpoint(error);
  if (error) return fail(Errc::io, fmt::format("read the local address: {}", error.message()));
  wishes.v6 = local.address().is_v6();
  for (std::size_t i = 0; i < options_.sessions; ++i) {
    auto fd = reserve_port(local.address());
    if (!fd) return tl::make_unexpected(fd.error());
    const auto bound = kernel::local_endpoint(fd->value());
    if (!bound) return tl::make_unexpected(bound.error());
    SessionWish wish = options_.wish;
    wish.sender_port = bound->port;
    wish.receiver_port = bound->port;
    wishes.sessions.push_back(wish);
    senders_.push_back({local.address(), bound->port});
    reserved_.push_back(std::move(*fd));
  }
  return wishes;
}

void Client::Impl::read() {
  socket_.async_read_some(
      asio::buffer(input_), [self = shared_from_this()](error_code error, std::size_t got) {
        if (self->closed_) return;
        if (error) {
          self->hung_up_ = true;
          self->connection_->hang_up(error.message());
        } else {
          self->connection_->receive(std::span{self->input_}.first(got), self->now());
        }
        self->go_on();
      });
}

void Client::Impl::go_on() {
  output_ = connection_->take_output();
  if (!output_.empty()) {
    write();
    return;
  }
  after_output();
}

void Client::Impl::write() {
  asio::async_write(socket_, asio::buffer(output_),
                    [self = shared_from_this()](error_code error, std::size_t) {
                      if (self->closed_) return;
                      if (error) self->connection_->hang_up(error.message());
                      self->after_output();
                    });
}

void Client::Impl::after_output() {
  if (connection_->stage() == Stage::failed) {
    if (left_halfway()) {
      begin_again();
    } else {
      fail_with(connection_->failure());
    }
    return;
  }
  watch_time();
  read();
  if (running() && agreed_.empty()) note_agreement();
}

// Some servers (perfSONAR's is one) end the connection instead of refusing a session too many.
bool Client::Impl::left_halfway() const {
  return hung_up_ && !left_ && connection_->accepted() > 0 &&
         connection_->answers().size() < options_.sessions;
}

// Once, with as many sessions as it gave before it left.
void Client::Impl::begin_again() {
  left_ = connection_->failure();
  options_.sessions = connection_->accepted();
  left_->message += fmt::format("; it gave {}", options_.sessions);
  connection_.reset();
  hung_up_ = false;
  senders_.clear();
  reserved_.clear();
  timer_.cancel();
  error_code ignored;
  socket_.close(ignored);
  begin();
}

void Client::Impl::note_agreement() {
  const auto& answers = connection_->answers();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].accept != Accept::ok) continue;
    agreed_.push_back({.number = i,
                       .sender = senders_[i],
                       .reflector = {options_.server.address, answers[i].port}});
  }
  on_change_();
}

void Client::Impl::watch_time() {
  const MonoTime deadline = connection_->deadline();
  if (deadline == MonoTime::max()) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(deadline);
  timer_.async_wait([self = shared_from_this()](error_code error) {
    if (error || self->closed_ || !self->connection_) return;
    self->connection_->tick(self->now());
    if (self->connection_->stage() == Stage::failed) {
      self->fail_with(self->connection_->failure());
    } else {
      self->watch_time();
    }
  });
}

void Client::Impl::fail_with(Error error) {
  failed_ = true;
  failure_ = std::move(error);
  close();
  on_change_();
}

// Not before the constructor has returned.
void Client::Impl::fail_later(Error error) {
  asio::post(context_, [self = shared_from_this(), error = std::move(error)] {
    if (!self->closed_) self->fail_with(error);
  });
}

void Client::Impl::stop() {
  if (closed_) return;
  if (connection_) {
    connection_->stop();
    const auto last = connection_->take_output();
    error_code ignored;  // if it does not get there, the server finds out that we are gone
    socket_.non_blocking(true, ignored);
    (void)socket_.send(asio::buffer(last), 0, ignored);
  }
  close();
}

void Client::Impl::close() {
  closed_ = true;
  agreed_.clear();
  reserved_.clear();
  timer_.cancel();
  error_code ignored;
  socket_.shutdown(Tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
}

Client::Client(boost::asio::io_context& context, ClientOptions options, OnChange on_change)
    : impl_{std::make_shared<Impl>(context, std::move(options), std::move(on_change))} {
  impl_->begin();
}
Client::~Client() {
  try {
    impl_->stop();
  } catch (...) {  // the connection may still call back
    std::terminate();
  }
}

bool Client::running() const { return impl_->running(); }
bool Client::failed() const { return impl_->failed(); }
const Error& Client::failure() const { return impl_->failure(); }
const std::vector<AgreedSession>& Client::agreed() const { return impl_->agreed(); }
std::optional<Error> Client::shortfall() const { return impl_->shortfall(); }
void Client::release_ports() { impl_->release_ports(); }
void Client::stop() { impl_->stop(); }

}  // namespace strait::probe::twamp
