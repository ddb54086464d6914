// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "probe/dpdk/transport_impl.hpp"

namespace strait::probe::dpdk {
namespace {

constexpr Nanos upkeep_period = std::chrono::milliseconds{1};
constexpr Nanos revive_period = std::chrono::milliseconds{200};

}  // namespace

Station::Emit DpdkTransport::Impl::emitter(PortIndex port) {
  return [this, port](std::span<const std::byte> frame) {
    const auto& queue = ports[port].queue;
    const bool went =
        queue && ports[port].device->state() == Device::State::up && queue->send(frame, watch);
    if (!went) ++problems[no_buffer];
    return went;
  };
}

// Devices that any thread has started: each must be polled by all, and its stations are minded by
// the first.
void DpdkTransport::Impl::adopt_devices() {
  for (std::size_t i = ports.size(); i < shared->device_count(); ++i) {
    Device& device = shared->device(i);
    Port port{.device = &device, .queue = {}, .generation = device.generation(), .given_up = false};
    if (number < device.queues()) {
      port.queue = std::make_unique<PortQueue>(device.port(), static_cast<std::uint16_t>(number));
    }
    ports.push_back(std::move(port));
  }
}

void DpdkTransport::Impl::mind_device(Port& port) {
  Device& device = *port.device;
  if (number >= device.queues()) return;
  if (device.state() == Device::State::gone && !port.given_up) {
    port.queue.reset();
    port.given_up = true;
    device.release(number);
  }
  if (port.given_up && number == 0) shared->revive(device);
  if (port.given_up && device.generation() != port.generation) {
    port.queue = std::make_unique<PortQueue>(device.port(), static_cast<std::uint16_t>(number));
    port.generation = device.generation();
    port.given_up = false;
  }
}

// Takes over what has become known of next hops and of conflicts about addresses.
void DpdkTransport::Impl::update_station(StationIndex index) {
  Joined& joined = stations[index];
  const std::uint64_t version = joined.station->version();
  if (version == joined.version) return;
  joined.version = version;
  for (const NeighborId neighbor : joined.neighbors) {
    if (const auto mac = joined.station->mac(neighbor)) flows.set_neighbor(index, neighbor, *mac);
  }
  for (const auto& local : flows.locals()) {
    if (local.station != index) continue;
    flows.set_blocked(index, local.address, joined.station->in_conflict(local.address));
  }
}

void DpdkTransport::Impl::hear(PortIndex port, std::span<const std::byte> frame,
                               const ParsedFrame& parsed, MonoTime now) {
  const Device& device = *ports[port].device;
  Station* const station = device.find_station(parsed.link.vlan);
  if (station == nullptr) {
    ++other_vlan;
    return;
  }
  const Station::Heard heard = station->hear(frame, parsed, now, emitter(port));
  if (heard.malformed) ++(parsed.kind == FrameKind::arp ? malformed_arp : malformed_neighbor);
  if (heard.conflict) {
    shared->say(
        fmt::format("{}: {} is also claimed by {}: nothing is sent from it while that lasts",
                    device.name(), heard.local.address().to_string(), to_string(*heard.conflict)));
  }
  if (heard.change == NeighborTable::Change::moved) {
    ++problems[moved];
    shared->say(fmt::format("{}: next hop {} has moved to {}", device.name(),
                            heard.neighbor.address().to_string(), to_string(load_mac(frame, 6))));
  }
  update_stations();
}

void DpdkTransport::Impl::update_stations() {
  for (std::size_t i = 0; i < stations.size(); ++i) update_station(static_cast<StationIndex>(i));
}

// Asks, answers and announces for all threads.
void DpdkTransport::Impl::mind_stations(MonoTime now) {
  for (std::size_t i = 0; i < ports.size(); ++i) {
    for (Station* const station : ports[i].device->stations()) {
      if (now >= station->next_due()) station->run(now, emitter(static_cast<PortIndex>(i)));
    }
  }
}

void DpdkTransport::Impl::upkeep(MonoTime now) {
  upkeep_due = now + upkeep_period;
  adopt_devices();
  if (number == 0) mind_stations(now);
  bool gone = false;
  for (Port& port : ports) {
    mind_device(port);
    gone = gone || port.given_up;
    if (port.queue) port.queue->refine(polled_at, clock.scale());
  }
  update_stations();
  if (gone) upkeep_due = now + revive_period;  // opening a device takes a while
}

}  // namespace strait::probe::dpdk
