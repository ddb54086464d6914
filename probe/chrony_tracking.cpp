// SPDX-License-Identifier: Apache-2.0
#include "probe/chrony_tracking.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "probe/octets.hpp"

namespace strait::probe {
namespace {

constexpr std::byte version{6};
constexpr std::byte request{1};
constexpr std::byte reply{2};
constexpr std::uint16_t tracking_request = 33;
constexpr std::uint16_t tracking_reply = 5;
constexpr std::size_t header_size = 28;  // of a reply

// Where the fields of RPY_Tracking are in a reply.
constexpr std::size_t ref_id_at = 28;
constexpr std::size_t leap_at = 54;
constexpr std::size_t offset_at = 68;
constexpr std::size_t root_delay_at = 92;
constexpr std::size_t root_dispersion_at = 96;

constexpr std::uint32_t itself = 0x7f7f0101;  // the reference of `local`
constexpr std::uint16_t leap_insert = 1;
constexpr std::uint16_t leap_delete = 2;
constexpr std::uint16_t not_synchronised = 3;

// A Float has an exponent of 7 bits and a coefficient of 25, both of two's complement: seconds.
Nanos seconds_at(std::span<const std::byte> message, std::size_t at) {
  constexpr int coefficient_bits = 25;
  constexpr double most = 1e9;  // a clock that is 30 years off is; and no overflow
  const auto bits = static_cast<std::int32_t>(load<std::uint32_t>(message, at));
  const int exponent = (bits >> coefficient_bits) - coefficient_bits;
  const auto coefficient = static_cast<std::int32_t>(static_cast<std::uint32_t>(bits) << 7U) >> 7;
  const double seconds = std::clamp(std::ldexp(coefficient, exponent), -most, most);
  return Nanos{std::llround(seconds * 1e9)};
}

}  // namespace

Nanos ChronyStatus::max_error() const {
  return std::chrono::abs(offset) + std::chrono::abs(root_dispersion) +
         std::chrono::abs(root_delay) / 2;
}

std::array<std::byte, chrony_request_size> chrony_tracking_request(std::uint32_t sequence) {
  std::array<std::byte, chrony_request_size> message{};
  const std::span<std::byte> octets{message};
  message[0] = version;
  message[1] = request;
  store<std::uint16_t>(octets, 4, tracking_request);
  store<std::uint32_t>(octets, 8, sequence);
  return message;
}

Result<ChronyStatus> parse_chrony_tracking(std::span<const std::byte> message,
                                           std::uint32_t sequence) {
  const auto refuse = [](std::string_view why) {
    return fail(Errc::bad_input, fmt::format("chronyd's answer: {}", why));
  };
  if (message.size() < header_size) {
    return refuse(fmt::format("{} octets: want at least {}", message.size(), header_size));
  }
  if (message[0] != version) return refuse("not of version 6");
  if (message[1] != reply) return refuse("no reply");
  if (load<std::uint32_t>(message, 16) != sequence) return refuse("to another request");
  if (const auto status = load<std::uint16_t>(message, 8); status != 0) {
    return refuse(fmt::format("status {}", status));
  }
  if (load<std::uint16_t>(message, 4) != tracking_request ||
      load<std::uint16_t>(message, 6) != tracking_reply) {
    return refuse("no tracking report");
  }
  if (message.size() < chrony_request_size) return refuse("the tracking report is cut short");
  const auto leap = load<std::uint16_t>(message, leap_at);
  return ChronyStatus{
      .synchronised = leap < not_synchronised && load<std::uint32_t>(message, ref_id_at) != itself,
      .leap_second = leap == leap_insert || leap == leap_delete,
      .offset = seconds_at(message, offset_at),
      .root_delay = seconds_at(message, root_delay_at),
      .root_dispersion = seconds_at(message, root_dispersion_at)};
}

}  // namespace strait::probe
