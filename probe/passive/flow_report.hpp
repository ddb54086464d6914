// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "core/address.hpp"
#include "core/clock.hpp"
#include "core/sketch.hpp"
#include "probe/passive/path_rules.hpp"

namespace strait::probe::passive {

// How a round trip was told from the packets.
enum class Method : std::uint8_t {
  handshake,  // SYN to SYN-ACK, or SYN-ACK to its acknowledgment
  timestamp,  // a TSval (RFC 7323) to its echo
  sequence,   // a segment to the acknowledgment of its last octet
  sack,       // likewise, to the SACK block (RFC 2018) that it ended
  echo,       // an ICMP echo to its reply
  query,      // a DNS query to its answer
  stamp,      // a STAMP or TWAMP test packet to its reply, less what the reflector says it took
  quic_handshake,  // QUIC's first Initial packet to the answer, or the answer to what follows it
  spin,            // a change of QUIC's spin bit to the one that answers it
  spin_whole,      // likewise, there and back: only one direction is seen
};
inline constexpr std::size_t methods = 10;
[[nodiscard]] std::string_view to_string(Method method);

// A round trip between the place of the capture and one end of a flow; by spin_whole between both
// ends.
struct RoundTrip {
  WallTime time;  // when the answer came by
  Endpoint sender;
  Endpoint answerer;  // the end that it is the round trip to
  Method method = Method::handshake;
  Nanos rtt{};
  // Only one segment is acknowledged, so the answerer may have waited for a second one or for data
  // of its own, up to half a second (RFC 9293 section 3.8.6.3).
  bool maybe_delayed = false;
  PathNumber path = no_path;  // by which the sender's packets go, of late
};
using RoundTripSink = std::function<void(const RoundTrip&)>;

// What the segments of one sender say about losses, and what was not measured.
struct SenderSigns {
  std::uint32_t retransmitted = 0;  // segments seen before: lost behind the capture, or needlessly
  std::uint32_t filled_late = 0;    // they filled a hole later than reordering does: lost before it
  std::uint32_t reordered = 0;      // they filled a hole at once
  std::uint32_t duplicate_acks = 0;  // of the other end
  std::uint32_t keep_alives = 0;
  std::uint32_t window_probes = 0;
  std::uint32_t unseen = 0;         // acknowledgments of data that the capture does not have
  std::uint32_t refused = 0;        // acknowledgments that could be of more than one transmission
  std::uint32_t untracked = 0;      // segments for which there was no room
  std::uint32_t maybe_delayed = 0;  // round trips, see RoundTrip; none of the handshake
  std::uint32_t unanswered = 0;     // questions, also those whose answer may yet come

  friend bool operator==(const SenderSigns&, const SenderSigns&) = default;
};

// One end of a flow as a sender, and the round trips to the other end that its data made.
struct SenderReport {
  Endpoint end;
  std::uint64_t packets = 0;
  std::uint64_t octets = 0;  // of IP
  std::optional<Nanos> handshake;
  Sketch by_timestamp;
  Sketch by_sequence;
  Sketch by_question;  // where it is not TCP
  Method question = Method::echo;
  bool complete = true;  // false: some round trips found no room, of which nothing is kept
  // How long a TSval of this sender lasts, where it sent long enough to tell.
  std::optional<Nanos> clock_tick;
  PathNumber path = no_path;  // by which its packets went; several_paths when not all by the same
  SenderSigns signs;

  // The better of the two of TCP: by timestamps where there are any.
  [[nodiscard]] const Sketch& best() const {
    if (!by_question.empty()) return by_question;
    return by_timestamp.empty() ? by_sequence : by_timestamp;
  }
  [[nodiscard]] Method best_method() const {
    if (!by_question.empty()) return question;
    return by_timestamp.empty() ? Method::sequence : Method::timestamp;
  }
};

// Whether the spin bits of a QUIC connection tell of round trips; why not.
enum class SpinVerdict : std::uint8_t {
  unseen,    // no 1-RTT packet
  few,       // changes, or packets
  constant,  // at least one end does not take part
  random,    // likewise: changes come out of turn
  unsteady,  // round trips jump about: the ends send too seldom, or one does not take part
  several,   // connections between the same ends
  spinning,
};
inline constexpr std::size_t spin_verdicts = 7;
[[nodiscard]] std::string_view to_string(SpinVerdict verdict);

struct SpinCounts {
  std::uint64_t packets = 0;    // 1-RTT
  std::uint32_t changes = 0;    // of the bit, less those that were overtaken
  std::uint32_t overtaken = 0;  // packets that changed it back sooner than it can
  std::uint32_t in_turn = 0;    // changes that answer one of the other end
  std::uint32_t out_of_turn = 0;
  std::uint32_t unclear = 0;   // changes whose time is not known
  std::uint32_t paused = 0;    // likewise, because nothing was sent for long
  std::uint32_t compared = 0;  // round trips, each with the one before
  std::uint32_t jumps = 0;     // of those

  friend bool operator==(const SpinCounts&, const SpinCounts&) = default;
};

// A QUIC connection. Its round trips by the spin bit are kept only where it is spinning.
struct QuicReport {
  std::uint8_t version = 0;  // 0: its handshake was not seen
  SpinVerdict spin = SpinVerdict::unseen;
  SpinCounts counts;
  std::uint64_t withheld = 0;    // round trips that turned out to be none
  std::uint32_t id_changes = 0;  // of connection IDs
};

// How a flow was first and last seen.
enum class FlowStart : std::uint8_t { handshake, middle };
// `reused`: a SYN began another connection between the same ends. `evicted`: for want of room.
enum class FlowEnding : std::uint8_t { open, closed, reset, reused, evicted };
[[nodiscard]] std::string_view to_string(FlowStart start);
[[nodiscard]] std::string_view to_string(FlowEnding ending);

struct FlowReport {
  std::uint8_t protocol = 6;
  WallTime first;
  WallTime last;
  FlowStart start = FlowStart::middle;
  FlowEnding ending = FlowEnding::open;
  // False: nobody was seen to open it, and the lower port is taken for the server's.
  bool client_known = false;
  // Round trips of the client's data are those to the server, and the other way round.
  SenderReport client;
  SenderReport server;
  std::optional<QuicReport> quic;
  // Both halves of the handshake.
  [[nodiscard]] std::optional<Nanos> handshake() const {
    if (!client.handshake || !server.handshake) return std::nullopt;
    return *client.handshake + *server.handshake;
  }
};
using FlowSink = std::function<void(const FlowReport&)>;

}  // namespace strait::probe::passive
