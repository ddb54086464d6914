// SPDX-License-Identifier: Apache-2.0
#include "probe/sample.hpp"

#include <chrono>

namespace strait::probe {
namespace {

using std::chrono::abs;

void note(Sample& sample, ErrorKind kind) { sample.problems.set(static_cast<std::size_t>(kind)); }

// Such stamps are read from CLOCK_REALTIME or a NIC, so a step of the wall clock is inside them.
bool on_wall_clock(const Stamp& stamp) {
  return stamp.source == StampSource::kernel || stamp.source == StampSource::hardware;
}

// The two clocks are slewed alike, but a TSC is not: 500 ppm is the most that adjtimex slews.
bool stepped(const Stamp& sent, const Stamp& received, Nanos limit) {
  const Nanos mono = received.mono - sent.mono;
  const Nanos wall = received.wall - sent.wall;
  return abs(wall - mono) > limit + abs(mono) / 2000;
}

struct RemoteTimes {
  WallTime received;  // T2
  WallTime sent;      // T3
};

std::optional<RemoteTimes> remote_times(const StampReply& reply, WireTime wire_time, WallTime near,
                                        Sample& sample) {
  const TimestampFormat format = decode_error_estimate(reply.error_estimate).format;
  WireTime t3 = reply.timestamp;
  if (t3 == wire_time && reply.sender_timestamp != wire_time) {
    note(sample, ErrorKind::swapped_timestamps);
    t3 = reply.sender_timestamp;
  }
  const auto received = decode_time(reply.receive_timestamp, format, near);
  const auto sent = decode_time(t3, format, near);
  if (!received || !sent) {
    note(sample, ErrorKind::bad_timestamp);
    return std::nullopt;
  }
  return RemoteTimes{*received, *sent};
}

ClockState clock_state(const ErrorEstimate& theirs, const ClockLimits& limits) {
  if (limits.own.leap_second) return ClockState::leap_second;
  if (!limits.own.synchronised) return ClockState::own_unsynchronised;
  if (limits.own.max_error > limits.error_limit) return ClockState::own_inexact;
  if (theirs.corrupt() || !theirs.synchronised) return ClockState::far_unsynchronised;
  if (theirs.error() > limits.error_limit) return ClockState::far_inexact;
  return ClockState::usable;
}

void measure_one_way(const Stamp& sent, const Stamp& received, const RemoteTimes& remote,
                     Sample& sample) {
  const Nanos forward = remote.received - sent.wall;
  const Nanos reverse = received.wall - remote.sent;
  if (forward < -sample.clock_error || reverse < -sample.clock_error) {
    note(sample, ErrorKind::impossible_one_way);
    return;
  }
  sample.forward = forward;
  sample.reverse = reverse;
}

}  // namespace

Sample measure(const Stamp& sent, WireTime wire_time, const Stamp& received,
               const StampReply* reply, const ClockLimits& limits) {
  Sample sample;
  const Nanos elapsed = received.mono - sent.mono;
  const bool step = stepped(sent, received, limits.step_limit);
  if (step || elapsed < Nanos{0}) {
    note(sample, ErrorKind::clock_step);
    if (elapsed < Nanos{0} || on_wall_clock(sent) || on_wall_clock(received)) return sample;
  }
  sample.rtt = elapsed;
  if (reply == nullptr) return sample;

  if (decode_error_estimate(reply->error_estimate).corrupt()) {
    note(sample, ErrorKind::corrupt_error_estimate);
  }
  const auto remote = remote_times(*reply, wire_time, received.wall, sample);
  if (!remote) return sample;
  const Nanos residence = remote->sent - remote->received;
  if (residence < Nanos{0} || residence > elapsed) {
    note(sample, ErrorKind::bad_residence);
    return sample;
  }
  sample.rtt = elapsed - residence;
  if (step) return sample;
  const ErrorEstimate theirs = decode_error_estimate(reply->error_estimate);
  sample.raw_forward = remote->received.time_since_epoch() - sent.mono.time_since_epoch();
  sample.raw_reverse = received.mono.time_since_epoch() - remote->sent.time_since_epoch();
  sample.clock = clock_state(theirs, limits);
  if (sample.clock == ClockState::leap_second) note(sample, ErrorKind::leap_second);
  if (sample.clock != ClockState::usable) return sample;
  sample.clock_error = theirs.error() + limits.own.max_error;
  measure_one_way(sent, received, *remote, sample);
  return sample;
}

}  // namespace strait::probe
