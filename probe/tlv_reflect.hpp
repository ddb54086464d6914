// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/address.hpp"
#include "core/clock.hpp"
#include "probe/reflect_sessions.hpp"
#include "probe/stamp_tlv.hpp"
#include "probe/wire_time.hpp"

namespace strait::probe {

// What an engine knows of a request beyond its octets and times.
struct RequestFacts {
  Endpoint source;
  Endpoint destination;
  std::optional<MacAddress> source_mac;  // where the engine sees frames
  std::uint8_t dscp_ecn = 0;             // as received
  StampMethod received_by = StampMethod::software;
  MonoTime now;
  bool stranger = false;  // as ReflectorPolicy has it
};

// What the reflector's operator allows.
struct TlvPolicy {
  bool tell_location = true;              // false: addresses and ports stay zero (RFC 8972 §4.2.2)
  bool any_dscp = true;                   // false: replies keep the DSCP that came (§4.4)
  SyncSource sync = SyncSource::unknown;  // of this machine's clock, when it is synchronised
};

struct TlvQuestion {
  const RequestFacts* facts = nullptr;
  const TlvPolicy* policy = nullptr;
  const ReflectorSession* session = nullptr;  // null: stateless
  TimestampFormat format = TimestampFormat::ntp;
  SyncSource sync = SyncSource::unknown;
  TlvIntegrity integrity = TlvIntegrity::unprotected;  // of the request
};

// The reply's area out of the request's, in place: flags and values by RFC 8972 §4. Returns the
// DSCP that the reply must leave with, if a Class of Service TLV says so. An HMAC is not made here.
[[nodiscard]] std::optional<std::uint8_t> answer_tlvs(std::span<std::byte> area,
                                                      const TlvQuestion& question);

}  // namespace strait::probe
