// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <deque>
#include <unordered_map>
#include <vector>

#include "probe/icmp_packet.hpp"
#include "probe/prober.hpp"
#include "probe/sample.hpp"
#include "probe/session.hpp"
#include "probe/sketch_queue.hpp"
#include "probe/timer_wheel.hpp"

namespace strait::probe {

// The prober's parts, in the order of step(): arrivals.cpp receives and judges, rejected.cpp
// what the network says, departures.cpp sends, time_outs.cpp decides what nobody answered,
// prober_windows.cpp opens and closes windows, prober.cpp adds and removes sessions. Nothing here
// is called from outside this folder.
class Prober::Impl {
 public:
  Impl(Transport& transport, ProberOptions options);

  Result<SessionId> add(const SessionSpec& spec);
  void remove(SessionId id);
  void stop();
  void step();
  [[nodiscard]] MonoTime next_wakeup() const;
  [[nodiscard]] std::size_t active() const { return active_; }
  [[nodiscard]] std::size_t outstanding() const { return outstanding_; }
  std::vector<Window> take_closed() { return std::exchange(closed_, {}); }
  [[nodiscard]] std::vector<Window> open_windows() const;
  [[nodiscard]] const StrayCounts& strays() const { return strays_; }
  [[nodiscard]] std::vector<SessionRejections> rejections() const;
  std::vector<Window> finish();

 private:
  struct Reply {
    std::uint32_t sequence = 0;
    bool stamped = false;  // `wire` holds a STAMP reply
    bool reordered = false;
    std::uint8_t hop_limit = 0;
    std::uint8_t dscp_ecn = 0;
    StampReply wire;
    Stamp received;
  };
  // A probe of the burst that is being sent.
  struct Outgoing {
    std::uint32_t session = 0;
    std::uint32_t sequence = 0;
    std::uint64_t missed = 0;  // slots after it that passed meanwhile
    SlotPlan before;           // with its own slot still to come
  };
  // A reply that came before the transmit stamp of its probe.
  struct Pending {
    std::uint32_t session;
    MonoTime deadline;
    Reply reply;
  };
  // One window, of all sessions.
  struct Epoch {
    std::uint32_t number;
    WallTime start;
    Nanos length;  // to the next multiple of the window; shorter for the first one
    MonoTime end;  // MonoTime::max() while it is the current one
  };

  // prober.cpp
  [[nodiscard]] std::uint32_t place(Session&& session, SessionRecord&& record);
  void stop_sending(Session& session);
  void refresh_clock_quality(MonoTime now);

  // arrivals.cpp
  void receive_all();
  void take(std::span<const Arrival> burst);
  void prefetch(std::span<const Arrival> burst) const;
  void take_stamp(const Arrival& arrival);
  void take_datagram(const Arrival& arrival);
  [[nodiscard]] std::uint32_t session_at(FlowId flow) const;
  [[nodiscard]] std::optional<ErrorKind> read_echo(const Session& session, const Arrival& arrival,
                                                   Reply& reply) const;
  [[nodiscard]] static std::optional<ErrorKind> read_stamp(const Session& session,
                                                           const Arrival& arrival, Reply& reply);
  void judge(std::uint32_t index, Reply& reply);
  void complete(std::uint32_t index, Probe& probe, const Reply& reply);
  // Records a sample whose timestamps are certain enough.
  void keep(const Sample& sample, Tally& tally, StampSource source, Nanos uncertainty);
  // Records how its round trip differs from those of the probes sent just before and after it.
  void compare_neighbours(std::uint32_t index, const Probe& probe, Tally& tally);
  // Completes the replies whose transmit stamp did not come in time with the user-space stamp.
  void settle_pending(MonoTime now, bool all);

  // rejected.cpp
  void take_icmp_error(const Arrival& arrival);
  [[nodiscard]] const Probe* quoted_probe(std::uint32_t index, const Arrival& arrival);

  // departures.cpp
  void send_due();
  void prefetch_due() const;
  std::size_t build(Instant now);
  void build_one(std::uint32_t index, Instant now, std::size_t place);
  void write_payload(const Session& session, const Probe& probe, Instant now,
                     std::span<std::byte> payload) const;
  bool transmit(std::size_t count, Instant now);
  void record_slot(const Outgoing& outgoing, const Departure& departure);
  void record_sent(const Outgoing& outgoing, const Departure& departure, Tally& tally);
  void end_turn(std::uint32_t index, MonoTime now, bool all_taken);
  void miss_slot(std::uint32_t index, ErrorKind why, MonoTime now);

  // time_outs.cpp
  void requeue(std::uint32_t index, MonoTime now);
  void expire(std::uint32_t index, MonoTime now);
  void lose(std::uint32_t index, Probe& probe);
  void note_idle(Session& session);

  // prober_windows.cpp
  void advance_epoch(Instant now);
  [[nodiscard]] Tally& current_tally(std::uint32_t index) {
    Tally* const current = sessions_[index].current;
    const bool open = current != nullptr && current->epoch == epoch_;
    return open ? *current : new_tally(index);
  }
  [[nodiscard]] Tally& new_tally(std::uint32_t index);
  [[nodiscard]] Tally& tally_of(std::uint32_t index, const Probe& probe) {
    Tally* const current = sessions_[index].current;
    const bool its = current != nullptr && probe.belongs_to(current->epoch);
    return its ? *current : older_tally(index, probe);
  }
  [[nodiscard]] Tally& older_tally(std::uint32_t index, const Probe& probe);
  void close_some(MonoTime now);
  [[nodiscard]] MonoTime closing_time() const;
  void close(std::uint32_t index, std::uint32_t epoch, MonoTime now);
  void release(std::uint32_t index);
  void report(const Outcome& outcome) const {
    if (options_.on_outcome) options_.on_outcome(outcome);
  }
  [[nodiscard]] Outcome outcome(std::uint32_t index, const Probe& probe, Fate fate) const;

  static constexpr std::uint32_t nobody = 0xffffffff;

  Transport& transport_;
  ProberOptions options_;
  std::size_t burst_;
  CookieKey cookie_key_;
  std::uint64_t random_;

  std::vector<Session> sessions_;
  std::vector<SessionRecord> records_;  // same index
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> by_flow_;  // FlowId to index
  std::unordered_map<std::uint32_t, std::uint32_t> by_id_;
  std::uint32_t next_id_ = 1;
  std::size_t active_ = 0;
  std::size_t outstanding_ = 0;
  Nanos longest_timeout_{};
  Nanos lateness_ = Nanos::max();  // that every session so far tolerates

  TimerWheel wheel_;
  std::vector<std::uint32_t> due_;
  std::vector<std::byte> payloads_;  // burst_ times stride_
  std::size_t stride_ = 0;
  std::vector<Departure> departures_;
  std::vector<Outgoing> outgoing_;      // by departure
  std::array<WireTime, 2> wire_now_{};  // of the burst that is being built, by TimestampFormat
  std::vector<Arrival> arrivals_;
  std::vector<Pending> pending_;
  SketchQueue samples_;  // empty outside of step()
  bool drained_ = true;  // everything that had arrived when this step began has been judged
  MonoTime step_began_;

  std::deque<Epoch> epochs_;  // the last one is the current one
  std::uint32_t epoch_ = 0;   // number of the current one
  std::size_t close_cursor_ = 0;
  std::vector<Window> closed_;
  StrayCounts strays_;
  ClockLimits limits_;
  std::array<std::uint16_t, 2> error_estimate_{};  // ours, by TimestampFormat
  MonoTime clock_checked_ = MonoTime::min();
};

}  // namespace strait::probe
