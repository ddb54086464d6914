// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/rtr_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "routes/sources/rtr_protocol.hpp"

namespace strait::routes {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr Nanos connect_patience = std::chrono::seconds{5};
constexpr Nanos answer_patience = std::chrono::minutes{1};  // for the next octets of an answer
// A cache that was lost is tried again so soon, whatever it said of retries: data that may be used
// no longer costs more than an attempt to connect.
constexpr Nanos longest_retry = std::chrono::seconds{10};
constexpr Nanos at_once = std::chrono::milliseconds{100};  // so that no cache keeps us busy

asio::redirect_error_t<asio::use_awaitable_t<>> into(error_code& error) {
  return asio::redirect_error(asio::use_awaitable, error);
}

}  // namespace

struct RtrClient::Board {
  asio::io_context context{1};
  mutable std::mutex mutex;
  std::condition_variable news;
  std::vector<RtrStatus> caches;
};

// With one cache, all on the context's thread.
class RtrClient::Session {
 public:
  Session(RtrCache cache, Board& board, std::size_t number, const Clock& clock)
      : cache_{std::move(cache)},
        board_{board},
        number_{number},
        clock_{clock},
        socket_{board.context},
        timer_{board.context} {}

  asio::awaitable<void> run() {
    for (;;) {
      const bool again = co_await converse();
      socket_ = tcp::socket{board_.context};
      error_code error;
      timer_.expires_after(again ? at_once : std::min(protocol_.retry(), longest_retry));
      co_await timer_.async_wait(into(error));
    }
  }

 private:
  // One connection, to its end. Whether a new one is worth trying at once.
  asio::awaitable<bool> converse() {
    error_code error;
    tcp::resolver resolver{board_.context};
    const auto where =
        co_await resolver.async_resolve(cache_.host, std::to_string(cache_.port), into(error));
    if (error) co_return lose("its name is not known: " + error.message());
    arm(connect_patience);
    co_await asio::async_connect(socket_, where, into(error));
    if (disarm()) co_return lose("no connection: it does not answer");
    if (error) co_return lose("no connection: " + error.message());
    const RtrOctets query = protocol_.begin();
    if (!co_await send(query)) co_return lose("no connection: it was cut");
    co_return co_await listen();
  }

  asio::awaitable<bool> listen() {
    std::array<std::byte, 65'536> octets{};
    for (;;) {
      error_code error;
      arm(patience());
      const std::size_t count = co_await socket_.async_read_some(asio::buffer(octets), into(error));
      const bool expired = disarm();
      RtrStep step;
      if (expired && error && !protocol_.awaits()) {
        step.send = protocol_.poll();
      } else if (error) {
        const bool again = protocol_.closed();
        co_return lose(why_cut(expired, error), again);
      } else {
        step = protocol_.take(std::span{octets}.first(count));
      }
      heed(step);
      const bool sent = co_await send(step.send);
      if (!step.end.empty()) co_return lose(step.end, step.again);
      if (!sent) co_return lose("no connection: it was cut");
    }
  }

  [[nodiscard]] Nanos patience() const {
    return protocol_.awaits() ? answer_patience : protocol_.refresh();
  }
  static std::string why_cut(bool expired, const error_code& error) {
    return "no connection: " + (expired ? "it does not answer" : error.message());
  }

  void heed(const RtrStep& step) {
    if (step.flush) flush();
    if (step.told) publish();
  }

  asio::awaitable<bool> send(const RtrOctets& octets) {
    if (octets.empty()) co_return true;
    error_code error;
    arm(answer_patience);
    co_await asio::async_write(socket_, asio::buffer(octets), into(error));
    disarm();
    co_return !error;
  }

  // What the socket waits for is given up after so long.
  void arm(Nanos patience) {
    expired_ = false;
    timer_.expires_after(patience);
    timer_.async_wait([this, number = ++armed_](const error_code& error) {
      if (error || number != armed_) return;
      expired_ = true;
      error_code ignored;
      socket_.cancel(ignored);
    });
  }
  // Whether it was.
  bool disarm() {
    ++armed_;
    timer_.cancel();
    return expired_;
  }

  void publish() {
    RtrData data{.vrps = std::make_shared<const VrpSet>(protocol_.vrps()),
                 .damaged = protocol_.damaged(),
                 .serial = protocol_.serial(),
                 .told = clock_.now(),
                 .refresh = protocol_.refresh(),
                 .retry = protocol_.retry(),
                 .expire = protocol_.expire()};
    const std::scoped_lock lock{board_.mutex};
    RtrStatus& status = board_.caches[number_];
    status.data = std::move(data);
    status.connected = true;
    status.trouble.clear();
    board_.news.notify_all();
  }

  void flush() {
    const std::scoped_lock lock{board_.mutex};
    board_.caches[number_].data.reset();
  }

  // Whether to try `again` at once, and then it is no trouble yet.
  bool lose(std::string why, bool again = false) {
    const std::scoped_lock lock{board_.mutex};
    RtrStatus& status = board_.caches[number_];
    status.connected = false;
    if (!again) status.trouble = std::move(why);
    board_.news.notify_all();
    return again;
  }

  RtrCache cache_;
  Board& board_;
  std::size_t number_;  // on the board
  const Clock& clock_;
  tcp::socket socket_;
  asio::steady_timer timer_;
  std::uint64_t armed_ = 0;
  bool expired_ = false;
  RtrProtocol protocol_;
};

RtrClient::RtrClient(const Clock& clock) : clock_{clock}, board_{std::make_unique<Board>()} {}

RtrClient::~RtrClient() {
  board_->context.stop();
  if (thread_.joinable()) thread_.join();
}

Result<std::unique_ptr<RtrClient>> RtrClient::start(const std::vector<RtrCache>& caches,
                                                    const Clock& clock) {
  if (caches.empty()) return fail(Errc::bad_input, "RPKI caches: want at least one");
  std::unique_ptr<RtrClient> client{new RtrClient{clock}};
  for (const RtrCache& cache : caches) {
    client->board_->caches.push_back(
        {.name = to_string(cache), .data = std::nullopt, .connected = false, .trouble = {}});
    client->sessions_.push_back(
        std::make_unique<Session>(cache, *client->board_, client->sessions_.size(), clock));
  }
  for (const auto& session : client->sessions_) {
    asio::co_spawn(client->board_->context, session->run(), asio::detached);
  }
  // The thread leaves signals to those that wait for them.
  sigset_t all{};
  sigset_t mask{};
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &mask);
  client->thread_ = std::thread{[board = client->board_.get()] { board->context.run(); }};
  pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  return client;
}

std::vector<RtrStatus> RtrClient::status() const {
  const std::scoped_lock lock{board_->mutex};
  return board_->caches;
}

RtrView RtrClient::view() const { return view_of(status(), clock_.now().mono); }

RtrView RtrClient::first_view(Nanos patience) const {
  {
    std::unique_lock lock{board_->mutex};
    board_->news.wait_for(lock, patience, [&] {
      const auto& caches = board_->caches;
      return std::ranges::any_of(caches, [](const auto& each) { return each.data.has_value(); }) ||
             std::ranges::none_of(caches, [](const auto& each) { return each.trouble.empty(); });
    });
  }
  return view();
}

}  // namespace strait::routes
