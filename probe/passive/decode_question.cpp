// SPDX-License-Identifier: Apache-2.0
#include "probe/passive/decode_question.hpp"

#include <algorithm>

#include "probe/octets.hpp"
#include "probe/passive/quic_header.hpp"
#include "probe/stamp_packet.hpp"

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
  packet.tsval = 0;
}

// Who sent it first.
struct Ports {
  std::uint16_t from;
  std::uint16_t to;
};
Ports ports_of(const Decoded& packet) {
  const auto& ports = packet.key.ports;
  return {.from = ports.at(packet.from_second ? 1 : 0), .to = ports.at(packet.from_second ? 0 : 1)};
}

// RFC 1035 section 4.1.1: the identifier, then QR (an answer), opcode and more.
void query(Decoded& packet) {
  if (packet.payload.size() < dns_header) return;
  const Ports ports = ports_of(packet);
  const bool answer = (octet_at(packet, 2) & 0x80U) != 0;
  if ((answer ? ports.from : ports.to) != dns_port) return;
  packet.exchange = Exchange::query;
  packet.answer = answer;
  packet.sequence = load<std::uint16_t>(packet.payload, 0);
  packet.tsval = 0;
}

// A time that tells packets of one number apart.
std::uint32_t folded(WireTime time) {
  return static_cast<std::uint32_t>(time >> 32U) ^ static_cast<std::uint32_t>(time);
}

// Neither end sends a time of 0, nor an error of 0 (RFC 4656 section 4.1.2).
bool is_plausible(WireTime time, std::uint16_t error) {
  return time != 0 && !decode_error_estimate(error).corrupt();
}

// RFC 8762 section 4.2.1, RFC 5357 section 4.1.2 by way of RFC 4656 section 4.1.2.
bool stamp_request(Decoded& packet) {
  const auto request = read_stamp_request(packet.payload);
  if (!request || !is_plausible(request->timestamp, request->error_estimate)) return false;
  packet.answer = false;
  packet.sequence = request->sequence;
  packet.tsval = folded(request->timestamp);
  return true;
}

// RFC 8762 section 4.3.1, RFC 5357 section 4.2.1.
bool stamp_reply(Decoded& packet) {
  const auto reply = read_stamp_reply(packet.payload, shortest_twamp_reply);
  if (!reply || !is_plausible(reply->timestamp, reply->error_estimate)) return false;
  if (reply->receive_timestamp == 0 || reply->sender_timestamp == 0) return false;
  packet.answer = true;
  packet.sequence = reply->sender_sequence;
  packet.tsval = folded(reply->sender_timestamp);
  const auto format = decode_error_estimate(reply->error_estimate).format;
  packet.hold =
      difference(reply->timestamp, reply->receive_timestamp, format).value_or(Nanos{-1}).count();
  return true;
}

// Of a reflector's port. Where both ends have one, a reply is told by the time at which the request
// came, which STAMP leaves 0 in a request.
bool stamp(const DecodeOptions& options, Decoded& packet) {
  if (options.stamp_ports.empty()) return false;
  const Ports ports = ports_of(packet);
  const auto is_reflector = [&options](std::uint16_t port) {
    return std::ranges::find(options.stamp_ports, port) != options.stamp_ports.end();
  };
  const bool from = is_reflector(ports.from);
  const bool to = is_reflector(ports.to);
  if (!from && !to) return false;
  const bool fits = (from && stamp_reply(packet)) || (to && stamp_request(packet));
  packet.exchange = fits ? Exchange::stamp : Exchange::misfit;
  return true;
}

}  // namespace

void decode_question(const DecodeOptions& options, Decoded& packet) {
  if (packet.verdict == Verdict::icmp) echo(packet);
  if (packet.verdict != Verdict::udp || stamp(options, packet)) return;
  query(packet);
  if (packet.exchange == Exchange::none) decode_quic(packet);
}

}  // namespace strait::probe::passive
