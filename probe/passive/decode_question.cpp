// SPDX-License-Identifier: Apache-2.0
#include "probe/passive/decode_question.hpp"

#include "probe/octets.hpp"

namespace strait::probe::passive {
namespace {

constexpr std::uint16_t dns_port = 53;
constexpr std::size_t dns_header = 12;

std::uint8_t octet_at(const Decoded& packet, std::size_t at) {
  return std::to_integer<std::uint8_t>(packet.payload[at]);
}

// RFC 792, RFC 4443 sections 4.1 and 4.2: type, code, checksum, identifier, sequence number.
void echo(Decoded& packet) {
  const bool v4 = packet.key.family == 4 && packet.key.protocol == 1;
  const bool v6 = packet.key.family == 6 && packet.key.protocol == 58;
  if (!(v4 || v6) || octet_at(packet, 1) != 0) return;
  const std::uint8_t type = octet_at(packet, 0);
  const std::uint8_t request = v4 ? 8 : 128;
  const std::uint8_t reply = v4 ? 0 : 129;
  if (type != request && type != reply) return;
  packet.exchange = Exchange::echo;
  packet.answer = type == reply;
  packet.sequence = load<std::uint16_t>(packet.payload, 6);
}

// RFC 1035 section 4.1.1: the identifier, then QR (an answer), opcode and more.
void query(Decoded& packet) {
  if (packet.payload.size() < dns_header) return;
  const auto& ports = packet.key.ports;
  const std::uint16_t from = ports.at(packet.from_second ? 1 : 0);
  const std::uint16_t to = ports.at(packet.from_second ? 0 : 1);
  const bool answer = (octet_at(packet, 2) & 0x80U) != 0;
  if ((answer ? from : to) != dns_port) return;
  packet.exchange = Exchange::query;
  packet.answer = answer;
  packet.sequence = load<std::uint16_t>(packet.payload, 0);
}

}  // namespace

void decode_question(Decoded& packet) {
  if (packet.verdict == Verdict::icmp) echo(packet);
  if (packet.verdict == Verdict::udp) query(packet);
}

}  // namespace strait::probe::passive
