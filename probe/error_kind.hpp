// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace strait::probe {

// What can be wrong with a probe or its reply; the names are the keys of Counts::errors.
enum class ErrorKind : std::uint8_t {
  wrong_source,            // a reply from an address or port that we did not probe
  wrong_session,           // SSID or cookie of another session
  bad_length,              // shorter than its protocol allows
  unknown_sequence,        // never sent
  replayed,                // sent so long ago that it is forgotten
  corrupt_error_estimate,  // Multiplier 0 (RFC 4656 §4.1.2)
  bad_timestamp,           // T2 or T3 is no time: residence and one-way delays are unknown
  bad_residence,           // T3 - T2 is negative or beyond T4 - T1: it stays inside the RTT
  swapped_timestamps,      // T1 came back where T3 belongs, and the other way round
  impossible_one_way,      // below zero by more than both clocks' errors
  clock_step,              // our wall clock was set during the round trip
  leap_second,             // near: no one-way delay was taken from the reply
  no_transmit_stamp,       // promised, but did not come in time: the user-space stamp was taken
  send_refused,            // the transport cannot send on this flow: the slot is missed
  matcher_full,            // too many probes undecided: the slot is missed
  syn_pending,             // the flow's last SYN is undecided: the slot is missed
  icmp_net_unreachable,
  icmp_host_unreachable,
  icmp_port_unreachable,
  icmp_prohibited,
  icmp_too_big,
  icmp_time_exceeded,
  icmp_other,
  icmp_unmatched,  // and it quotes no probe of ours, or too little to tell which
  outstanding,     // undecided when the prober was finished
  // What only STAMP sessions with TLVs, a key or loss by direction can meet; kept apart from the
  // others, see FarTally.
  bad_hmac,               // authenticated mode: not signed with the session's key
  tlv_missing,            // asked for, but not in the reply
  tlv_unrecognized,       // the reflector flagged it U: it does not know it (RFC 8972 §4)
  tlv_malformed,          // flagged M, or no TLV at all
  tlv_integrity,          // flagged I, or its HMAC is wrong: the TLVs were discarded
  dscp_remarked_forward,  // the probe arrived there with another DSCP
  dscp_remarked_reverse,  // the reply left with what was asked for and arrived with another
  ecn_changed,            // not-ECT left, another came
  seen_as_changed,        // our address or port there is another one: NAT bound anew
  reflector_restarted,    // its count began anew
  lost_forward,           // by the reflector's own count: see FarView::counts
  lost_reverse,
  count
};

inline constexpr auto error_kinds = static_cast<std::size_t>(ErrorKind::count);
inline constexpr auto plain_error_kinds = static_cast<std::size_t>(ErrorKind::bad_hmac);

inline constexpr std::array<std::string_view, error_kinds> error_kind_names{
    "wrong-source",
    "wrong-session",
    "bad-length",
    "unknown-sequence",
    "replayed",
    "corrupt-error-estimate",
    "bad-timestamp",
    "bad-residence",
    "swapped-timestamps",
    "impossible-one-way",
    "clock-step",
    "leap-second",
    "no-transmit-stamp",
    "send-refused",
    "matcher-full",
    "syn-pending",
    "icmp-net-unreachable",
    "icmp-host-unreachable",
    "icmp-port-unreachable",
    "icmp-prohibited",
    "icmp-too-big",
    "icmp-time-exceeded",
    "icmp-other",
    "icmp-unmatched",
    "outstanding",
    "bad-hmac",
    "tlv-missing",
    "tlv-unrecognized",
    "tlv-malformed",
    "tlv-integrity",
    "dscp-remarked-forward",
    "dscp-remarked-reverse",
    "ecn-changed",
    "seen-as-changed",
    "reflector-restarted",
    "lost-forward",
    "lost-reverse",
};

[[nodiscard]] constexpr std::string_view to_string(ErrorKind kind) {
  return error_kind_names.at(static_cast<std::size_t>(kind));
}

// The kind of an ICMP (RFC 792, RFC 1812) or ICMPv6 (RFC 4443) error message.
[[nodiscard]] ErrorKind icmp_error_kind(bool v6, std::uint8_t type, std::uint8_t code);

}  // namespace strait::probe
