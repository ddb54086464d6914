// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "probe/passive/decode.hpp"
#include "probe/passive/flow.hpp"
#include "probe/passive/flow_report.hpp"
#include "probe/passive/outstanding_ring.hpp"
#include "probe/passive/pool.hpp"
#include "probe/passive/quic_flow.hpp"
#include "probe/passive/series.hpp"

namespace strait::probe::passive {

struct TcpOptions {
  bool timestamps = true;
  // By sequence numbers: where a flow has no timestamps, or always.
  bool sequence = true;
  bool sequence_always = false;
};

// What is the same for all flows: a number of the whole input.
struct TcpTally {
  std::array<std::uint64_t, methods> by_method{};  // round trips
  std::uint64_t refused = 0;        // acknowledgments that could be of more than one transmission
  std::uint64_t untracked = 0;      // segments for which there was no room
  std::uint64_t no_room = 0;        // round trips likewise
  std::uint64_t backwards = 0;      // packets older than one before them in their flow
  std::uint64_t out_of_window = 0;  // sequence numbers or acknowledgments of something else
  std::array<std::uint64_t, spin_verdicts> by_spin{};  // QUIC connections that ended
};

// Follows TCP connections (RFC 9293), QUIC (RFC 9000), ICMP echo, DNS and STAMP from what a capture
// shows of them. A round trip is taken only where exactly one packet can have caused the answer;
// what is ambiguous is refused and counted.
class FlowTracker {
 public:
  // Bounds: so many senders of data, and so many of them with more than a few segments on the way,
  // or more than a few round trips.
  FlowTracker(std::uint32_t senders, std::uint32_t busy_senders, const TcpOptions& options);

  void set_round_trip_sink(RoundTripSink sink) { sink_ = std::move(sink); }
  // RoundTrip::path of those that follow() takes next.
  void set_path(PathNumber path) { path_ = path; }

  // Whether the packet is the first of a new connection between the same ends.
  [[nodiscard]] bool begins_anew(const Flow& flow, const Decoded& packet) const;
  // Of what may be QUIC, but belongs to no flow yet: whether it begins one.
  [[nodiscard]] static bool begins_quic(const Decoded& packet);
  void follow(Flow& flow, const Decoded& packet);
  // What follow() will touch beyond the flow itself; and, once that is there, beyond that.
  void prefetch(const Flow& flow, const Decoded& packet) const;
  void prefetch_series(const Flow& flow, const Decoded& packet) const;

  [[nodiscard]] FlowReport report(const Flow& flow, FlowEnding ending);
  // Gives back what the flow has taken.
  void release(Flow& flow);

  [[nodiscard]] const TcpTally& tally() const { return tally_; }
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  void follow_tcp(Flow& flow, const Decoded& packet, unsigned side);
  void exchange(Flow& flow, const Decoded& packet, unsigned side);
  void ask(Flow& flow, const Decoded& packet, unsigned side);
  void answer(Flow& flow, const Decoded& packet, unsigned asker);
  [[nodiscard]] std::uint32_t waiting(Detail& detail);

  [[nodiscard]] bool begins_anew_quic(const Flow& flow, const Decoded& packet) const;
  void follow_quic(Flow& flow, const Decoded& packet, unsigned side);
  void quic_long(Flow& flow, QuicFlow& quic, const Decoded& packet, unsigned side);
  void quic_server(Flow& flow, QuicFlow& quic, const Decoded& packet, const QuicLongHeader& header);
  void quic_client(Flow& flow, QuicFlow& quic, const Decoded& packet, const QuicLongHeader& header);
  void quic_one_rtt(Flow& flow, QuicFlow& quic, const Decoded& packet, unsigned side);
  static bool is_of_newest(QuicFlow& quic, const Decoded& packet, unsigned side, bool from_client);
  void refuse_of(Flow& flow, unsigned sender);
  [[nodiscard]] static SpinVerdict spin_verdict(const QuicFlow& quic);
  void add_quic(const Flow& flow, FlowReport& report) const;

  // Whether a handshake's answer, by the times, must be the first one.
  [[nodiscard]] static bool is_certain(std::int64_t asked, std::int64_t answered);
  static void syn(Flow& flow, const Decoded& packet, unsigned side);
  void syn_ack(Flow& flow, const Decoded& packet, unsigned side);
  void end_of_handshake(Flow& flow, const Decoded& packet, unsigned side);

  void acknowledge(Flow& flow, const Decoded& packet, unsigned sender);
  void advance(Flow& flow, const Decoded& packet, unsigned sender);
  void forget(Detail& detail);
  void take_causes(Flow& flow, const Decoded& packet, unsigned sender);
  void count_round(Flow& flow, unsigned sender, bool unseen);
  void take_timestamp(Flow& flow, const Decoded& packet, unsigned sender, OutstandingRing& ring);
  void take_sequence(Flow& flow, const Decoded& packet, unsigned sender, OutstandingRing& ring);
  void take_sack(Flow& flow, const Decoded& packet, unsigned sender, OutstandingRing& ring);
  void repeated_ack(Flow& flow, const Decoded& packet, unsigned sender);

  void send(Flow& flow, const Decoded& packet, unsigned side);
  void send_nothing(Flow& flow, const Decoded& packet, unsigned side);
  void send_first(Flow& flow, const Decoded& packet, unsigned side, std::uint32_t end);
  void send_old(Flow& flow, const Decoded& packet, unsigned side, std::uint32_t end);
  void send_new(Flow& flow, const Decoded& packet, unsigned side, std::uint32_t end);
  void track(Flow& flow, const Decoded& packet, unsigned side, std::uint32_t end,
             std::uint32_t flags);
  static void fill_hole(Detail& detail, const Decoded& packet, std::uint32_t end);
  void mark_sent_again(Detail& detail, const Decoded& packet, std::uint32_t end);
  static bool new_tsval(Detail& detail, const Decoded& packet);
  static void doubt(const Side& sender, Detail& detail);

  Detail* detail(Side& side);
  OutstandingRing ring_of(Detail& detail) { return {detail, rings_}; }
  struct Found {
    Method method;
    std::int64_t sent;  // ns since 1970
    bool maybe_delayed;
  };
  void sample(Flow& flow, const Decoded& packet, unsigned sender, const Found& found);
  void refuse(Detail& detail);
  [[nodiscard]] bool wants_sequence(const Decoded& packet) const {
    return options_.sequence_always ||
           (options_.sequence && !(options_.timestamps && packet.has_timestamps));
  }
  [[nodiscard]] SenderReport sender_report(const Flow& flow, unsigned side);

  TcpOptions options_;
  Pool<Detail> details_;
  Pool<ManyOutstanding> rings_;
  Pool<QuicFlow> quic_;
  SeriesPool series_;
  TcpTally tally_;
  RoundTripSink sink_;
  PathNumber path_ = no_path;
};

}  // namespace strait::probe::passive
