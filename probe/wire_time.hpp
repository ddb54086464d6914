// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "core/clock.hpp"

namespace strait::probe {

enum class TimestampFormat : std::uint8_t {
  ntp,  // RFC 5905 §6: seconds since 1900 UTC, 2^-32 s
  ptp,  // RFC 8186 §2: PTPv2 truncated, seconds since 1970 TAI, nanoseconds
};

// The 64 bits of a timestamp as they stand on the wire, in host order.
using WireTime = std::uint64_t;

// All inline: each probe needs it three times.
namespace wire_time {

constexpr std::int64_t giga = 1'000'000'000;
constexpr std::int64_t ntp_to_unix = 2'208'988'800;  // 1900-01-01 to 1970-01-01 (RFC 5905 §6)
constexpr std::int64_t tai_minus_utc = 37;           // since 2017-01-01, none announced to follow

struct SplitTime {
  std::int64_t seconds;  // rounded down
  std::uint32_t nanos;
};

inline SplitTime split(WallTime time) {
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
inline std::int64_t unwrap(std::uint32_t low, std::int64_t near) {
  return near + static_cast<std::int32_t>(low - static_cast<std::uint32_t>(near));
}

}  // namespace wire_time

// Never 0, which would say that the time is not known: the one instant of zero, where the seconds
// wrap, is told as one unit later.
[[nodiscard]] inline WireTime encode_time(WallTime time, TimestampFormat format) {
  using namespace wire_time;
  const auto [seconds, nanos] = split(time);
  WireTime bits = 0;
  if (format == TimestampFormat::ptp) {
    bits = static_cast<std::uint64_t>(seconds + tai_minus_utc) << 32 | nanos;
  } else {
    // Rounded to the nearest, so that decoding gives the same nanosecond back.
    const std::uint64_t fraction = ((std::uint64_t{nanos} << 32) + giga / 2) / giga;
    bits = (static_cast<std::uint64_t>(seconds + ntp_to_unix) << 32) + fraction;
  }
  return bits == 0 ? 1 : bits;
}

// a - b of one format, less than 68 years apart; nothing for a PTP time of more nanoseconds than a
// second has.
[[nodiscard]] inline std::optional<Nanos> difference(WireTime a, WireTime b,
                                                     TimestampFormat format) {
  using namespace wire_time;
  if (format == TimestampFormat::ptp) {
    const auto nanos_a = static_cast<std::int64_t>(a & 0xffffffffU);
    const auto nanos_b = static_cast<std::int64_t>(b & 0xffffffffU);
    if (nanos_a >= giga || nanos_b >= giga) return std::nullopt;
    const auto seconds = static_cast<std::int32_t>(static_cast<std::uint32_t>(a >> 32U) -
                                                   static_cast<std::uint32_t>(b >> 32U));
    return Nanos{seconds * std::int64_t{giga} + nanos_a - nanos_b};
  }
  const auto apart = static_cast<std::int64_t>(a - b);
  const std::int64_t seconds = apart >> 32U;
  const std::uint64_t fraction = static_cast<std::uint64_t>(apart) & 0xffffffffU;
  const std::uint64_t nanos = (fraction * giga + (std::uint64_t{1} << 31U)) >> 32U;
  return Nanos{seconds * std::int64_t{giga} + static_cast<std::int64_t>(nanos)};
}

// The time nearest to `near` (the local time) that the bits can mean: NTP time wraps in 2036
// (RFC 8877 §4.2.1). Nothing for 0, which is no time: "unknown or unsynchronized" (RFC 5905 §6), in
// either format what a far end leaves that fills nothing in; nor for a PTP timestamp with 10^9
// nanoseconds or more.
[[nodiscard]] inline std::optional<WallTime> decode_time(WireTime bits, TimestampFormat format,
                                                         WallTime near) {
  using namespace wire_time;
  if (bits == 0) return std::nullopt;
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

}  // namespace strait::probe
