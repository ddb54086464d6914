// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "core/window.hpp"
#include "probe/clock_quality.hpp"
#include "probe/own_clock.hpp"
#include "probe/rejections.hpp"
#include "probe/schedule.hpp"
#include "probe/stamp_extension.hpp"
#include "probe/stamp_packet.hpp"
#include "probe/transport.hpp"

namespace strait::probe {

// One stream of probes and how to send it. key.protocol and key.dscp say what is on the wire;
// add() sets flow.kind and flow.dscp from them. flow.max_payload is the size of every probe: STAMP
// 44 or at least 48 octets, ICMP and UDP echo at least 24, TCP
// tcp_probe_size, which stands for no payload.
struct SessionSpec {
  SessionKey key;
  FlowSpec flow;
  ScheduleSpec schedule;
  Nanos timeout{3'000'000'000};
  std::uint64_t count = 0;  // slots of the schedule, sent or missed; 0: endless
  TimestampFormat timestamps = TimestampFormat::ntp;
  // The peer is a TWAMP-Light reflector (RFC 5357 appendix I): no SSID, replies from 38 octets, a
  // corrupt Error Estimate only costs the one-way delays.
  bool twamp_light = false;
  bool require_ssid = false;  // refuse replies with SSID 0 (RFC 8972 §3 wants this configurable)
  std::uint32_t first_sequence = 0;
  StampExtras extras;       // of STAMP
  bool force_rate = false;  // of TCP to a foreign address: see politeness.hpp
};

enum class SessionId : std::uint32_t {};

enum class Fate : std::uint8_t { received, lost, late, duplicate };
[[nodiscard]] std::string_view to_string(Fate fate);

// What became of one probe. `lost` may be followed by `late`, and `received` by `duplicate`.
struct Outcome {
  SessionId session{};
  const SessionKey* key = nullptr;  // valid during the call
  Fate fate = Fate::lost;
  std::uint32_t sequence = 0;
  WallTime sent;
  std::optional<Nanos> rtt;      // absent also where a clock step made it worthless
  std::optional<Nanos> forward;  // absent unless both clocks allow it
  std::optional<Nanos> reverse;
  std::uint8_t hop_limit = 0;          // of the reply as received; 0: unknown
  std::uint8_t forward_hop_limit = 0;  // of the probe as the reflector saw it; 0: unknown
  bool reordered = false;
  StampSource source = StampSource::user;  // the worse of the two ends
  Nanos uncertainty{};                     // of both timestamps together; 0 without a reply
  bool kept_apart = false;                 // more than ProberOptions::uncertainty_limit
  // Of a lost probe, where an ICMP error quotes enough of it to know that it is the one meant.
  std::optional<Rejection> refused;
};

struct ProberOptions {
  Nanos window{60'000'000'000};        // aligned to multiples of itself in UTC
  Nanos clock_error_limit{1'000'000};  // one-way delays need both clocks to be at least so good
  Nanos clock_step_limit{1'000'000};   // wall against monotonic clock during one round trip
  Nanos stamp_grace{20'000'000};       // how long a reply waits for its transmit stamp
  Nanos uncertainty_limit{250'000};    // samples beyond it are kept apart: Window::uncertain
  std::uint64_t seed = 0;              // of phases, jitter and SSIDs; 0: from the system
  std::function<ClockQuality()> clock_quality = own_clock_reader();  // asked once a second
  std::function<void(const Outcome&)> on_outcome;  // per probe; leave empty where speed matters
};

// Replies that belong to no session: by kind, only growing.
using StrayCounts = std::map<std::string, std::uint64_t, std::less<>>;

// The ICMP errors about a session's probes since it was added.
struct SessionRejections {
  SessionKey key;
  RejectionCounts counts;
};

// Runs any number of sessions over one transport. Open loop: a slot is sent when it is due,
// whatever the replies do. Each reply is checked for source, length, session and sequence; a failed
// check is counted in the session's open window by kind and changes nothing else.
//
// A probe belongs to the window in which it was sent, a missed slot to the one in which it was
// found missed. A window is closed when it has ended and the longest time-out has passed since, so
// in every closed window sent = received + lost. The first window begins with the prober and the
// last one ends with finish(), so that those of two runs in one minute do not overlap. A late or
// duplicate reply is counted in the window of its probe while that is open, else in the current
// one.
//
// Used by one thread, the transport's.
class Prober {
 public:
  Prober(Transport& transport, ProberOptions options);
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;
  Prober(Prober&&) noexcept;
  Prober& operator=(Prober&&) noexcept;
  ~Prober();

  // Opens the flow; the first probe leaves within one interval. Fails on a spec that cannot be
  // measured and where the transport refuses the flow.
  [[nodiscard]] Result<SessionId> add(const SessionSpec& spec);
  // Sends no more. Probes on their way are still decided, and the session's last window still
  // comes from take_closed(); its flow stays open until then.
  void remove(SessionId session);

  // As remove() for every session, but their flows stay open.
  void stop();

  // Receives what is waiting, sends what is due, decides what has timed out. Never blocks.
  void step();
  // When step() must be called again, even if nothing arrives.
  [[nodiscard]] MonoTime next_wakeup() const;

  // Sessions that still send or wait for a reply. 0: all that had a count are finished.
  [[nodiscard]] std::size_t active() const;
  [[nodiscard]] std::size_t outstanding() const;  // probes whose fate is open

  // Windows that were closed since the last call.
  [[nodiscard]] std::vector<Window> take_closed();
  // Copies of the windows that are open, for live figures; their sums may still lack replies.
  [[nodiscard]] std::vector<Window> open_windows() const;
  [[nodiscard]] const StrayCounts& strays() const;
  // Of the sessions that have not ended: ask before finish().
  [[nodiscard]] std::vector<SessionRejections> rejections() const;

  // Stops at once and gives all windows that were not taken, open ones too. Probes whose fate is
  // open are not called lost: sent = received + lost + errors["outstanding"]. To have them decided,
  // drain() first. Closes the flows.
  [[nodiscard]] std::vector<Window> finish();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Steps and waits until `go_on`, asked after every step and at least ten times a second, says no.
void run_while(Prober& prober, Transport& transport, const std::function<bool()>& go_on);

// Stops all sending and steps until every probe is decided, at most for `limit`; then finish().
void drain(Prober& prober, Transport& transport, Nanos limit);

}  // namespace strait::probe
