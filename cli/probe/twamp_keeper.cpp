// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/twamp_keeper.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <future>
#include <iterator>
#include <thread>
#include <utility>

#include "cli/probe/worker.hpp"
#include "probe/twamp/client.hpp"

namespace strait::cli {
namespace {

namespace asio = boost::asio;
namespace twamp = probe::twamp;

// A server that lasted for so long is asked again at once when it goes.
constexpr Nanos steady_after = std::chrono::minutes{1};
constexpr auto settle_poll = std::chrono::milliseconds{5};

bool is_twamp(const probe::SessionSpec& spec) { return spec.key.protocol == Protocol::twamp; }

// One control connection can carry both: flows of one stream.
bool same_server(const probe::SessionSpec& a, const probe::SessionSpec& b) {
  return a.key.path == b.key.path && a.key.target == b.key.target &&
         a.flow.destination == b.flow.destination && a.flow.pin == b.flow.pin;
}

bool same_sessions(const std::vector<probe::SessionSpec>& a,
                   const std::vector<probe::SessionSpec>& b) {
  return std::ranges::equal(a, b, same_session);
}

std::string name_of(const probe::SessionSpec& spec) {
  const std::string where = to_string(spec.flow.destination);
  const bool bare = spec.key.target == spec.flow.destination.address.to_string();
  return fmt::format("{}{}{}", bare ? where : fmt::format("{} ({})", spec.key.target, where),
                     spec.key.path.empty() ? "" : " over ", spec.key.path);
}

twamp::ClientOptions client_options(const std::vector<probe::SessionSpec>& specs, Nanos patience) {
  const probe::SessionSpec& spec = specs.front();
  return {
      .name = name_of(spec),
      .server = spec.flow.destination,
      .pin = spec.flow.pin,
      .sessions = specs.size(),
      .wish = {.dscp = spec.key.dscp, .payload = spec.flow.max_payload, .timeout = spec.timeout},
      .patience = patience};
}

probe::SessionSpec agreed(probe::SessionSpec spec, const twamp::AgreedSession& session) {
  spec.flow.destination = session.reflector;
  spec.flow.source_port = session.sender.port;
  const bool v6 = session.sender.address.is_v6();
  (v6 ? spec.flow.pin.source_v6 : spec.flow.pin.source_v4) = session.sender.address;
  // On the wire the two are the same; NTP is the only format that was agreed on.
  spec.twamp_light = true;
  spec.timestamps = probe::TimestampFormat::ntp;
  return spec;
}

// One server over one path.
struct Line {
  Line(asio::io_context& context, std::vector<probe::SessionSpec> group, Nanos first_pause)
      : wanted{std::move(group)}, specs{wanted}, timer{context}, pause{first_pause} {}

  std::vector<probe::SessionSpec> wanted;
  std::vector<probe::SessionSpec> specs;  // what this line is for: some of them, after a split
  asio::steady_timer timer;
  Nanos pause;  // before the next attempt
  MonoTime began;
  std::unique_ptr<twamp::Client> client;  // null: has not been asked for yet
  std::vector<probe::SessionSpec> given;  // by the client that is running
  bool failed = false;
  Error failure{Errc::io, {}};
  std::string said;  // of what the log was told last

  [[nodiscard]] bool running() const { return client && client->running(); }
};

TwampFailure failure_of(const Line& line, Error error) {
  const SessionKey& key = line.specs.front().key;
  return {key.path, key.target, std::move(error)};
}

}  // namespace

class TwampKeeper::Impl {
 public:
  Impl(TwampKeeperOptions options, std::atomic<std::uint64_t>& changes)
      : options_{std::move(options)}, changes_{changes} {
    thread_ = std::thread{[this] { context_.run(); }};
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  Impl(Impl&&) = delete;
  Impl& operator=(Impl&&) = delete;
  ~Impl() {
    try {
      stop();
    } catch (...) {  // the thread may still run on what would be freed here
      std::terminate();
    }
  }

  void stop() {
    asio::post(context_, [this] {
      lines_.clear();
      work_.reset();
      context_.stop();
    });
    thread_.join();
  }

  // Runs `work` on the thread, and gives what it gives.
  template <class Work>
  auto ask(Work work) {
    std::packaged_task<decltype(work())()> task{std::move(work)};
    auto result = task.get_future();
    asio::post(context_, [&task] { task(); });
    return result.get();
  }

  void want(std::vector<std::vector<probe::SessionSpec>> groups);
  [[nodiscard]] bool settled() const;
  [[nodiscard]] std::vector<probe::SessionSpec> ready() const;
  [[nodiscard]] std::vector<TwampFailure> failures() const;
  [[nodiscard]] std::vector<TwampFailure> shortfalls() const;
  void release_ports();

 private:
  void begin(const std::shared_ptr<Line>& line);
  void on_change(const std::shared_ptr<Line>& line);
  void split(const std::shared_ptr<Line>& line, const Error& why);
  void try_later(const std::shared_ptr<Line>& line);

  TwampKeeperOptions options_;
  std::atomic<std::uint64_t>& changes_;
  SystemClock clock_;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::vector<std::shared_ptr<Line>> lines_;
  std::thread thread_;
};

void TwampKeeper::Impl::want(std::vector<std::vector<probe::SessionSpec>> groups) {
  auto old = std::exchange(lines_, {});
  for (auto& specs : groups) {
    bool known = false;
    for (auto& line : old) {
      if (!line || !same_sessions(line->wanted, specs)) continue;
      lines_.push_back(std::move(line));
      known = true;
    }
    if (known) continue;
    lines_.push_back(std::make_shared<Line>(context_, std::move(specs), options_.first_pause));
    begin(lines_.back());
  }
  ++changes_;
}

void TwampKeeper::Impl::begin(const std::shared_ptr<Line>& line) {
  line->began = clock_.now().mono;
  line->client = std::make_unique<twamp::Client>(
      context_, client_options(line->specs, options_.patience), [this, weak = std::weak_ptr{line}] {
        if (const auto still = weak.lock()) on_change(still);
      });
}

void TwampKeeper::Impl::on_change(const std::shared_ptr<Line>& line) {
  line->given.clear();
  if (line->running()) {
    line->failed = false;
    for (const twamp::AgreedSession& session : line->client->agreed()) {
      line->given.push_back(agreed(line->specs[session.number], session));
    }
    const auto shortfall = line->client->shortfall();
    if (options_.again && shortfall) split(line, *shortfall);
    if (!line->said.empty() && options_.log) {
      const auto name = name_of(line->specs.front());
      options_.log(true, fmt::format("twamp server {}: the sessions have begun", name));
    }
    line->said.clear();
  } else if (line->client->failed()) {
    line->failed = true;
    line->failure = line->client->failure();
    const std::string& why = line->failure.message;
    if (line->said != why && options_.log) options_.log(false, why);
    line->said = why;
    if (options_.again) try_later(line);
  }
  ++changes_;
}

// What the server did not give gets a line of its own, and is asked for again: a limit that was
// reached may pass. What it gave goes on.
void TwampKeeper::Impl::split(const std::shared_ptr<Line>& line, const Error& why) {
  const auto rest = std::make_shared<Line>(context_, line->wanted, options_.first_pause);
  rest->specs.clear();
  std::vector<probe::SessionSpec> given;
  const auto& with = line->client->agreed();
  for (std::size_t i = 0; i < line->specs.size(); ++i) {
    const bool has = std::ranges::find(with, i, &twamp::AgreedSession::number) != with.end();
    (has ? given : rest->specs).push_back(std::move(line->specs[i]));
  }
  line->specs = std::move(given);
  rest->began = clock_.now().mono;
  rest->failed = true;
  rest->failure = why;
  rest->said = why.message;
  if (options_.log) options_.log(false, rest->said);
  lines_.push_back(rest);
  try_later(rest);
}

void TwampKeeper::Impl::try_later(const std::shared_ptr<Line>& line) {
  if (clock_.now().mono - line->began >= steady_after) line->pause = options_.first_pause;
  line->timer.expires_after(line->pause);
  line->timer.async_wait([this, weak = std::weak_ptr{line}](boost::system::error_code error) {
    const auto still = weak.lock();
    if (!error && still) begin(still);
  });
  line->pause = std::min(line->pause * 2, options_.longest_pause);
}

bool TwampKeeper::Impl::settled() const {
  return std::ranges::all_of(lines_,
                             [](const auto& line) { return line->failed || line->running(); });
}

std::vector<probe::SessionSpec> TwampKeeper::Impl::ready() const {
  std::vector<probe::SessionSpec> sessions;
  for (const auto& line : lines_) {
    if (line->running()) std::ranges::copy(line->given, std::back_inserter(sessions));
  }
  return sessions;
}

std::vector<TwampFailure> TwampKeeper::Impl::failures() const {
  std::vector<TwampFailure> failures;
  for (const auto& line : lines_) {
    if (line->failed) failures.push_back(failure_of(*line, line->failure));
  }
  return failures;
}

std::vector<TwampFailure> TwampKeeper::Impl::shortfalls() const {
  std::vector<TwampFailure> shortfalls;
  if (options_.again) return shortfalls;
  for (const auto& line : lines_) {
    const auto why = line->running() ? line->client->shortfall() : std::nullopt;
    if (why) shortfalls.push_back(failure_of(*line, *why));
  }
  return shortfalls;
}

void TwampKeeper::Impl::release_ports() {
  for (const auto& line : lines_) {
    if (line->client) line->client->release_ports();
  }
}

TwampKeeper::TwampKeeper(TwampKeeperOptions options)
    : impl_{std::make_unique<Impl>(std::move(options), changes_)} {}
TwampKeeper::~TwampKeeper() = default;

void TwampKeeper::want(const std::vector<probe::SessionSpec>& sessions) {
  std::vector<std::vector<probe::SessionSpec>> groups;
  for (const probe::SessionSpec& spec : sessions) {
    if (!is_twamp(spec)) continue;
    if (groups.empty() || !same_server(groups.back().front(), spec)) groups.emplace_back();
    groups.back().push_back(spec);
  }
  impl_->ask([&] { impl_->want(std::move(groups)); });
}

void TwampKeeper::settle(const std::function<bool()>& stop) const {
  while (!impl_->ask([this] { return impl_->settled(); }) && !stop()) {
    std::this_thread::sleep_for(settle_poll);
  }
}

std::vector<probe::SessionSpec> TwampKeeper::ready() const {
  return impl_->ask([this] { return impl_->ready(); });
}
std::vector<TwampFailure> TwampKeeper::failures() const {
  return impl_->ask([this] { return impl_->failures(); });
}
std::vector<TwampFailure> TwampKeeper::shortfalls() const {
  return impl_->ask([this] { return impl_->shortfalls(); });
}
void TwampKeeper::release_ports() {
  impl_->ask([this] { impl_->release_ports(); });
}

bool any_twamp(const std::vector<probe::SessionSpec>& sessions) {
  return std::ranges::any_of(sessions, is_twamp);
}

}  // namespace strait::cli
