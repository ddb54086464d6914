// SPDX-License-Identifier: Apache-2.0
// Any octets as each control message: what was read, written and read again is the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "probe/twamp/message.hpp"

namespace {

using namespace strait::probe::twamp;

template <class Message>
void round_trip(std::span<const std::byte> input, Message (*read)(View<Message>)) {
  Octets<Message> octets{};
  std::ranges::copy(input.first(std::min(input.size(), octets.size())), octets.begin());
  const Message message = read(octets);
  const Octets<Message> written = encode(message);
  if (!(read(written) == message) || encode(read(written)) != written) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto input = std::as_bytes(std::span{bytes, size});
  round_trip<ServerGreeting>(input, read_greeting);
  round_trip<SetUpResponse>(input, read_set_up);
  round_trip<ServerStart>(input, read_server_start);
  round_trip<RequestSession>(input, read_request);
  round_trip<AcceptSession>(input, read_accept_session);
  round_trip<StartAck>(input, read_start_ack);
  round_trip<StopSessions>(input, read_stop_sessions);
  return 0;
}
