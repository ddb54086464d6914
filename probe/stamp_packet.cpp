// SPDX-License-Identifier: Apache-2.0
#include "probe/stamp_packet.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "probe/octets.hpp"

namespace strait::probe {
namespace {

constexpr std::int64_t giga = 1'000'000'000;
constexpr std::int64_t ntp_to_unix = 2'208'988'800;  // 1900-01-01 to 1970-01-01 (RFC 5905 §6)
constexpr std::int64_t tai_minus_utc = 37;           // since 2017-01-01, none announced to follow
constexpr std::uint16_t synchronised_bit = 0x8000;
constexpr std::uint16_t ptp_bit = 0x4000;

struct SplitTime {
  std::int64_t seconds;  // rounded down
  std::uint32_t nanos;
};

SplitTime split(WallTime time) {
  const std::int64_t ns = time.time_since_epoch().count();
  std::int64_t seconds = ns / giga;
  std::int64_t rest = ns % giga;
  if (rest < 0) {
    rest += giga;
    --seconds;
  }
  return {seconds, static_cast<std::uint32_t>(rest)};
}

// The count of seconds with these low 32 bits that is nearest to `near`.
std::int64_t unwrap(std::uint32_t low, std::int64_t near) {
  return near + static_cast<std::int32_t>(low - static_cast<std::uint32_t>(near));
}

}  // namespace

WireTime encode_time(WallTime time, TimestampFormat format) {
  const auto [seconds, nanos] = split(time);
  if (format == TimestampFormat::ptp) {
    return static_cast<std::uint64_t>(seconds + tai_minus_utc) << 32 | nanos;
  }
  // Rounded to the nearest, so that decoding gives the same nanosecond back.
  const std::uint64_t fraction = ((std::uint64_t{nanos} << 32) + giga / 2) / giga;
  return (static_cast<std::uint64_t>(seconds + ntp_to_unix) << 32) + fraction;
}

std::optional<WallTime> decode_time(WireTime bits, TimestampFormat format, WallTime near) {
  const auto high = static_cast<std::uint32_t>(bits >> 32);
  const auto low = static_cast<std::uint32_t>(bits);
  const std::int64_t near_seconds = split(near).seconds;
  if (format == TimestampFormat::ptp) {
    if (low >= giga) return std::nullopt;
    const std::int64_t seconds = unwrap(high, near_seconds + tai_minus_utc) - tai_minus_utc;
    return WallTime{Nanos{seconds * giga + low}};
  }
  const std::int64_t seconds = unwrap(high, near_seconds + ntp_to_unix) - ntp_to_unix;
  const std::uint64_t nanos = (std::uint64_t{low} * giga + (std::uint64_t{1} << 31)) >> 32;
  return WallTime{Nanos{seconds * giga + static_cast<std::int64_t>(nanos)}};
}

Nanos ErrorEstimate::error() const {
  if (scale > 57) return Nanos::max();  // 255 * 2^(57 - 32) s is the last that fits 2^63 ns
  const std::uint64_t product = std::uint64_t{multiplier} * giga;
  if (scale >= 32) return Nanos{static_cast<std::int64_t>(product << (scale - 32U))};
  const unsigned shift = 32U - scale;
  return Nanos{static_cast<std::int64_t>((product + (std::uint64_t{1} << shift) - 1) >> shift)};
}

std::uint16_t encode(const ErrorEstimate& estimate) {
  const unsigned s = estimate.synchronised ? synchronised_bit : 0U;
  const unsigned z = estimate.format == TimestampFormat::ptp ? ptp_bit : 0U;
  return static_cast<std::uint16_t>(s | z | (estimate.scale & 0x3fU) << 8 | estimate.multiplier);
}

ErrorEstimate error_estimate(const ClockQuality& quality, TimestampFormat format) {
  constexpr std::int64_t most = std::int64_t{1} << 60;  // ns, 36 years
  const auto ns =
      static_cast<std::uint64_t>(std::clamp<std::int64_t>(quality.max_error.count(), 0, most));
  std::uint64_t units = (ns / giga << 32) + ((ns % giga << 32) + giga - 1) / giga;  // of 2^-32 s
  std::uint8_t scale = 0;
  while (units > 255) {
    units = (units + 1) >> 1;
    ++scale;
  }
  // A Multiplier of 0 must not be sent (RFC 4656 §4.1.2).
  const auto multiplier = static_cast<std::uint8_t>(std::max<std::uint64_t>(units, 1));
  return {quality.synchronised, format, scale, multiplier};
}

void write_stamp_request(const StampRequest& request, std::span<std::byte> packet) {
  assert(packet.size() >= stamp_packet_size);
  std::memset(packet.data(), 0, stamp_packet_size);
  store(packet, 0, request.sequence);
  store(packet, 4, request.timestamp);
  store(packet, 12, request.error_estimate);
  store(packet, 14, request.ssid);
}

void write_extra_padding(std::span<std::byte> packet) {
  if (packet.size() <= stamp_packet_size) return;
  assert(packet.size() >= stamp_packet_size + 4);
  // Flags: the sender sets U (RFC 8972 §4). Type 1. Length of the value only.
  store<std::uint16_t>(packet, stamp_packet_size, 0x8001);
  store(packet, stamp_packet_size + 2,
        static_cast<std::uint16_t>(packet.size() - stamp_packet_size - 4));
}

std::optional<StampRequest> read_stamp_request(std::span<const std::byte> packet) {
  if (packet.size() < twamp_request_size) return std::nullopt;
  return StampRequest{.sequence = load<std::uint32_t>(packet, 0),
                      .timestamp = load<std::uint64_t>(packet, 4),
                      .error_estimate = load<std::uint16_t>(packet, 12),
                      .ssid = packet.size() < stamp_packet_size ? std::uint16_t{0}
                                                                : load<std::uint16_t>(packet, 14)};
}

void write_stamp_reply(const StampReply& reply, std::span<std::byte> packet) {
  assert(packet.size() >= stamp_packet_size);
  store(packet, 0, reply.sequence);
  store(packet, 4, reply.timestamp);
  store(packet, 12, reply.error_estimate);
  store(packet, 14, reply.ssid);
  store(packet, 16, reply.receive_timestamp);
  store(packet, 24, reply.sender_sequence);
  store(packet, 28, reply.sender_timestamp);
  store(packet, 36, reply.sender_error_estimate);
  store<std::uint16_t>(packet, 38, 0);
  store(packet, 40, static_cast<std::uint32_t>(reply.sender_ttl) << 24);
}

}  // namespace strait::probe
