// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/bmp_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <map>
#include <utility>

namespace strait::routes {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t chunk = std::size_t{1} << 16U;

// A router that is gone without a word is noticed within two minutes.
using KeepIdle = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPIDLE>;
using KeepInterval = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPINTVL>;
using KeepCount = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPCNT>;

Result<Tcp::acceptor> listen_on(asio::io_context& context, const Endpoint& endpoint) {
  const Tcp::endpoint where{endpoint.address, endpoint.port};
  Tcp::acceptor acceptor{context};
  error_code error;
  acceptor.open(where.protocol(), error);
  if (!error) acceptor.set_option(Tcp::acceptor::reuse_address{true}, error);
  // So that 0.0.0.0 and [::] can have the same port.
  if (!error && where.address().is_v6()) {
    acceptor.set_option(asio::ip::v6_only{true}, error);
  }
  if (!error) acceptor.bind(where, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (!error) return acceptor;
  const bool forbidden = error == asio::error::access_denied;
  return fail(forbidden ? Errc::no_permission : Errc::io,
              fmt::format("BMP: cannot listen on {}: {}", to_string(endpoint), error.message()));
}

void keep_alive(Tcp::socket& socket) {
  error_code ignored;
  socket.set_option(asio::socket_base::keep_alive{true}, ignored);
  socket.set_option(KeepIdle{60}, ignored);
  socket.set_option(KeepInterval{15}, ignored);
  socket.set_option(KeepCount{4}, ignored);
}

}  // namespace

class BmpServer::State : public std::enable_shared_from_this<State> {
 public:
  State(asio::io_context& context, BmpServerOptions options, const Clock& clock, Heard heard)
      : context_{context}, options_{std::move(options)}, clock_{clock}, heard_{std::move(heard)} {}

  Result<void> open() {
    for (const Endpoint& endpoint : options_.listen) {
      auto acceptor = listen_on(context_, endpoint);
      if (!acceptor) return fail(std::move(acceptor));
      acceptors_.push_back(std::move(*acceptor));
    }
    for (Tcp::acceptor& acceptor : acceptors_) accept(acceptor);
    return {};
  }

  [[nodiscard]] std::vector<Endpoint> endpoints() const {
    std::vector<Endpoint> found;
    for (const Tcp::acceptor& acceptor : acceptors_) {
      error_code ignored;
      const auto where = acceptor.local_endpoint(ignored);
      found.push_back({.address = where.address(), .port = where.port()});
    }
    return found;
  }

  [[nodiscard]] std::vector<MonitoredRouter*> routers() {
    std::vector<MonitoredRouter*> found;
    found.reserve(routers_.size());
    for (auto& [address, router] : routers_) found.push_back(&router);
    return found;
  }

  [[nodiscard]] const BmpServerCounters& counters() const { return counters_; }

  void stop() {
    error_code ignored;
    for (Tcp::acceptor& acceptor : acceptors_) acceptor.close(ignored);
    for (auto& [address, session] : sessions_) session->socket.close(ignored);
    sessions_.clear();
  }

 private:
  struct Session {
    explicit Session(Tcp::socket accepted) : socket{std::move(accepted)} {}
    Tcp::socket socket;
    BmpStream stream;
    std::vector<std::byte> buffer = std::vector<std::byte>(chunk);
  };
  using SessionPointer = std::shared_ptr<Session>;

  void accept(Tcp::acceptor& acceptor) {
    acceptor.async_accept(
        [self = shared_from_this(), &acceptor](error_code error, Tcp::socket socket) {
          if (!acceptor.is_open()) return;
          if (error) {
            self->accept_later(acceptor);
            return;
          }
          self->take(std::move(socket));
          self->accept(acceptor);
        });
  }

  // Where there is no descriptor left, the connection would be offered again at once.
  void accept_later(Tcp::acceptor& acceptor) {
    const auto pause =
        std::make_shared<asio::steady_timer>(context_, std::chrono::milliseconds{200});
    pause->async_wait([self = shared_from_this(), &acceptor, pause](error_code /*error*/) {
      if (acceptor.is_open()) self->accept(acceptor);
    });
  }

  void take(Tcp::socket socket) {
    error_code error;
    const auto remote = socket.remote_endpoint(error);
    if (error) return;  // gone already
    const Address address = remote.address();
    const bool allowed = std::ranges::any_of(
        options_.allow, [&](const Prefix& prefix) { return contains(prefix, address); });
    if (!allowed) {
      ++counters_.refused;
      return;
    }
    if (sessions_.size() >= options_.routers && !sessions_.contains(address)) {
      ++counters_.crowded;
      return;
    }
    begin(address, std::make_shared<Session>(std::move(socket)));
  }

  void begin(const Address& address, const SessionPointer& session) {
    if (const auto old = sessions_.find(address); old != sessions_.end()) {
      ++counters_.replaced;
      error_code ignored;
      old->second->socket.close(ignored);
    }
    sessions_[address] = session;
    keep_alive(session->socket);
    forget_one_that_is_gone();
    MonitoredRouter& router = routers_[address];
    router.address = address;
    router.router = std::make_unique<BmpRouter>(address, options_.limits);
    router.connected = true;
    router.since = clock_.now().wall;
    router.trouble.clear();
    router.octets = 0;
    ++router.sessions;
    heard_(router);
    read(address, session);
  }

  // Routers that come from ever new addresses must not fill the memory: as many are remembered as
  // may be connected, twice.
  void forget_one_that_is_gone() {
    if (routers_.size() < 2 * options_.routers) return;
    auto oldest = routers_.end();
    for (auto it = routers_.begin(); it != routers_.end(); ++it) {
      if (it->second.connected) continue;
      if (oldest == routers_.end() || it->second.since < oldest->second.since) oldest = it;
    }
    if (oldest != routers_.end()) routers_.erase(oldest);
  }

  void read(const Address& address, const SessionPointer& session) {
    session->socket.async_read_some(
        asio::buffer(session->buffer),
        [self = shared_from_this(), address, session](error_code error, std::size_t count) {
          self->arrived(address, session, error, count);
        });
  }

  void arrived(const Address& address, const SessionPointer& session, error_code error,
               std::size_t count) {
    const auto current = sessions_.find(address);
    if (current == sessions_.end() || current->second != session) return;  // replaced, or stopped
    MonitoredRouter& router = routers_[address];
    const bool going = work_off(router, *session, count);
    if (error && router.trouble.empty()) {
      router.trouble = error == asio::error::eof ? "the router closed the connection"
                                                 : "the connection broke: " + error.message();
      if (session->stream.amid_message()) router.trouble += ", in the middle of a message";
    }
    if (error || !going) {
      error_code ignored;
      session->socket.close(ignored);
      sessions_.erase(current);
      router.connected = false;
      router.since = clock_.now().wall;
      heard_(router);
      return;
    }
    heard_(router);
    read(address, session);
  }

  // False if the session must end; then trouble says why.
  bool work_off(MonitoredRouter& router, Session& session, std::size_t count) {
    router.octets += count;
    session.stream.add(std::span{session.buffer}.first(count));
    const WallTime now = clock_.now().wall;
    while (const auto message = session.stream.next()) {
      if (router.router->take(*message, now)) continue;
      router.trouble = router.router->ended().value_or("the session ended");
      return false;
    }
    if (session.stream.trouble().empty()) return true;
    router.trouble = "no BMP any more: " + session.stream.trouble();
    return false;
  }

  asio::io_context& context_;
  BmpServerOptions options_;
  const Clock& clock_;
  Heard heard_;
  std::vector<Tcp::acceptor> acceptors_;
  std::map<Address, SessionPointer> sessions_;
  std::map<Address, MonitoredRouter> routers_;
  BmpServerCounters counters_;
};

Result<std::unique_ptr<BmpServer>> BmpServer::open(asio::io_context& context,
                                                   const BmpServerOptions& options,
                                                   const Clock& clock, Heard heard) {
  auto state = std::make_shared<State>(context, options, clock, std::move(heard));
  if (auto opened = state->open(); !opened) return fail(std::move(opened));
  return std::unique_ptr<BmpServer>{new BmpServer{std::move(state)}};
}

BmpServer::~BmpServer() {
  try {
    state_->stop();
  } catch (...) {  // what still waits would be called with what is freed here
    std::terminate();
  }
}

std::vector<Endpoint> BmpServer::endpoints() const { return state_->endpoints(); }
std::vector<MonitoredRouter*> BmpServer::routers() { return state_->routers(); }
const BmpServerCounters& BmpServer::counters() const { return state_->counters(); }
void BmpServer::stop() { state_->stop(); }

}  // namespace strait::routes
