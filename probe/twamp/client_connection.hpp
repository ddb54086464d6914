// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/address.hpp"
#include "core/clock.hpp"
#include "core/result.hpp"
#include "probe/twamp/message.hpp"

namespace strait::probe::twamp {

// A test session that we want.
struct SessionWish {
  std::uint16_t sender_port = 0;
  std::uint16_t receiver_port = 0;  // 0: the server chooses
  std::uint8_t dscp = 0;
  std::size_t payload = 44;  // octets of UDP payload of each test packet
  Nanos timeout{};           // after Stop-Sessions packets are still reflected for so long
};

// What became of it.
struct SessionAnswer {
  Accept accept = Accept::failure;
  std::uint16_t port = 0;  // where to send: not always the one that was asked for
  SessionIdentifier sid{};
};

struct ClientWishes {
  std::string name;  // of the server, for messages
  bool v6 = false;   // of the control connection: test packets take its addresses
  std::vector<SessionWish> sessions;
  Nanos patience{std::chrono::seconds{5}};  // for each answer
};

// The Control-Client's side of one control connection: octets in, octets out, no socket and no
// clock. It asks for all sessions, starts those that it gets, and stops them.
class ClientConnection {
 public:
  enum class Stage : std::uint8_t {
    greeting,  // waits for the server's message of that name
    server_start,
    accepting,
    start_ack,
    running,
    stopped,
    failed
  };

  // `wishes` has at least one session.
  ClientConnection(ClientWishes wishes, MonoTime now);

  void receive(std::span<const std::byte> octets, MonoTime now);
  // The server closed the connection, or it broke: `why`.
  void hang_up(std::string_view why);
  void tick(MonoTime now);
  [[nodiscard]] MonoTime deadline() const;

  // Ends what is running with Stop-Sessions; then the connection can be closed.
  void stop();

  [[nodiscard]] std::vector<std::byte> take_output();
  [[nodiscard]] Stage stage() const { return stage_; }
  [[nodiscard]] bool ended() const { return stage_ == Stage::stopped || stage_ == Stage::failed; }
  [[nodiscard]] const Error& failure() const { return failure_; }  // in stage `failed`
  // In the order of the wishes, as far as they were answered.
  [[nodiscard]] const std::vector<SessionAnswer>& answers() const { return answers_; }
  // How many of them were accepted.
  [[nodiscard]] std::size_t accepted() const;
  // What the server refused so far, in words; nothing: no session.
  [[nodiscard]] std::optional<Error> refusal() const;

 private:
  [[nodiscard]] std::size_t wanted() const;
  void take_message(std::span<const std::byte> octets);
  void take_greeting(const ServerGreeting& greeting);
  void take_server_start(const ServerStart& start);
  void take_answer(const AcceptSession& answer);
  void take_start_ack(const StartAck& ack);
  void ask_next();
  void start();
  void give_up(std::string_view what);
  void fail_with(Errc code, std::string_view why);
  template <class Message>
  void send(const Message& message);

  ClientWishes wishes_;
  Stage stage_ = Stage::greeting;
  MonoTime waits_since_;
  bool symmetrical_ = false;  // RFC 6038: test packets have 27 octets MBZ behind the first 14
  std::vector<std::byte> input_;
  std::vector<std::byte> output_;
  std::vector<SessionAnswer> answers_;
  Error failure_{Errc::io, {}};
};

}  // namespace strait::probe::twamp
