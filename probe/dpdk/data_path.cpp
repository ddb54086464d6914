// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "probe/dpdk/transport_impl.hpp"

namespace strait::probe::dpdk {
namespace {

Address from_host_order(std::uint32_t address) { return Ipv4{address}; }

}  // namespace

bool DpdkTransport::Impl::refuse(const Departure& departure) {
  if (!flows.is_open(departure.flow)) {
    ++problems[closed_flow];
    return true;
  }
  const auto& flow = flows.flow(departure.flow);
  if (departure.payload.size() > flow.max_payload) {
    ++problems[too_long];
    return true;
  }
  if (!flow.ready) ++problems[unresolved];
  return !flow.ready;
}

// Writes the frames of the first departures that leave by the same port.
DpdkTransport::Impl::Run DpdkTransport::Impl::stage(std::span<Departure> burst,
                                                    std::span<rte_mbuf*> frames) {
  Run run;
  for (Departure& departure : burst) {
    departure.refused = refuse(departure);
    if (departure.refused) {
      ++run.examined;
      continue;
    }
    const PortIndex port = flows.flow(departure.flow).port;
    if (run.frames == 0) {
      run.port = port;
      if (!ports[port]->allocate(frames.first(std::min(frames.size(), burst.size())))) {
        ++problems[no_buffer];
        device_full = true;
        return run;
      }
    } else if (port != run.port || run.frames == frames.size()) {
      break;
    }
    rte_mbuf* frame = frames[run.frames++];
    set_length(frame, flows.frame(departure.flow)
                          .write(octets_of(frame).data(), departure.payload,
                                 static_cast<std::uint16_t>(departure.tag)));
    ++run.examined;
  }
  return run;
}

// Returns how many departures of the burst are done with.
std::size_t DpdkTransport::Impl::send_run(std::span<Departure> burst) {
  const std::span<rte_mbuf*> frames{staged};
  const Run run = stage(burst, frames);
  if (run.frames == 0) return run.examined;
  const std::size_t allocated = std::min(frames.size(), burst.size());
  if (allocated > run.frames) {
    free_frames(frames.subspan(run.frames, allocated - run.frames));
  }
  const auto [took, before, after] = ports[run.port]->transmit(frames.first(run.frames), watch);
  const Instant instant = clock.scale().at(before);
  // Of several frames the last one left up to that much later than the first.
  const Nanos spread = run.frames > 1 ? clock.scale().length(after - before) : Nanos{0};
  const Stamp stamp{instant.mono, instant.wall, StampSource::tsc, spread};
  sent += took;
  if (took > 0) plan.sent(instant.mono);
  device_full = took < run.frames;
  if (device_full) ++problems[queue_full];

  std::size_t left = took;
  for (std::size_t i = 0; i < run.examined; ++i) {
    if (burst[i].refused) continue;
    if (left == 0) {
      for (Departure& untouched : burst.subspan(i)) untouched.refused = false;
      return i;
    }
    burst[i].sent = stamp;
    --left;
  }
  return run.examined;
}

void DpdkTransport::Impl::free_held() {
  if (held_count > 0) free_frames(std::span{held}.first(held_count));
  held_count = 0;
}

void DpdkTransport::Impl::housekeep(MonoTime now) {
  for (const auto& port : ports) {
    if (now >= port->neighbors().next_due()) {
      problems[no_buffer] += port->ask_neighbors(now, watch);
    }
  }
}

void DpdkTransport::Impl::hear(const NeighborTable::Learned& learned, PortIndex port) {
  if (learned.change == NeighborTable::Change::none) return;
  const NeighborTable& neighbors = ports[port]->neighbors();
  const MacAddress mac = neighbors.mac(learned.neighbor).value_or(MacAddress{});
  flows.set_neighbor(port, learned.neighbor, mac);
  if (learned.change != NeighborTable::Change::moved) return;
  ++problems[moved];
  say(fmt::format("dpdk: {}: next hop {} is now at {}", ports[port]->name(),
                  neighbors.address(learned.neighbor).to_string(), to_string(mac)));
}

bool DpdkTransport::Impl::accept_packet(PortIndex port, const ParsedFrame& parsed,
                                        Arrival& arrival) {
  const bool error = parsed.kind == FrameKind::icmp_error;
  if (!error && parsed.kind != FrameKind::udp && parsed.kind != FrameKind::icmp_echo_reply) {
    ++ignored[static_cast<std::size_t>(parsed.kind)];
    return false;
  }
  arrival.flow =
      error ? flows.find_request(port, parsed.tuple) : flows.find_reply(port, parsed.tuple);
  if (arrival.flow == no_flow) {
    const auto local = ports[port]->local();
    const bool ours = std::ranges::find(local, Ipv4{parsed.receiver}) != local.end();
    ++(ours ? no_flow_count : not_ours);
    return false;
  }
  arrival.kind = error ? Arrival::Kind::icmp_error : Arrival::Kind::datagram;
  arrival.tag = parsed.sequence;
  arrival.payload = parsed.payload;
  arrival.source = {from_host_order(parsed.sender),
                    parsed.kind == FrameKind::udp ? parsed.tuple.source_port : std::uint16_t{0}};
  arrival.hop_limit = parsed.hop_limit;
  arrival.dscp_ecn = parsed.dscp_ecn;
  arrival.icmp_type = parsed.icmp_type;
  arrival.icmp_code = parsed.icmp_code;
  return true;
}

bool DpdkTransport::Impl::accept(PortIndex port, rte_mbuf* frame, const Stamp& stamp,
                                 Arrival& arrival) {
  const auto octets = octets_of(frame);
  const ParsedFrame parsed = parse_frame(octets);
  if (parsed.kind == FrameKind::arp) {
    if (const auto learned = ports[port]->hear_arp(octets, stamp.mono, watch)) {
      hear(*learned, port);
    }
    return false;
  }
  arrival.received = stamp;
  return accept_packet(port, parsed, arrival);
}

std::size_t DpdkTransport::Impl::poll_port(PortIndex port, std::span<Arrival> burst) {
  const std::size_t room = std::min(burst.size(), burst_limit - held_count);
  const auto polled = ports[port]->poll(std::span{collected}.first(room));
  polled_at = polled.tsc;
  if (polled.count == 0) return 0;
  const auto frames = std::span{collected}.first(polled.count);
  for (const rte_mbuf* frame : frames) prefetch_octets(frame);
  const Instant instant = clock.scale().at(polled.tsc);
  const Stamp stamp{instant.mono, instant.wall, StampSource::tsc, clock.scale().length(polled.gap)};
  std::size_t arrivals = 0;
  for (rte_mbuf* frame : frames) {
    if (accept(port, frame, stamp, burst[arrivals])) {
      held[held_count++] = frame;
      ++arrivals;
    } else {
      free_frames({&frame, 1});
    }
  }
  more_waiting = more_waiting || polled.count == room;
  received += arrivals;
  if (arrivals > 0) largest_gap = std::max(largest_gap, polled.gap);
  return arrivals;
}

}  // namespace strait::probe::dpdk
