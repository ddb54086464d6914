// SPDX-License-Identifier: Apache-2.0
#include "probe/twamp/client_connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "probe/stamp_packet.hpp"

namespace strait::probe::twamp {
namespace {

constexpr std::size_t symmetrical_request_size = 41;  // RFC 6038 section 5.2

template <class Message>
View<Message> view(std::span<const std::byte> octets) {
  return octets.first<Message::size>();
}

std::string_view awaited(ClientConnection::Stage stage) {
  switch (stage) {
    case ClientConnection::Stage::greeting:
      return "Server-Greeting";
    case ClientConnection::Stage::server_start:
      return "Server-Start";
    case ClientConnection::Stage::accepting:
      return "Accept-Session";
    case ClientConnection::Stage::start_ack:
      return "Start-Ack";
    case ClientConnection::Stage::running:
    case ClientConnection::Stage::stopped:
    case ClientConnection::Stage::failed:
      break;
  }
  return "nothing";
}

// What may pass is the world's failure, the rest is what the server cannot do.
Errc code_of(Accept accept) {
  const bool passes = accept == Accept::temporary_limit || accept == Accept::internal_error;
  return passes ? Errc::io : Errc::unsupported;
}

}  // namespace

ClientConnection::ClientConnection(ClientWishes wishes, MonoTime now)
    : wishes_{std::move(wishes)}, waits_since_{now} {
  assert(!wishes_.sessions.empty());
}

template <class Message>
void ClientConnection::send(const Message& message) {
  const auto octets = encode(message);
  output_.insert(output_.end(), octets.begin(), octets.end());
}

std::vector<std::byte> ClientConnection::take_output() { return std::exchange(output_, {}); }

void ClientConnection::fail_with(Errc code, std::string_view why) {
  failure_ = {code, fmt::format("twamp server {}: {}", wishes_.name, why)};
  stage_ = Stage::failed;
}

std::size_t ClientConnection::accepted() const {
  return static_cast<std::size_t>(std::ranges::count(answers_, Accept::ok, &SessionAnswer::accept));
}

std::optional<Error> ClientConnection::refusal() const {
  const auto first = std::ranges::find_if(
      answers_, [](const SessionAnswer& answer) { return answer.accept != Accept::ok; });
  if (first == answers_.end()) return std::nullopt;
  const std::size_t wanted = wishes_.sessions.size();
  const std::string which =
      wanted == 1 ? std::string{"the session"}
                  : fmt::format("{} of {} sessions", answers_.size() - accepted(), wanted);
  return Error{code_of(first->accept), fmt::format("twamp server {}: it refuses {}: {}",
                                                   wishes_.name, which, to_string(first->accept))};
}

std::size_t ClientConnection::wanted() const {
  switch (stage_) {
    case Stage::greeting:
      return ServerGreeting::size;
    case Stage::server_start:
      return ServerStart::size;
    case Stage::accepting:
      return AcceptSession::size;
    case Stage::start_ack:
      return StartAck::size;
    case Stage::running:
    case Stage::stopped:
    case Stage::failed:
      break;
  }
  return 0;
}

void ClientConnection::receive(std::span<const std::byte> octets, MonoTime now) {
  while (!octets.empty() && !ended()) {
    const std::size_t size = wanted();
    // RFC 5357 section 3.8: only the client stops sessions.
    if (size == 0) {
      fail_with(Errc::io, "it sent something while the test was running");
      return;
    }
    const std::size_t more = std::min(size - input_.size(), octets.size());
    input_.insert(input_.end(), octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(more));
    octets = octets.subspan(more);
    if (input_.size() < size) return;
    const auto message = std::exchange(input_, {});
    waits_since_ = now;
    take_message(message);
  }
}

void ClientConnection::take_message(std::span<const std::byte> octets) {
  switch (stage_) {
    case Stage::greeting: {
      take_greeting(read_greeting(view<ServerGreeting>(octets)));
      return;
    }
    case Stage::server_start: {
      take_server_start(read_server_start(view<ServerStart>(octets)));
      return;
    }
    case Stage::accepting: {
      take_answer(read_accept_session(view<AcceptSession>(octets)));
      return;
    }
    case Stage::start_ack: {
      take_start_ack(read_start_ack(view<StartAck>(octets)));
      return;
    }
    case Stage::running:
    case Stage::stopped:
    case Stage::failed:
      break;
  }
}

// RFC 4656 section 3.1.
void ClientConnection::take_greeting(const ServerGreeting& greeting) {
  if ((greeting.modes & security_modes) == 0) {
    fail_with(Errc::unsupported,
              fmt::format("it does not want to talk to us (modes {})", greeting.modes));
    return;
  }
  if ((greeting.modes & mode_unauthenticated) == 0) {
    send(SetUpResponse{.mode = 0});  // we shall not go on
    fail_with(
        Errc::unsupported,
        fmt::format("it wants authentication (modes {}), which strait does not have for TWAMP",
                    greeting.modes));
    return;
  }
  symmetrical_ = (greeting.modes & mode_symmetrical_size) != 0;
  send(SetUpResponse{.mode = mode_unauthenticated | (symmetrical_ ? mode_symmetrical_size : 0)});
  stage_ = Stage::server_start;
}

void ClientConnection::take_server_start(const ServerStart& start) {
  if (start.accept != Accept::ok) {
    fail_with(code_of(start.accept),
              fmt::format("it refuses the connection: {}", to_string(start.accept)));
    return;
  }
  stage_ = Stage::accepting;
  ask_next();
}

// RFC 5357 section 3.5: addresses of zero are those of the control connection. To name them would
// name, behind a NAT, an address that the server does not see, and which it may refuse.
void ClientConnection::ask_next() {
  const SessionWish& wish = wishes_.sessions[answers_.size()];
  const std::size_t fixed = symmetrical_ ? symmetrical_request_size : twamp_request_size;
  RequestSession request;
  request.ip_version = wishes_.v6 ? 6 : 4;
  request.sender_port = wish.sender_port;
  request.receiver_port = wish.receiver_port;
  request.padding_length = static_cast<std::uint32_t>(wish.payload - std::min(wish.payload, fixed));
  request.timeout = to_wire_interval(wish.timeout);
  request.type_p = std::uint32_t{wish.dscp} << 24U;
  send(request);
}

void ClientConnection::take_answer(const AcceptSession& answer) {
  answers_.push_back({answer.accept, answer.port, answer.sid});
  if (answer.accept == Accept::ok && answer.port == 0) {
    fail_with(Errc::io, "it accepts a session on port 0");
    return;
  }
  if (answers_.size() < wishes_.sessions.size()) {
    ask_next();
    return;
  }
  start();
}

// A refused session costs neither the connection nor the other sessions (RFC 4656 section 3.5).
void ClientConnection::start() {
  if (const auto refused = refusal(); refused && accepted() == 0) {
    failure_ = *refused;
    stage_ = Stage::failed;
    return;
  }
  send(StartSessions{});
  stage_ = Stage::start_ack;
}

void ClientConnection::take_start_ack(const StartAck& ack) {
  if (ack.accept != Accept::ok) {
    fail_with(code_of(ack.accept),
              fmt::format("it does not start the test: {}", to_string(ack.accept)));
    return;
  }
  stage_ = Stage::running;
}

// RFC 5357 section 3.8: the count is that of all sessions that were accepted and started.
void ClientConnection::stop() {
  if (ended()) return;
  if (stage_ == Stage::running) {
    send(StopSessions{.accept = Accept::ok, .sessions = static_cast<std::uint32_t>(accepted())});
  }
  stage_ = Stage::stopped;
}

void ClientConnection::hang_up(std::string_view why) {
  if (ended()) return;
  const std::string what =
      stage_ == Stage::running
          ? fmt::format("the control connection ended during the test: {}", why)
          : fmt::format("{} instead of {}", why, awaited(stage_));
  give_up(what);
}

void ClientConnection::tick(MonoTime now) {
  if (ended() || now < deadline()) return;
  const auto got = input_.empty() ? std::string{"nothing"}
                                  : fmt::format("{} of {} octets", input_.size(), wanted());
  give_up(fmt::format("no {} within {} ({} came)", awaited(stage_),
                      strait::to_string(wishes_.patience), got));
}

// Some servers leave, or fall silent, after a refusal: then that is what to tell.
void ClientConnection::give_up(std::string_view what) {
  std::string why{what};
  if (stage_ == Stage::accepting && wishes_.sessions.size() > 1) {
    why += fmt::format(" for session {} of {}", answers_.size() + 1, wishes_.sessions.size());
  }
  const auto refused = refusal();
  if (!refused || accepted() > 0) {
    fail_with(Errc::io, why);
    return;
  }
  failure_ = {refused->code, fmt::format("{}; then {}", refused->message, why)};
  stage_ = Stage::failed;
}

MonoTime ClientConnection::deadline() const {
  if (ended() || stage_ == Stage::running) return MonoTime::max();
  return waits_since_ + wishes_.patience;
}

}  // namespace strait::probe::twamp
