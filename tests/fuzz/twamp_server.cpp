// SPDX-License-Identifier: Apache-2.0
// Any stream of a TWAMP client, in any pieces and with any silences. The server's machine must
// never answer with more octets than it got beyond its greeting, must not have more sessions open
// than it may, and must give every port back.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>

#include "probe/twamp/server_connection.hpp"

namespace {

using namespace strait;
using namespace strait::probe::twamp;

void check(bool holds) {
  if (!holds) std::abort();
}

class Ports final : public TestPorts {
 public:
  [[nodiscard]] Opened open(const TestSession& session, MonoTime now) override {
    check(session.sender.port != 0 && session.dscp < 64);
    if (next % 7 == 6)
      return {.accept = Accept::temporary_limit, .reason = "none", .number = next++};
    states[next] = {now, false};
    return {.reason = {}, .number = next++, .port = 50'000};
  }
  void start(SessionNumber session, MonoTime) override {
    check(states.contains(session) && !states[session].started);
    states[session].started = true;
  }
  void stop(SessionNumber session, MonoTime) override { check(states.erase(session) == 1); }
  [[nodiscard]] MonoTime last_heard(SessionNumber session) const override {
    return states.at(session).heard;
  }

  struct State {
    MonoTime heard;
    bool started = false;
  };
  std::map<SessionNumber, State> states;
  SessionNumber next = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  auto input = std::as_bytes(std::span{bytes, size});
  Ports ports;
  ServerFacts facts;
  facts.limits.sessions = 8;
  facts.random = [] { return std::uint64_t{1}; };
  facts.time = [] { return probe::WireTime{2}; };
  facts.ports = &ports;
  ServerTallies tallies;
  MonoTime now{std::chrono::seconds{1}};
  {
    const Endpoint client{boost::asio::ip::address_v4{0xc0000201}, 40'000};
    const Endpoint server{boost::asio::ip::address_v4{0xc0000202}, 862};
    ServerConnection connection{facts, tallies, client, server, now};
    check(connection.take_output().size() == ServerGreeting::size);
    // One octet says how much comes next, or how long nothing does.
    while (!input.empty() && !connection.closed()) {
      const auto step = std::to_integer<std::size_t>(input.front());
      input = input.subspan(1);
      if (step >= 240) {
        now += std::chrono::seconds{(step - 239) * 60};
        connection.tick(now);
        continue;
      }
      const auto piece = input.first(std::min(step, input.size()));
      input = input.subspan(piece.size());
      connection.receive(piece, now);
      const auto answers = connection.take_output().size();
      // Most of a message may have been in the buffer before.
      check(answers <= piece.size() + RequestSession::size);
      check(ports.states.size() <= facts.limits.sessions);
    }
    if (connection.closed()) check(ports.states.empty());
  }
  check(ports.states.empty());
  return 0;
}
