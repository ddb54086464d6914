// SPDX-License-Identifier: Apache-2.0
// What a channel's error queue holds: transmit stamps, a device's MTU, ICMP errors.
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <cerrno>
#include <chrono>

#include "probe/socket/best_stamp.hpp"
#include "probe/socket/channel.hpp"
#include "probe/socket/tallies.hpp"

namespace strait::probe::kernel {
namespace {

constexpr Nanos clock_slack = std::chrono::microseconds{20};

}  // namespace

void Channel::read_error_queue(ClockBridge& clock, TransportCounters& counters, Notices& notices) {
  if (connector_) return;
  // Bounded, so that a flood of ICMP errors cannot hold up the caller.
  for (int round = 0; round < 16; ++round) {
    const int got = error_batch_.receive(fd(), MSG_ERRQUEUE, 0, error_batch_.size());
    if (got <= 0) return;
    clock.sample();
    for (std::size_t slot = 0; slot < static_cast<std::size_t>(got); ++slot) {
      read_error(slot, clock, counters, notices);
    }
    if (static_cast<std::size_t>(got) < error_batch_.size()) return;
  }
}

void Channel::read_error(std::size_t slot, ClockBridge& clock, TransportCounters& counters,
                         Notices& notices) {
  const IncomingControl control = read_control(error_batch_.header(slot));
  if (!control.error) return;
  const sock_extended_err& error = *control.error;
  if (error.ee_origin == SO_EE_ORIGIN_TIMESTAMPING) {
    read_transmit_stamp(control, clock, counters, notices);
  } else if (error.ee_origin == SO_EE_ORIGIN_LOCAL && error.ee_errno == EMSGSIZE) {
    too_long_for_ = error.ee_info;  // send() says so of the packet
  } else {
    read_icmp_error(slot, control, clock, counters, notices);
  }
}

void Channel::read_transmit_stamp(const IncomingControl& control, const ClockBridge& clock,
                                  TransportCounters& counters, Notices& notices) {
  if (!control.error) return;
  const std::uint32_t number = control.error->ee_data;
  const Outstanding& waiting = outstanding_[number % ring_size];
  const bool known = waiting.count == number && waiting.flow != no_flow &&
                     waiting.life == flows_[waiting.flow].life;
  if (!known) {
    count(counters.ignored, "stamp-of-unknown-packet");
    return;
  }
  const Stamp stamp = best_stamp(control, clock, counters);
  if (stamp.source == StampSource::user) return;  // the clock has just been stepped
  if (stamp.mono + clock_slack < waiting.earliest) {
    // Before it was handed over: then it is another packet's.
    count(counters.errors, "stamp-before-send");
    return;
  }
  Arrival notice;
  notice.kind = Arrival::Kind::transmit_stamp;
  notice.flow = waiting.flow;
  notice.tag = waiting.tag;
  notice.received = stamp;
  notices.arrivals.push_back(notice);
}

void Channel::read_icmp_error(std::size_t slot, const IncomingControl& control,
                              const ClockBridge& clock, TransportCounters& counters,
                              Notices& notices) const {
  if (!control.error) return;
  const sock_extended_err& error = *control.error;
  const std::uint8_t origin = error.ee_origin;
  if (origin != SO_EE_ORIGIN_ICMP && origin != SO_EE_ORIGIN_ICMP6) {
    count(counters.errors, "local-error");
    return;
  }
  Arrival notice;
  PeerKey peer = sender_of(error_batch_, slot);
  const bool ours = quotes_ours(error_batch_.payload(slot), notice, peer);
  if (ours) notice.flow = by_peer_.find(peer);
  if (notice.flow == no_flow) {
    count(counters.ignored, "foreign-icmp-error");
    return;
  }
  if (notices.is_full()) {
    count(counters.ignored, "too-many-icmp-errors");
    return;
  }
  notice.kind = Arrival::Kind::icmp_error;
  notice.payload = notices.keep(error_batch_.payload(slot), key_.kind);
  notice.received = best_stamp(control, clock, counters);
  notice.icmp_type = error.ee_type;
  notice.icmp_code = error.ee_code;
  // ip(7): of "fragmentation needed" and "packet too big" the MTU.
  const bool too_big = origin == SO_EE_ORIGIN_ICMP6 ? error.ee_type == ICMP6_PACKET_TOO_BIG
                                                    : error.ee_type == ICMP_DEST_UNREACH &&
                                                          error.ee_code == ICMP_FRAG_NEEDED;
  if (too_big) notice.icmp_mtu = error.ee_info;
  if (control.offender) notice.source.address = *control.offender;
  ++counters.received;
  notices.arrivals.push_back(notice);
}

}  // namespace strait::probe::kernel
