// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/clock.hpp"
#include "probe/clock_quality.hpp"
#include "probe/stamp_packet.hpp"

namespace strait::probe {

// Why a request gets no reply.
enum class Refusal : std::uint8_t {
  none,
  too_short,               // below the 14 octets of RFC 5357 §4.1.2
  corrupt_error_estimate,  // Multiplier 0 (RFC 4656 §4.1.2)
  no_room,                 // the caller's buffer is too small for the reply
  not_allowed,             // source is not on the list
  bad_source,              // no unicast source, port 0, or a loop of reflectors
  rate_limited,
  count
};
[[nodiscard]] std::string_view to_string(Refusal refusal);

inline constexpr auto refusals = static_cast<std::size_t>(Refusal::count);

// What the reflector knows of one request beyond its octets.
struct ReflectStamps {
  WallTime received;           // T2
  WallTime transmit;           // T3: as late as the caller can know it
  std::uint8_t hop_limit = 0;  // as received; 0: unknown, sent as 255 (RFC 5357 §4.2)
};

struct Reflection {
  Refusal refusal = Refusal::none;
  std::size_t size = 0;  // of the reply; 0 when refused
};

// A request below the base packet gets the base packet, any other a reply of its own size (RFC 8762
// §4.3, §4.6): never an amplification beyond 14 to 44 octets.
[[nodiscard]] constexpr std::size_t reflected_size(std::size_t request) {
  return std::max(stamp_packet_size, request);
}

// A stateless STAMP Session-Reflector for unauthenticated mode, which TWAMP-Light senders can use
// too. Sequence number and SSID are the sender's; the timestamps have the format that the request
// asks for with its Z bit. Octets beyond the base are copied: TLVs come back with the U flag that
// the sender set, that is, as not understood (RFC 8972 §4). Any request of any length is safe.
class Reflector {
 public:
  explicit Reflector(const ClockQuality& quality) { set_clock_quality(quality); }

  // Call it when the clock's state changes, such as once a second.
  void set_clock_quality(const ClockQuality& quality);

  // `reply` may be the memory of `request` itself: then nothing is copied but the base.
  [[nodiscard]] Reflection reflect(std::span<const std::byte> request, const ReflectStamps& stamps,
                                   std::span<std::byte> reply) const;

 private:
  std::array<std::uint16_t, 2> error_estimate_{};  // by TimestampFormat
};

}  // namespace strait::probe
