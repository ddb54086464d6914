// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "probe/dpdk/transport_impl.hpp"
#include "probe/octets.hpp"
#include "probe/tcp_packet.hpp"

namespace strait::probe::dpdk {
namespace {

constexpr int most_polls = 64;  // of each port in one receive(): a flood must not starve sending

std::uint32_t short_gap(std::uint64_t ticks) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(ticks, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

void DpdkTransport::Impl::free_held() {
  if (held_count > 0) free_frames(std::span{held}.first(held_count));
  held_count = 0;
}

Stamp DpdkTransport::Impl::stamp_at(const ReceiveTime& time, const Device& device) const {
  const Instant instant = clock.scale().at(time.tsc);
  Nanos uncertainty = clock.scale().length(time.gap) + clock.scale().error();
  if (instant.mono < device.suspect_until()) uncertainty += std::chrono::seconds{1};
  return {instant.mono, instant.wall, time.hardware ? StampSource::hardware : StampSource::tsc,
          uncertainty};
}

std::optional<StationIndex> DpdkTransport::Impl::station_at(PortIndex port, const Vlan& vlan) {
  const auto is_it = [&](const Joined& joined) {
    return joined.port == port && joined.station->vlan() == vlan;
  };
  if (last_station < stations.size() && is_it(stations[last_station])) return last_station;
  const auto found = std::ranges::find_if(stations, is_it);
  if (found == stations.end()) return std::nullopt;
  last_station = static_cast<StationIndex>(found - stations.begin());
  return last_station;
}

// True for an answer to a SYN. Whoever acknowledges anything of a connection that we do not have is
// told so, as any host would (RFC 9293 §3.10.7.1: <SEQ=SEG.ACK><CTL=RST>), and at once: nothing
// stays half open at the far end.
bool DpdkTransport::Impl::take_segment(const ParsedFrame& parsed, FlowId flow) {
  if ((parsed.tcp_flags & tcp_flag_rst) == 0) {
    std::array<std::byte, 128> frame{};
    const std::size_t size = flows.frame(flow).write_segment(
        frame.data(), load<std::uint32_t>(parsed.payload, 0), tcp_flag_rst);
    static_cast<void>(emitter(flows.flow(flow).port)(std::span{frame}.first(size)));
  }
  const bool answer = TcpSegment{.flags = parsed.tcp_flags}.answers_syn();
  if (!answer) ++ignored[static_cast<std::size_t>(FrameKind::other_tcp)];
  return answer;
}

DpdkTransport::Impl::Taken DpdkTransport::Impl::accept_packet(PortIndex port,
                                                              const ParsedFrame& parsed,
                                                              Arrival& arrival) {
  const bool error = parsed.kind == FrameKind::icmp_error;
  const auto station = station_at(port, parsed.link.vlan);
  if (!station) {
    ++other_vlan;
    return Taken::no;
  }
  arrival.flow =
      error ? flows.find_request(*station, parsed.tuple) : flows.find_reply(*station, parsed.tuple);
  if (arrival.flow == no_flow) {
    ++(flows.is_local(*station, parsed.receiver) ? no_flow_count : not_ours);
    return Taken::no;
  }
  if (parsed.kind == FrameKind::tcp && !take_segment(parsed, arrival.flow)) return Taken::no;
  arrival.kind = error ? Arrival::Kind::icmp_error : Arrival::Kind::datagram;
  arrival.tag = parsed.sequence;
  arrival.payload = parsed.payload;
  const bool has_port = parsed.kind == FrameKind::udp || parsed.kind == FrameKind::tcp;
  arrival.source = {parsed.sender.address(),
                    has_port ? parsed.tuple.source_port : std::uint16_t{0}};
  arrival.hop_limit = parsed.hop_limit;
  arrival.dscp_ecn = parsed.dscp_ecn;
  arrival.icmp_type = parsed.icmp_type;
  arrival.icmp_code = parsed.icmp_code;
  arrival.icmp_mtu = parsed.icmp_mtu;
  return Taken::held;
}

// To the thread whose port it is for. False when that is this one, or cannot be done.
bool DpdkTransport::Impl::pass_on(std::uint16_t local_port, rte_mbuf* frame,
                                  const ReceiveTime& time) {
  const unsigned owner = local_port % shared->threads();
  if (shared->hand_over(number, owner, frame, time)) return true;
  ++problems[lane_full];
  return false;
}

DpdkTransport::Impl::Taken DpdkTransport::Impl::accept(PortIndex port, rte_mbuf* frame,
                                                       const ReceiveTime& time, Arrival& arrival) {
  const auto octets = octets_of(frame);
  const ParsedFrame parsed = parse_frame(octets);
  switch (parsed.kind) {
    case FrameKind::arp:
    case FrameKind::neighbor:
      hear(port, octets, parsed, clock.scale().at(time.tsc).mono);
      return Taken::no;
    case FrameKind::udp:
    case FrameKind::tcp:
    case FrameKind::icmp_echo_reply:
    case FrameKind::icmp_error:
      break;
    default:
      ++ignored[static_cast<std::size_t>(parsed.kind)];
      return Taken::no;
  }
  const std::uint16_t local_port = parsed.kind == FrameKind::icmp_error
                                       ? parsed.tuple.source_port
                                       : parsed.tuple.destination_port;
  if (!flows.share().has(local_port)) {
    return pass_on(local_port, frame, time) ? Taken::passed_on : Taken::no;
  }
  arrival.received = stamp_at(time, *ports[port].device);
  return accept_packet(port, parsed, arrival);
}

std::size_t DpdkTransport::Impl::take_all(PortIndex port, std::span<rte_mbuf*> frames,
                                          const ReceiveTime& time, std::span<Arrival> burst) {
  std::size_t arrivals = 0;
  for (rte_mbuf* frame : frames) {
    ReceiveTime its = time;
    if (const auto hardware = ports[port].queue->stamp_of(frame, time.tsc)) {
      its = {hardware->tsc, short_gap(hardware->error), port, true};
    }
    switch (accept(port, frame, its, burst[arrivals])) {
      case Taken::held:
        held[held_count++] = frame;
        ++arrivals;
        break;
      case Taken::no:
        free_frames({&frame, 1});
        break;
      case Taken::passed_on:
        break;
    }
  }
  return arrivals;
}

std::size_t DpdkTransport::Impl::poll_port(PortIndex port, std::span<Arrival> burst) {
  Port& its = ports[port];
  if (!its.queue) return 0;
  const std::size_t room = std::min(burst.size(), burst_limit - held_count);
  std::size_t arrivals = 0;
  for (int poll = 0; poll < most_polls && arrivals == 0; ++poll) {
    const auto polled = its.queue->poll(std::span{collected}.first(room));
    polled_at = polled.tsc;
    if (polled.count == 0) return 0;
    const auto frames = std::span{collected}.first(polled.count);
    for (const rte_mbuf* frame : frames) prefetch_octets(frame);
    arrivals = take_all(port, frames, {polled.tsc, short_gap(polled.gap), port, false}, burst);
    if (arrivals > 0) largest_gap = std::max(largest_gap, polled.gap);
    more_waiting = more_waiting || polled.count == room;
    if (polled.count < room) break;
  }
  return arrivals;
}

// What came in by other threads' queues.
std::size_t DpdkTransport::Impl::poll_lanes(std::span<Arrival> burst) {
  if (shared->threads() == 1) return 0;
  std::array<rte_mbuf*, burst_limit> frames{};
  const std::size_t room = std::min(burst.size(), burst_limit - held_count);
  const std::size_t count = shared->take(number, std::span{frames}.first(room));
  std::size_t arrivals = 0;
  for (rte_mbuf* frame : std::span{frames}.first(count)) {
    const ReceiveTime time = shared->time_of(frame);
    const bool known = time.port < ports.size();
    if (known && accept(time.port, frame, time, burst[arrivals]) == Taken::held) {
      held[held_count++] = frame;
      ++arrivals;
    } else {
      free_frames({&frame, 1});
    }
  }
  return arrivals;
}

std::size_t DpdkTransport::receive(std::span<Arrival> burst) {
  Impl& impl = *impl_;
  impl.adopt_thread();
  impl.free_held();
  impl.more_waiting = false;
  impl.polled_at = 0;  // while all devices are gone nothing sets it, and time goes on
  std::size_t arrivals = impl.poll_lanes(burst);
  const std::size_t count = impl.ports.size();
  for (std::size_t i = 0; i < count && arrivals < burst.size() && impl.held_count < burst_limit;
       ++i) {
    const std::size_t port = (impl.next_port + i) % count;
    arrivals += impl.poll_port(static_cast<PortIndex>(port), burst.subspan(arrivals));
  }
  if (count > 0) impl.next_port = (impl.next_port + 1) % count;
  impl.received += arrivals;
  if (impl.polled_at == 0) impl.polled_at = TscClock::ticks();
  const MonoTime now = impl.clock.scale().at(impl.polled_at).mono;
  if (arrivals > 0) impl.plan.arrived(arrivals, now);
  impl.clock.refine(impl.polled_at);
  if (now >= impl.upkeep_due) impl.upkeep(now);
  return arrivals;
}

}  // namespace strait::probe::dpdk
