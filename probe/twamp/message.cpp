// SPDX-License-Identifier: Apache-2.0
#include "probe/twamp/message.hpp"

#include <algorithm>
#include <cstring>

#include "probe/octets.hpp"

namespace strait::probe::twamp {
namespace {

constexpr std::size_t address_octets = 16;

std::byte octet(Accept accept) { return static_cast<std::byte>(accept); }
std::byte octet(Command command) { return static_cast<std::byte>(command); }

Accept to_accept(std::byte octet) {
  const auto value = std::to_integer<std::uint8_t>(octet);
  const bool known = value < static_cast<std::uint8_t>(Accept::count);
  return known ? static_cast<Accept>(value) : Accept::failure;
}

void store_address(std::span<std::byte> field, const Address& address) {
  if (address.is_unspecified()) return;
  if (address.is_v4()) {
    store(field, 0, static_cast<std::uint32_t>(address.to_v4().to_uint()));
    return;
  }
  const auto bytes = address.to_v6().to_bytes();
  std::memcpy(field.data(), bytes.data(), bytes.size());
}

Address load_address(std::span<const std::byte> field, bool v4) {
  if (v4) return boost::asio::ip::address_v4{load<std::uint32_t>(field, 0)};
  boost::asio::ip::address_v6::bytes_type bytes{};
  std::memcpy(bytes.data(), field.data(), bytes.size());
  return boost::asio::ip::address_v6{bytes};
}

template <std::size_t n>
std::array<std::byte, n> copy(std::span<const std::byte> octets, std::size_t offset) {
  std::array<std::byte, n> result{};
  std::ranges::copy(octets.subspan(offset, n), result.begin());
  return result;
}

}  // namespace

std::string_view to_string(Accept accept) {
  constexpr std::array<std::string_view, static_cast<std::size_t>(Accept::count)> names{
      "ok",
      "failure",
      "internal error",
      "not supported",
      "permanent resource limit",
      "temporary resource limit"};
  return names.at(static_cast<std::size_t>(accept));
}

Octets<ServerGreeting> encode(const ServerGreeting& message) {
  Octets<ServerGreeting> octets{};
  store(octets, 12, message.modes);
  std::ranges::copy(message.challenge, octets.begin() + 16);
  std::ranges::copy(message.salt, octets.begin() + 32);
  store(octets, 48, message.count);
  return octets;
}

Octets<SetUpResponse> encode(const SetUpResponse& message) {
  Octets<SetUpResponse> octets{};
  store(octets, 0, message.mode);
  return octets;
}

Octets<ServerStart> encode(const ServerStart& message) {
  Octets<ServerStart> octets{};
  octets[15] = octet(message.accept);
  store(octets, 32, message.start_time);
  return octets;
}

Octets<RequestSession> encode(const RequestSession& message) {
  Octets<RequestSession> octets{};
  octets[0] = octet(Command::request_session);
  octets[1] = static_cast<std::byte>(message.ip_version & 0x0fU);
  octets[2] = static_cast<std::byte>(message.conf_sender);
  octets[3] = static_cast<std::byte>(message.conf_receiver);
  store(octets, 4, message.slots);
  store(octets, 8, message.packets);
  store(octets, 12, message.sender_port);
  store(octets, 14, message.receiver_port);
  const std::span all{octets};
  store_address(all.subspan(16, address_octets), message.sender);
  store_address(all.subspan(32, address_octets), message.receiver);
  store(octets, 64, message.padding_length);
  store(octets, 68, message.start_time);
  store(octets, 76, message.timeout);
  store(octets, 84, message.type_p);
  return octets;
}

Octets<AcceptSession> encode(const AcceptSession& message) {
  Octets<AcceptSession> octets{};
  octets[0] = octet(message.accept);
  store(octets, 2, message.port);
  std::ranges::copy(message.sid, octets.begin() + 4);
  return octets;
}

Octets<StartSessions> encode(const StartSessions&) {
  Octets<StartSessions> octets{};
  octets[0] = octet(Command::start_sessions);
  return octets;
}

Octets<StartAck> encode(const StartAck& message) {
  Octets<StartAck> octets{};
  octets[0] = octet(message.accept);
  return octets;
}

Octets<StopSessions> encode(const StopSessions& message) {
  Octets<StopSessions> octets{};
  octets[0] = octet(Command::stop_sessions);
  octets[1] = octet(message.accept);
  store(octets, 4, message.sessions);
  return octets;
}

ServerGreeting read_greeting(View<ServerGreeting> octets) {
  return {.modes = load<std::uint32_t>(octets, 12),
          .challenge = copy<16>(octets, 16),
          .salt = copy<16>(octets, 32),
          .count = load<std::uint32_t>(octets, 48)};
}

SetUpResponse read_set_up(View<SetUpResponse> octets) {
  return {.mode = load<std::uint32_t>(octets, 0)};
}

ServerStart read_server_start(View<ServerStart> octets) {
  return {.accept = to_accept(octets[15]), .start_time = load<std::uint64_t>(octets, 32)};
}

RequestSession read_request(View<RequestSession> octets) {
  const auto version = static_cast<std::uint8_t>(std::to_integer<unsigned>(octets[1]) & 0x0fU);
  const bool v4 = version == 4;
  return {.ip_version = version,
          .conf_sender = std::to_integer<std::uint8_t>(octets[2]),
          .conf_receiver = std::to_integer<std::uint8_t>(octets[3]),
          .slots = load<std::uint32_t>(octets, 4),
          .packets = load<std::uint32_t>(octets, 8),
          .sender_port = load<std::uint16_t>(octets, 12),
          .receiver_port = load<std::uint16_t>(octets, 14),
          .sender = load_address(octets.subspan(16, address_octets), v4),
          .receiver = load_address(octets.subspan(32, address_octets), v4),
          .padding_length = load<std::uint32_t>(octets, 64),
          .start_time = load<std::uint64_t>(octets, 68),
          .timeout = load<std::uint64_t>(octets, 76),
          .type_p = load<std::uint32_t>(octets, 84)};
}

AcceptSession read_accept_session(View<AcceptSession> octets) {
  return {.accept = to_accept(octets[0]),
          .port = load<std::uint16_t>(octets, 2),
          .sid = copy<16>(octets, 4)};
}

StartAck read_start_ack(View<StartAck> octets) { return {.accept = to_accept(octets[0])}; }

StopSessions read_stop_sessions(View<StopSessions> octets) {
  return {.accept = to_accept(octets[1]), .sessions = load<std::uint32_t>(octets, 4)};
}

WireTime to_wire_interval(Nanos interval) {
  using namespace wire_time;
  if (interval <= Nanos{0}) return 0;
  const auto seconds = static_cast<std::uint64_t>(interval.count() / giga);
  if (seconds > 0xffffffffU) return ~WireTime{0};
  const auto rest = static_cast<std::uint64_t>(interval.count() % giga);
  return (seconds << 32U) + ((rest << 32U) + giga / 2) / giga;
}

Nanos from_wire_interval(WireTime interval) {
  using namespace wire_time;
  const auto seconds = static_cast<std::int64_t>(interval >> 32U);
  const std::uint64_t fraction = interval & 0xffffffffU;
  const std::uint64_t nanos = (fraction * giga + (std::uint64_t{1} << 31U)) >> 32U;
  return std::chrono::seconds{seconds} + Nanos{static_cast<std::int64_t>(nanos)};
}

}  // namespace strait::probe::twamp
