// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/address.hpp"
#include "core/duration.hpp"
#include "probe/wire_time.hpp"

// The messages of TWAMP-Control (RFC 5357 section 3, RFC 4656 section 3) in unauthenticated mode,
// where KeyID, Token, IVs and HMACs are octets that must be zero: written so, ignored when read.
// Each has one length, so that a reader who has that many octets can only succeed; whether the
// content makes sense is for the two state machines to say.
namespace strait::probe::twamp {

inline constexpr std::uint16_t control_port = 862;

// Bits of Modes. Of the first three the client picks one; the rest are features.
inline constexpr std::uint32_t mode_unauthenticated = 1;
inline constexpr std::uint32_t security_modes = 7;
inline constexpr std::uint32_t mode_symmetrical_size = 64;  // RFC 6038 section 3

// RFC 4656 section 3.3.
enum class Accept : std::uint8_t {
  ok,
  failure,
  internal_error,
  not_supported,
  permanent_limit,
  temporary_limit,
  count
};
[[nodiscard]] std::string_view to_string(Accept accept);

// The first octet of what a client sends after the set-up.
enum class Command : std::uint8_t { start_sessions = 2, stop_sessions = 3, request_session = 5 };

using SessionIdentifier = std::array<std::byte, 16>;

struct ServerGreeting {
  static constexpr std::size_t size = 64;
  std::uint32_t modes = 0;  // 0: the server does not want to talk
  std::array<std::byte, 16> challenge{};
  std::array<std::byte, 16> salt{};
  std::uint32_t count = 0;  // a power of two, at least 1024

  friend bool operator==(const ServerGreeting&, const ServerGreeting&) = default;
};

struct SetUpResponse {
  static constexpr std::size_t size = 164;
  std::uint32_t mode = 0;

  friend bool operator==(const SetUpResponse&, const SetUpResponse&) = default;
};

struct ServerStart {
  static constexpr std::size_t size = 48;
  Accept accept = Accept::ok;
  WireTime start_time = 0;  // when the server's program started, NTP

  friend bool operator==(const ServerStart&, const ServerStart&) = default;
};

// Addresses are unspecified, of either family, where they are those of the control connection.
struct RequestSession {
  static constexpr std::size_t size = 112;
  std::uint8_t ip_version = 4;
  std::uint8_t conf_sender = 0;
  std::uint8_t conf_receiver = 0;
  std::uint32_t slots = 0;
  std::uint32_t packets = 0;
  std::uint16_t sender_port = 0;
  std::uint16_t receiver_port = 0;
  Address sender;  // read as IPv6 unless ip_version is 4
  Address receiver;
  std::uint32_t padding_length = 0;
  WireTime start_time = 0;
  WireTime timeout = 0;      // 32.32 seconds
  std::uint32_t type_p = 0;  // 00, DSCP (6 bits), zeros

  friend bool operator==(const RequestSession&, const RequestSession&) = default;
};

struct AcceptSession {
  static constexpr std::size_t size = 48;
  Accept accept = Accept::ok;
  std::uint16_t port = 0;
  SessionIdentifier sid{};

  friend bool operator==(const AcceptSession&, const AcceptSession&) = default;
};

struct StartSessions {
  static constexpr std::size_t size = 32;
};

struct StartAck {
  static constexpr std::size_t size = 32;
  Accept accept = Accept::ok;

  friend bool operator==(const StartAck&, const StartAck&) = default;
};

struct StopSessions {
  static constexpr std::size_t size = 32;
  Accept accept = Accept::ok;
  std::uint32_t sessions = 0;

  friend bool operator==(const StopSessions&, const StopSessions&) = default;
};

template <class Message>
using Octets = std::array<std::byte, Message::size>;
template <class Message>
using View = std::span<const std::byte, Message::size>;

[[nodiscard]] Octets<ServerGreeting> encode(const ServerGreeting& message);
[[nodiscard]] Octets<SetUpResponse> encode(const SetUpResponse& message);
[[nodiscard]] Octets<ServerStart> encode(const ServerStart& message);
[[nodiscard]] Octets<RequestSession> encode(const RequestSession& message);
[[nodiscard]] Octets<AcceptSession> encode(const AcceptSession& message);
[[nodiscard]] Octets<StartSessions> encode(const StartSessions& message);
[[nodiscard]] Octets<StartAck> encode(const StartAck& message);
[[nodiscard]] Octets<StopSessions> encode(const StopSessions& message);

// An Accept value that RFC 4656 does not know is read as `failure` (section 3.3).
[[nodiscard]] ServerGreeting read_greeting(View<ServerGreeting> octets);
[[nodiscard]] SetUpResponse read_set_up(View<SetUpResponse> octets);
[[nodiscard]] ServerStart read_server_start(View<ServerStart> octets);
[[nodiscard]] RequestSession read_request(View<RequestSession> octets);
[[nodiscard]] AcceptSession read_accept_session(View<AcceptSession> octets);
[[nodiscard]] StartAck read_start_ack(View<StartAck> octets);
[[nodiscard]] StopSessions read_stop_sessions(View<StopSessions> octets);

// Seconds with 32 bits of fraction, as Timeout has them; what does not fit is the most that does.
[[nodiscard]] WireTime to_wire_interval(Nanos interval);
[[nodiscard]] Nanos from_wire_interval(WireTime interval);

}  // namespace strait::probe::twamp
