// SPDX-License-Identifier: Apache-2.0
#include "probe/twamp/test_packet.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "probe/octets.hpp"

namespace strait::probe::twamp {
namespace {

constexpr std::uint16_t ptp_bit = 0x4000;
constexpr std::size_t error_estimate_at = 12;
constexpr std::size_t ssid_at = 14;
constexpr std::size_t sender_error_estimate_at = 36;

}  // namespace

Reflection reflect_test(Reflector& reflector, std::span<const std::byte> request,
                        const ReflectStamps& stamps, const ReplyForm& form,
                        std::span<std::byte> reply) {
  if (request.size() < twamp_request_size)
    return {.refusal = Refusal::too_short, .size = 0, .dscp = {}};
  const std::size_t size = std::max(request.size(), test_reply_size);
  if (reply.size() < size) return {.refusal = Refusal::no_room, .size = 0, .dscp = {}};

  std::array<std::byte, stamp_packet_size> asked{};
  const std::size_t fixed = std::min(request.size(), asked.size());
  std::ranges::copy(request.first(fixed), asked.begin());
  // PTP timestamps are a mode that was not agreed on (RFC 8186 section 3): times stay NTP's.
  const auto estimate = load<std::uint16_t>(asked, error_estimate_at);
  store(asked, error_estimate_at, static_cast<std::uint16_t>(estimate & ~ptp_bit));
  std::array<std::byte, stamp_packet_size> base{};
  const Reflection made = reflector.reflect(std::span{asked}.first(fixed), stamps, base);
  if (made.refusal != Refusal::none) return {.refusal = made.refusal, .size = 0, .dscp = {}};

  const std::size_t padding = form.symmetrical ? test_reply_size : twamp_request_size;
  if (request.size() > test_reply_size) {
    std::memmove(reply.data() + test_reply_size, request.data() + padding,
                 request.size() - test_reply_size);
  }
  store(base, 0, form.sequence);
  store<std::uint16_t>(base, ssid_at, 0);
  store(base, sender_error_estimate_at, estimate);  // RFC 5357 section 4.2.1: an exact copy
  std::ranges::copy(std::span{base}.first<test_reply_size>(), reply.begin());
  return {.refusal = Refusal::none, .size = size, .dscp = {}};
}

}  // namespace strait::probe::twamp
