// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "probe/dpdk/transport_impl.hpp"

namespace strait::probe::dpdk {

bool DpdkTransport::Impl::refuse(Departure& departure) {
  const auto because = [this](Problem problem) {
    ++problems[problem];
    return true;
  };
  if (!flows.is_open(departure.flow)) return because(closed_flow);
  const auto& flow = flows.flow(departure.flow);
  departure.too_long = departure.payload.size() > flow.max_payload;
  if (departure.too_long) {
    departure.device_mtu = static_cast<std::uint32_t>(shared->options().mtu);
    return because(too_long);
  }
  const Port& port = ports[flow.port];
  const auto state = port.device->state();
  if (state == Device::State::down) return because(link_down);
  if (state == Device::State::gone || !port.queue) return because(device_gone);
  if (!flow.resolved) return because(unresolved);
  return flow.blocked ? because(conflict) : false;
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
      if (!ports[port].queue->allocate(frames.first(std::min(frames.size(), burst.size())))) {
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
  const auto [took, before, after] =
      ports[run.port].queue->transmit(frames.first(run.frames), watch);
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

std::size_t DpdkTransport::send(std::span<Departure> burst) {
  std::size_t done = 0;
  impl_->device_full = false;
  if (burst.size() > 2) {
    for (const Departure& departure : burst) impl_->flows.prefetch(departure.flow);
  }
  while (done < burst.size() && !impl_->device_full) {
    done += impl_->send_run(burst.subspan(done, std::min(burst.size() - done, burst_limit)));
  }
  return done;
}

}  // namespace strait::probe::dpdk
