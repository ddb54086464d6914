// SPDX-License-Identifier: Apache-2.0
#include "probe/twamp/server_connection.hpp"

#include <algorithm>
#include <utility>

#include "probe/octets.hpp"

namespace strait::probe::twamp {
namespace {

constexpr std::uint32_t offered_modes = mode_unauthenticated | mode_symmetrical_size;
constexpr std::uint32_t key_derivations = 1024;  // Count: unused without keys, but never less

template <class Message>
View<Message> view(std::span<const std::byte> octets) {
  return octets.first<Message::size>();
}

void fill(std::span<std::byte, 16> octets, const std::function<std::uint64_t()>& random) {
  store(octets, 0, random());
  store(octets, 8, random());
}

std::uint8_t dscp_of(std::uint32_t type_p) { return static_cast<std::uint8_t>(type_p >> 24U); }

// A mapped IPv4 address is the same host's.
Address plain(const Address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
  }
  return address;
}

// Scopes of link-local addresses are not on the wire.
bool same_host(const Address& named, const Address& ours) {
  if (named.is_v6() && ours.is_v6()) return named.to_v6().to_bytes() == ours.to_v6().to_bytes();
  return named == ours;
}

}  // namespace

void count(Tallies& tallies, std::string_view reason, std::uint64_t times) {
  const auto found = tallies.find(reason);
  if (found != tallies.end()) {
    found->second += times;
  } else {
    tallies.emplace(reason, times);
  }
}

ServerConnection::ServerConnection(const ServerFacts& facts, ServerTallies& tallies,
                                   const Endpoint& client, const Endpoint& server, MonoTime now)
    : facts_{facts},
      tallies_{tallies},
      client_{plain(client.address), client.port},
      server_{plain(server.address), server.port},
      heard_{now},
      began_{now} {
  ServerGreeting greeting{.modes = offered_modes, .count = key_derivations};
  fill(greeting.challenge, facts.random);
  fill(greeting.salt, facts.random);
  send(greeting);
}

ServerConnection::~ServerConnection() {
  for (const Session& session : sessions_) {
    if (!session.gone) facts_.ports->stop(session.number, MonoTime::min());
  }
}

template <class Message>
void ServerConnection::send(const Message& message) {
  const auto octets = encode(message);
  output_.insert(output_.end(), octets.begin(), octets.end());
}

std::vector<std::byte> ServerConnection::take_output() { return std::exchange(output_, {}); }

// How long the message is whose beginning is in input_; 0: not a message that we know.
std::size_t ServerConnection::wanted() const {
  if (state_ == State::set_up) return SetUpResponse::size;
  switch (static_cast<Command>(input_.front())) {
    case Command::request_session:
      return state_ == State::ready ? RequestSession::size : 0;
    case Command::start_sessions:
      return state_ == State::ready ? StartSessions::size : 0;
    case Command::stop_sessions:
      return StopSessions::size;
  }
  return 0;
}

void ServerConnection::receive(std::span<const std::byte> octets, MonoTime now) {
  if (!octets.empty()) heard_ = now;
  while (!octets.empty() && !closed()) {
    if (input_.empty()) began_ = now;
    input_.push_back(octets.front());
    octets = octets.subspan(1);
    const std::size_t size = wanted();
    if (size == 0) {
      take_unexpected(now);
      return;
    }
    const std::size_t more = std::min(size - input_.size(), octets.size());
    input_.insert(input_.end(), octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(more));
    octets = octets.subspan(more);
    if (input_.size() < size) return;
    const auto message = std::exchange(input_, {});
    take_message(message, now);
  }
}

void ServerConnection::take_message(std::span<const std::byte> octets, MonoTime now) {
  if (state_ == State::set_up) {
    take_set_up(read_set_up(view<SetUpResponse>(octets)));
    if (closed()) end("mode-refused", now);
    return;
  }
  switch (static_cast<Command>(octets.front())) {
    case Command::request_session: {
      take_request(read_request(view<RequestSession>(octets)), now);
      return;
    }
    case Command::start_sessions: {
      take_start(now);
      return;
    }
    case Command::stop_sessions: {
      take_stop(read_stop_sessions(view<StopSessions>(octets)), now);
      return;
    }
  }
}

// RFC 4656 section 3.1: one security mode, out of those offered; 0 says that the client leaves.
void ServerConnection::take_set_up(const SetUpResponse& response) {
  const std::uint32_t security = response.mode & security_modes;
  const bool good = security == mode_unauthenticated && (response.mode & ~offered_modes) == 0;
  if (good) {
    send(ServerStart{.accept = Accept::ok, .start_time = facts_.start_time});
    symmetrical_ = (response.mode & mode_symmetrical_size) != 0;
    state_ = State::ready;
    return;
  }
  if (security != 0) send(ServerStart{.accept = Accept::not_supported, .start_time = 0});
  state_ = State::closed;
}

// RFC 5357 section 3.5. Test packets go to the client of this connection only: nobody can have them
// sent to a third party.
std::optional<std::string> ServerConnection::address_problem(const RequestSession& request) const {
  const bool v4 = client_.address.is_v4();
  if (request.ip_version != (v4 ? 4 : 6)) return "wrong-ip-version";
  if (!request.sender.is_unspecified() && !same_host(request.sender, client_.address)) {
    return "foreign-sender";
  }
  if (!request.receiver.is_unspecified() && !same_host(request.receiver, server_.address)) {
    return "foreign-receiver";
  }
  return std::nullopt;
}

std::optional<std::string> ServerConnection::problem(const RequestSession& request) const {
  if (request.conf_sender != 0 || request.conf_receiver != 0) return "conf-not-zero";
  // Slot descriptions would follow, which TWAMP does not have.
  if (request.slots != 0 || request.packets != 0) return "schedule-not-empty";
  if (request.sender_port == 0) return "no-sender-port";
  // 00 and a DSCP; the other forms of a Type-P Descriptor name no DSCP for the replies.
  if (dscp_of(request.type_p) > 63) return "type-p-not-dscp";
  if (request.padding_length > facts_.limits.longest_padding) return "padding-too-long";
  if (from_wire_interval(request.timeout) > facts_.limits.longest_timeout) {
    return "timeout-too-long";
  }
  return address_problem(request);
}

void ServerConnection::refuse(Accept accept, std::string_view reason) {
  count(tallies_.refused, reason);
  send(AcceptSession{.accept = accept, .port = 0, .sid = {}});
}

void ServerConnection::take_request(const RequestSession& request, MonoTime now) {
  if (const auto why = problem(request)) {
    refuse(Accept::not_supported, *why);
    return;
  }
  if (sessions_.size() >= facts_.limits.sessions) {
    refuse(Accept::temporary_limit, "sessions-of-connection");
    return;
  }
  const TestSession session{.sender = {client_.address, request.sender_port},
                            .receiver = {server_.address, request.receiver_port},
                            .dscp = dscp_of(request.type_p),
                            .symmetrical = symmetrical_};
  const auto opened = facts_.ports->open(session, now);
  if (opened.accept != Accept::ok) {
    refuse(opened.accept, opened.reason);
    return;
  }
  sessions_.push_back({opened.number, from_wire_interval(request.timeout)});
  ++tallies_.sessions;
  send(AcceptSession{.accept = Accept::ok, .port = opened.port, .sid = make_sid()});
}

// RFC 4656 section 3.5: an IPv4 address, a timestamp and a random value.
SessionIdentifier ServerConnection::make_sid() const {
  SessionIdentifier sid{};
  std::uint32_t host = 0;
  if (server_.address.is_v4()) {
    host = static_cast<std::uint32_t>(server_.address.to_v4().to_uint());
  } else {
    const auto bytes = server_.address.to_v6().to_bytes();
    host = load<std::uint32_t>(std::as_bytes(std::span{bytes}), 12);
  }
  store(sid, 0, host);
  store(sid, 4, facts_.time());
  store(sid, 12, static_cast<std::uint32_t>(facts_.random()));
  return sid;
}

void ServerConnection::take_start(MonoTime now) {
  if (sessions_.empty()) {
    count(tallies_.refused, "start-without-session");
    send(StartAck{.accept = Accept::failure});
    return;
  }
  for (Session& session : sessions_) {
    session.started = true;
    facts_.ports->start(session.number, now);
  }
  state_ = State::testing;
  send(StartAck{.accept = Accept::ok});
}

// RFC 5357 section 3.8: all sessions in progress, and exactly as many as there are. Not answered.
// One that REFWAIT has ended is counted, since the client cannot know.
void ServerConnection::take_stop(const StopSessions& message, MonoTime now) {
  const auto started = static_cast<std::size_t>(
      std::ranges::count_if(sessions_, [](const Session& each) { return each.started; }));
  if (message.sessions != started) {
    end("wrong-stop-count", now);
    return;
  }
  for (const Session& session : sessions_) {
    if (session.started && !session.gone) {
      facts_.ports->stop(session.number, now + session.timeout);
    }
  }
  std::erase_if(sessions_, [](const Session& each) { return each.started; });
  state_ = State::ready;
}

// RFC 5357 section 3.5: it is answered. How long it is nobody knows, so that nothing behind it can
// be understood.
void ServerConnection::take_unexpected(MonoTime now) {
  refuse(Accept::not_supported, "unexpected-command");
  end("unexpected-command", now);
}

void ServerConnection::hang_up(MonoTime now) {
  if (closed()) return;
  const bool orderly = state_ != State::testing && input_.empty();
  end(orderly ? "by-client" : "cut-off", now);
}

void ServerConnection::stop(MonoTime now) {
  if (!closed()) end("server-stopped", now);
}

void ServerConnection::end(std::string_view reason, MonoTime now) {
  count(tallies_.ended, reason);
  for (const Session& session : sessions_) {
    if (!session.gone) facts_.ports->stop(session.number, now);
  }
  sessions_.clear();
  state_ = State::closed;
}

// RFC 5357 section 4.2.
void ServerConnection::expire_sessions(MonoTime now) {
  for (Session& session : sessions_) {
    if (!session.started || session.gone) continue;
    const MonoTime heard = facts_.ports->last_heard(session.number);
    if (now - heard < facts_.limits.reflect_wait) continue;
    session.gone = true;
    count(tallies_.refused, "refwait");
    facts_.ports->stop(session.number, now);
    heard_ = std::max(heard_, now);  // SERVWAIT runs again from when the last one has gone
  }
}

void ServerConnection::tick(MonoTime now) {
  if (closed()) return;
  if (state_ == State::testing) expire_sessions(now);
  if (now < deadline()) return;
  if (!input_.empty()) {
    end("half-message", now);
    return;
  }
  if (state_ == State::set_up) {
    end("no-set-up", now);
    return;
  }
  if (state_ == State::ready || std::ranges::all_of(sessions_, &Session::gone)) {
    end("servwait", now);
  }
}

MonoTime ServerConnection::deadline() const {
  const ServerLimits& limits = facts_.limits;
  if (state_ == State::closed) return MonoTime::max();
  if (!input_.empty()) return began_ + limits.message_wait;
  if (state_ == State::set_up) return heard_ + limits.message_wait;
  if (state_ == State::ready) return heard_ + limits.server_wait;
  MonoTime next = MonoTime::max();
  for (const Session& session : sessions_) {
    if (!session.gone) {
      next = std::min(next, facts_.ports->last_heard(session.number) + limits.reflect_wait);
    }
  }
  return next == MonoTime::max() ? heard_ + limits.server_wait : next;
}

}  // namespace strait::probe::twamp
