// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "core/clock.hpp"
#include "probe/clock_quality.hpp"
#include "probe/hmac_key.hpp"
#include "probe/reflect_sessions.hpp"
#include "probe/stamp_packet.hpp"
#include "probe/tlv_reflect.hpp"

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
  would_amplify,       // a stranger's, and shorter than its reply
  not_authenticated,   // below the 112 octets of authenticated mode, where a key is wanted
  bad_hmac,            // its HMAC is not of our key
  session_table_full,  // stateful: no room for another session
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
  // That the reply must leave with (RFC 8972 §4.4); nothing: that of the request.
  std::optional<std::uint8_t> dscp;
};

// A request below the base packet gets the base packet, any other a reply of its own size (RFC 8762
// §4.3, §4.6): never an amplification beyond 14 to 44 octets.
[[nodiscard]] constexpr std::size_t reflected_size(std::size_t request) {
  return std::max(stamp_packet_size, request);
}

struct ReflectorMode {
  // Authenticated mode only (RFC 8762 §4.3.2): what is not signed with this key gets no reply.
  std::optional<HmacKey> key;
  bool stateful = false;  // it numbers its replies, session by session
  std::size_t sessions = 4096;
  Nanos session_idle{std::chrono::minutes{15}};  // then a session is forgotten
  TlvPolicy tlvs;
  std::optional<Nanos> own_clock_error;  // the operator's word, for OwnClock
};

// A STAMP Session-Reflector that TWAMP-Light senders can use too. Stateless, sequence numbers are
// the sender's; the SSID always is. The timestamps have the format that the request asks for with
// its Z bit. TLVs are processed (RFC 8972), where there are any. Any request of any length is safe.
class Reflector {
 public:
  explicit Reflector(const ClockQuality& quality, const ReflectorMode& mode = {});

  // Call it when the clock's state changes, such as once a second.
  void set_clock_quality(const ClockQuality& quality);

  // Whether reflect() asks for the facts of a request of this size.
  [[nodiscard]] bool wants_facts(std::size_t request) const {
    return sessions_ != nullptr || request > base_size_;
  }

  // `reply` may be the memory of `request` itself: then nothing is copied but the base.
  [[nodiscard]] Reflection reflect(std::span<const std::byte> request, const ReflectStamps& stamps,
                                   std::span<std::byte> reply, const RequestFacts& facts = {});

 private:
  struct Question {
    StampRequest asked;
    TimestampFormat format;
    ReflectorSession* session;
    TlvIntegrity integrity;
  };
  [[nodiscard]] Refusal check(std::span<const std::byte> request, const RequestFacts& facts,
                              Question& question);
  [[nodiscard]] StampReply base_of(const Question& question, const ReflectStamps& stamps) const;
  [[nodiscard]] bool finish_area(std::span<std::byte> area, const Question& question,
                                 const RequestFacts& facts, std::uint32_t sequence,
                                 Reflection& reflection);

  std::array<std::uint16_t, 2> error_estimate_{};  // by TimestampFormat
  std::optional<HmacKey> key_;
  std::size_t base_size_;
  std::unique_ptr<ReflectorSessions> sessions_;  // null: stateless
  TlvPolicy policy_;
  SyncSource sync_ = SyncSource::unknown;
};

}  // namespace strait::probe
