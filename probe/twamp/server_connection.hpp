// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/clock.hpp"
#include "probe/twamp/message.hpp"

namespace strait::probe::twamp {

using Tallies = std::map<std::string, std::uint64_t, std::less<>>;
void count(Tallies& tallies, std::string_view reason, std::uint64_t times = 1);
using SessionNumber = std::uint64_t;

// A test session that a client asks for, checked and with all addresses filled in.
struct TestSession {
  Endpoint sender{};    // test packets come from here, and from nowhere else
  Endpoint receiver{};  // port 0: any
  std::uint8_t dscp = 0;
  bool symmetrical = false;  // RFC 6038: requests have 27 octets MBZ behind the first 14
};

// What the server's state machine needs of the world: UDP ports that reflect.
class TestPorts {
 public:
  TestPorts() = default;
  TestPorts(const TestPorts&) = delete;
  TestPorts& operator=(const TestPorts&) = delete;
  TestPorts(TestPorts&&) = delete;
  TestPorts& operator=(TestPorts&&) = delete;
  virtual ~TestPorts() = default;

  struct Opened {
    Accept accept = Accept::ok;
    std::string_view reason;  // why it is not accepted, for the counters
    SessionNumber number = 0;
    std::uint16_t port = 0;  // the wanted one, or another that was free
  };
  // Takes a port for the session; nothing is reflected yet.
  [[nodiscard]] virtual Opened open(const TestSession& session, MonoTime now) = 0;
  virtual void start(SessionNumber session, MonoTime now) = 0;
  // Packets that arrive until `until` are still reflected, then the port is given back.
  virtual void stop(SessionNumber session, MonoTime until) = 0;
  // When a packet of the session came last, or it was started.
  [[nodiscard]] virtual MonoTime last_heard(SessionNumber session) const = 0;
};

struct ServerLimits {
  Nanos server_wait{std::chrono::seconds{900}};   // SERVWAIT, RFC 5357 section 3.1
  Nanos reflect_wait{std::chrono::seconds{900}};  // REFWAIT, RFC 5357 section 4.2
  // For the rest of a message that has begun, and for the answer to the greeting: who opens a
  // connection and says nothing must not hold it for long.
  Nanos message_wait{std::chrono::seconds{10}};
  Nanos longest_timeout{std::chrono::minutes{15}};  // that a session may ask for
  std::uint32_t longest_padding = 9000;
  std::size_t sessions = 64;  // of one connection at a time
};

// What the server's connections have in common.
struct ServerFacts {
  ServerLimits limits;
  WireTime start_time = 0;                // when this program started
  std::function<std::uint64_t()> random;  // for Challenge, Salt and SID
  std::function<WireTime()> time;         // for SID
  TestPorts* ports = nullptr;             // outlives the connections
};

struct ServerTallies {
  std::uint64_t sessions = 0;  // accepted
  Tallies refused;             // requests, by reason
  Tallies ended;               // connections, by reason
};

// The Server's side of one control connection: octets in, octets out, no socket and no clock. It
// never answers with more octets than it got, the greeting excepted.
class ServerConnection {
 public:
  // `client` and `server` are the two ends of the TCP connection.
  ServerConnection(const ServerFacts& facts, ServerTallies& tallies, const Endpoint& client,
                   const Endpoint& server, MonoTime now);
  ServerConnection(const ServerConnection&) = delete;
  ServerConnection& operator=(const ServerConnection&) = delete;
  ServerConnection(ServerConnection&&) = delete;
  ServerConnection& operator=(ServerConnection&&) = delete;
  ~ServerConnection();

  void receive(std::span<const std::byte> octets, MonoTime now);
  // The client closed the connection, or it broke.
  void hang_up(MonoTime now);
  // We end it.
  void stop(MonoTime now);
  // Time has passed; at deadline() at the latest.
  void tick(MonoTime now);
  [[nodiscard]] MonoTime deadline() const;

  // To be sent; then, if closed(), the connection is to be closed.
  [[nodiscard]] std::vector<std::byte> take_output();
  [[nodiscard]] bool closed() const { return state_ == State::closed; }

 private:
  enum class State : std::uint8_t { set_up, ready, testing, closed };
  struct Session {
    SessionNumber number;
    Nanos timeout;
    bool started = false;
    bool gone = false;  // REFWAIT has run out
  };

  [[nodiscard]] std::size_t wanted() const;
  void take_message(std::span<const std::byte> octets, MonoTime now);
  void take_set_up(const SetUpResponse& response);
  void take_request(const RequestSession& request, MonoTime now);
  void take_start(MonoTime now);
  void take_stop(const StopSessions& message, MonoTime now);
  void take_unexpected(MonoTime now);
  [[nodiscard]] std::optional<std::string> problem(const RequestSession& request) const;
  [[nodiscard]] std::optional<std::string> address_problem(const RequestSession& request) const;
  void refuse(Accept accept, std::string_view reason);
  void expire_sessions(MonoTime now);
  // Ends the connection, and its sessions with it: without Stop-Sessions nobody waits for replies.
  void end(std::string_view reason, MonoTime now);
  [[nodiscard]] SessionIdentifier make_sid() const;
  template <class Message>
  void send(const Message& message);

  const ServerFacts& facts_;
  ServerTallies& tallies_;
  Endpoint client_;
  Endpoint server_;
  State state_ = State::set_up;
  bool symmetrical_ = false;
  std::vector<std::byte> input_;  // of a message that has not come in full
  std::vector<std::byte> output_;
  std::vector<Session> sessions_;  // asked for and not stopped
  MonoTime heard_;                 // last sign of life
  MonoTime began_;                 // when input_ got its first octet
};

}  // namespace strait::probe::twamp
