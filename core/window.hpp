// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "core/sketch.hpp"

namespace strait {

enum class Protocol : std::uint8_t { stamp, icmp, udp_echo, tcp, twamp };
[[nodiscard]] std::string_view to_string(Protocol protocol);
[[nodiscard]] Result<Protocol> parse_protocol(std::string_view text);

// Where a timestamp was taken, from best to worst. A sample is as good as its worse end.
enum class StampSource : std::uint8_t { hardware, kernel, tsc, user };
[[nodiscard]] std::string_view to_string(StampSource source);
[[nodiscard]] Result<StampSource> parse_stamp_source(std::string_view text);

// One stream of probes: this path, this target, this protocol and DSCP; where several flows share
// the work, each with a five-tuple of its own, this flow.
struct SessionKey {
  std::string path;
  std::string target;
  Protocol protocol = Protocol::icmp;
  std::uint8_t dscp = 0;
  std::uint16_t flow = 0;  // 0 to 63

  friend auto operator<=>(const SessionKey&, const SessionKey&) = default;
};

// What became of the probes of one window. sent = received + lost once nothing is outstanding.
struct Counts {
  std::uint64_t scheduled = 0;  // slots of the open-loop schedule
  std::uint64_t missed = 0;     // slots that could not be sent at all
  std::uint64_t sent = 0;
  std::uint64_t received = 0;   // first good reply within the time-out
  std::uint64_t lost = 0;       // no reply within the time-out
  std::uint64_t late = 0;       // reply after it was counted lost
  std::uint64_t duplicate = 0;  // further replies to the same probe (RFC 5560)
  std::uint64_t reordered = 0;  // RFC 4737: arrived with a sequence number below the next expected
  std::map<std::string, std::uint64_t, std::less<>> errors;  // by kind, such as "wrong-source"

  friend bool operator==(const Counts&, const Counts&) = default;
};

// What a STAMP reflector told of its end, newest reply first; empty where it was not asked or did
// not say (RFC 8972).
struct FarView {
  std::optional<std::uint8_t> dscp;  // of the probes as they arrived there
  std::string seen_as;               // our address and port as they arrived there: NAT shows here
  std::string clock;                 // what disciplines its clock: "ntp", "free-running"
  // It counts by itself, so that errors["lost-forward"] and errors["lost-reverse"] tell the losses
  // of each direction.
  bool counts = false;
  // The most that a reply left later than its T3 says, by what a later one told of it (Follow-Up
  // Telemetry), and how that was timed: "hardware", "software", "control-plane", "unknown".
  std::optional<Nanos> left_late;
  std::string left_by;

  [[nodiscard]] bool empty() const {
    return !dscp && seen_as.empty() && clock.empty() && !counts && !left_late;
  }
  friend bool operator==(const FarView&, const FarView&) = default;
};

// What the clocks of both ends allow one to say of one-way delays (RFC 7679 section 3.7), from best
// to worst.
enum class ClockState : std::uint8_t {
  untold,  // no reply told of the far clock
  usable,
  far_inexact,         // the bound of its error is above the limit
  far_unsynchronised,  // by its own account, or it gives no bound
  own_inexact,
  own_unsynchronised,
  leap_second,  // near one the two clocks may be a second apart, whatever both say
};
[[nodiscard]] std::string_view to_string(ClockState state);
[[nodiscard]] Result<ClockState> parse_clock_state(std::string_view text);

struct Clocks {
  ClockState state = ClockState::untold;  // the worst of a sample
  Nanos error{};  // the largest of a one-way sample: what both clocks may be off by, added up
  // The least T2 - T1 and T4 - T3 of any sample, with T1 and T4 on this machine's monotonic clock.
  // Whatever lies between the two clocks is in both, with opposite signs: each says nothing by
  // itself, and how it changes from window to window says how the delay has changed.
  std::optional<Nanos> raw_forward;
  std::optional<Nanos> raw_reverse;

  friend bool operator==(const Clocks&, const Clocks&) = default;
};

// Of what is a diagnosis, not a result, such as lag: 2.2 % will do, and takes an eighth of the
// memory.
inline constexpr int lag_schema = 4;
// Of differences between delays: 1.1 % will do, and takes a quarter of the memory.
inline constexpr int variation_schema = 5;

// The aggregate of one session over [start, start + length).
struct Window {
  SessionKey session;
  WallTime start;
  Nanos length{};
  Counts counts;
  Sketch rtt;              // (T4 - T1) - (T3 - T2), over replies within the time-out
  Sketch forward;          // T2 - T1; empty unless both clocks allow it
  Sketch reverse;          // T4 - T3; likewise
  Sketch lag{lag_schema};  // actual minus intended send time
  // Round trips whose timestamps are too uncertain for the three sketches above: kept apart. Their
  // replies count as received all the same.
  Sketch uncertain{lag_schema};
  // |D(i) - D(i-1)| of the round trips of each two probes of the session that were sent one after
  // the other, where `rtt` has both (IPDV: RFC 3393, RFC 5481 section 4.1): a lost probe, or one
  // that is kept apart, breaks the chain twice. A pair is of the window of its second probe. Empty
  // where it is not known which probe followed which.
  Sketch ipdv{variation_schema};
  StampSource source = StampSource::user;  // the worst that contributed
  Nanos uncertainty{};  // largest of a sample that contributed, such as a poll gap
  FarView far;
  Clocks clocks;

  friend bool operator==(const Window&, const Window&) = default;
};

// Adds `other` (same session) to `into`: counts and sketches add up, the interval spans both.
void merge(Window& into, const Window& other);

}  // namespace strait
