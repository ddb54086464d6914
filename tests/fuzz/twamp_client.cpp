// SPDX-License-Identifier: Apache-2.0
// Any stream of a TWAMP server, in any pieces and with any silences. The client's machine must end
// or run, name a reason when it fails, and ask for no more than it wants.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "probe/twamp/client_connection.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace strait;
  using namespace strait::probe::twamp;
  const auto check = [](bool holds) {
    if (!holds) std::abort();
  };
  auto input = std::as_bytes(std::span{bytes, size});
  MonoTime now{std::chrono::seconds{1}};
  ClientWishes wishes;
  wishes.name = "far";
  wishes.sessions.resize(3);
  ClientConnection client{wishes, now};
  std::size_t said = 0;
  while (!input.empty() && !client.ended()) {
    const auto step = std::to_integer<std::size_t>(input.front());
    input = input.subspan(1);
    if (step >= 250) {
      now += std::chrono::seconds{step - 249};
      client.tick(now);
      continue;
    }
    const auto piece = input.first(std::min(step, input.size()));
    input = input.subspan(piece.size());
    client.receive(piece, now);
    said += client.take_output().size();
  }
  check(said <= SetUpResponse::size + 3 * RequestSession::size + StartSessions::size);
  check(client.answers().size() <= wishes.sessions.size());
  const bool running = client.stage() == ClientConnection::Stage::running;
  if (running) {
    std::size_t accepted = 0;
    for (const SessionAnswer& answer : client.answers()) {
      if (answer.accept != Accept::ok) continue;
      check(answer.port != 0);
      ++accepted;
    }
    check(accepted > 0);
    check(client.refusal().has_value() == (accepted < wishes.sessions.size()));
  }
  client.stop();
  check(client.take_output().size() == (running ? StopSessions::size : 0));
  check(client.ended());
  if (client.stage() == ClientConnection::Stage::failed) check(!client.failure().message.empty());
  return 0;
}
