// SPDX-License-Identifier: Apache-2.0
// What a raw TCP socket may deliver: the first octet chooses the family.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "probe/octets.hpp"
#include "probe/socket/tcp_socket.hpp"

using namespace strait::probe;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool v6 = (data[0] & 1U) != 0;
  const auto packet = std::as_bytes(std::span{data + 1, size - 1});
  // What is taken lies inside, and comes to the port that was asked for.
  for (const std::uint16_t port : {std::uint16_t{0}, std::uint16_t{50000}}) {
    const auto answer = kernel::read_answer(v6, port, packet);
    if (!answer) continue;
    const std::byte* const end = packet.data() + packet.size();
    if (answer->acknowledged.data() < packet.data() || answer->acknowledged.data() + 4 > end) {
      std::abort();
    }
    if (load<std::uint16_t>(
            packet, static_cast<std::size_t>(answer->acknowledged.data() - packet.data()) - 6) !=
        port) {
      std::abort();
    }
  }
  static_cast<void>(kernel::read_quoted_syn(50000, packet));
  const auto segment = read_tcp(packet);
  if (segment && segment->answers_syn() && (segment->flags & tcp_flag_ack) == 0) std::abort();
  return 0;
}
