// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/reflector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <thread>

#include "probe/dpdk/eal.hpp"
#include "probe/dpdk/frame.hpp"
#include "probe/dpdk/parse.hpp"
#include "probe/dpdk/port_queue.hpp"
#include "probe/dpdk/station.hpp"
#include "probe/octets.hpp"
#include "probe/own_clock.hpp"
#include "probe/wake_up.hpp"

namespace strait::probe::dpdk {
namespace {

constexpr auto active_nap = std::chrono::microseconds{20};
constexpr auto idle_nap = std::chrono::milliseconds{1};
constexpr auto active_time = std::chrono::seconds{1};
constexpr auto stall_limit = std::chrono::milliseconds{500};
constexpr auto quality_period = std::chrono::seconds{1};

MacAddress source_mac(std::span<const std::byte> frame) {
  MacAddress mac;
  std::memcpy(mac.octets.data(), frame.data() + mac.octets.size(), mac.octets.size());
  return mac;
}

// In the header of an IP packet whose checksums are still to be made.
void set_traffic_class(std::span<std::byte> packet, bool v6, std::uint8_t value) {
  if (!v6) {
    store(packet, 1, value);
    return;
  }
  const std::uint32_t rest = load<std::uint32_t>(packet, 0) & ~(std::uint32_t{0xff} << 20U);
  store(packet, 0, rest | std::uint32_t{value} << 20U);
}

Vlan vlan_of(const std::vector<std::uint16_t>& ids) {
  if (ids.empty()) return {};
  return {ids.front(), ids.size() > 1 ? ids.back() : std::uint16_t{0}};
}

bool turn(rte_mbuf* frame, const ParsedFrame& parsed, std::size_t size) {
  set_octets(frame, turn_around(room_of(frame), parsed, size));
  return true;
}

}  // namespace

struct DpdkReflector::Impl {
  Impl(DpdkPort opened, const TscClock& calibrated, const DpdkReflectorOptions& chosen, Poll how)
      : port{std::move(opened)},
        queue{port, 0},
        station{port.mac(), vlan_of(chosen.vlans), false},
        clock{calibrated},
        own_clock{chosen.mode.own_clock_error},
        reflector{own_clock.read(), chosen.mode},
        policy{chosen.policy},
        udp_port{chosen.policy.local_port},
        poll{how},
        watch{static_cast<std::uint64_t>(std::chrono::duration<double>(stall_limit).count() *
                                         calibrated.scale().hertz())} {
    for (const Address& address : chosen.addresses) {
      local.emplace_back(address);
      station.add_local(local.back());
    }
  }

  DpdkPort port;
  PortQueue queue;
  Station station;
  std::vector<WireAddress> local;
  TscClock clock;
  OwnClock own_clock;
  Reflector reflector;
  ReflectorPolicy policy;
  std::uint16_t udp_port;
  Poll poll;
  TransmitWatch watch;
  MonoTime quality_due;
  DpdkReflectorCounters counts;

  bool answer(rte_mbuf* frame, const ParsedFrame& parsed, const Instant& received);
  bool answer_stamp(rte_mbuf* frame, const ParsedFrame& parsed, const Instant& received);
  bool take(rte_mbuf* frame, const Instant& received);
  void ignore(std::string_view reason) { ++counts.ignored[std::string{reason}]; }
  [[nodiscard]] Station::Emit emitter() {
    return [this](std::span<const std::byte> frame) { return queue.send(frame, watch); };
  }
};

bool DpdkReflector::Impl::answer_stamp(rte_mbuf* frame, const ParsedFrame& parsed,
                                       const Instant& received) {
  const Endpoint source{parsed.sender.address(), parsed.tuple.source_port};
  const Refusal admitted = policy.admit(source, received.mono, parsed.payload.size());
  if (admitted != Refusal::none) {
    ++counts.refused[std::string{to_string(admitted)}];
    return false;
  }
  const auto room = room_of(frame);
  const auto payload = room.subspan(static_cast<std::size_t>(parsed.payload.data() - room.data()));
  RequestFacts facts;
  if (reflector.wants_facts(parsed.payload.size())) {
    facts = {.source = source,
             .destination = {parsed.receiver.address(), parsed.tuple.destination_port},
             .source_mac = source_mac(room),
             .dscp_ecn = parsed.dscp_ecn,
             .now = received.mono,
             .stranger = policy.stranger(source.address)};
  }
  const Reflection reflection = reflector.reflect(
      parsed.payload, {received.wall, clock.now().wall, parsed.hop_limit}, payload, facts);
  if (reflection.refusal != Refusal::none) {
    ++counts.refused[std::string{to_string(reflection.refusal)}];
    return false;
  }
  ++counts.stamp_replies;
  if (reflection.dscp) {
    set_traffic_class(room.subspan(parsed.link.size), parsed.v6,
                      static_cast<std::uint8_t>(*reflection.dscp << 2U));
  }
  return turn(frame, parsed, reflection.size);
}

bool DpdkReflector::Impl::answer(rte_mbuf* frame, const ParsedFrame& parsed,
                                 const Instant& received) {
  const bool echo = parsed.kind == FrameKind::icmp_echo_request;
  if (!echo && parsed.kind != FrameKind::udp) {
    ignore(to_string(parsed.kind));
    return false;
  }
  if (parsed.link.vlan != station.vlan()) {
    ignore("other-vlan");
    return false;
  }
  if (std::ranges::find(local, parsed.receiver) == local.end()) {
    ignore("other-address");
    return false;
  }
  // Options and extension headers would have to be turned around too; nobody sends any to us.
  const std::size_t headers = parsed.link.size + packet_headers(parsed.v6);
  if (parsed.payload.data() != octets_of(frame).data() + headers) {
    ignore("ip-options");
    return false;
  }
  if (echo) {
    ++counts.echo_replies;
    return turn(frame, parsed, parsed.payload.size());
  }
  if (parsed.tuple.destination_port != udp_port) {
    ignore("other-port");
    return false;
  }
  return answer_stamp(frame, parsed, received);
}

// True when the frame has become its reply.
bool DpdkReflector::Impl::take(rte_mbuf* frame, const Instant& received) {
  const ParsedFrame parsed = parse_frame(octets_of(frame));
  const bool question = parsed.kind == FrameKind::arp || parsed.kind == FrameKind::neighbor;
  if (!question) return answer(frame, parsed, received);
  if (parsed.link.vlan == station.vlan()) {
    station.hear(octets_of(frame), parsed, received.mono, emitter());
  } else {
    ignore("other-vlan");
  }
  return false;
}

DpdkReflector::DpdkReflector(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
DpdkReflector::~DpdkReflector() = default;

Result<std::unique_ptr<DpdkReflector>> DpdkReflector::open(const DpdkOptions& options,
                                                           const DpdkReflectorOptions& reflector) {
  if (reflector.device.empty() && options.devices.size() != 1) {
    return fail(Errc::bad_input,
                "dpdk reflector without a device: name one, such as "
                "\"net_af_packet0,iface=eth0\"");
  }
  if (reflector.addresses.empty()) {
    return fail(Errc::bad_input, "dpdk reflector without an address to answer for");
  }
  const auto eal = Eal::ensure(options);
  if (!eal) return tl::make_unexpected(eal.error());
  const std::string& device = reflector.device.empty() ? options.devices.front() : reflector.device;
  const auto id = (*eal)->attach(device);
  if (!id) return tl::make_unexpected(id.error());
  const auto clock = TscClock::calibrate();
  if (!clock) return tl::make_unexpected(clock.error());
  auto port = DpdkPort::open(*id, device, {.queues = 1, .mtu = options.mtu});
  if (!port) return fail(std::move(port));
  return std::unique_ptr<DpdkReflector>{
      new DpdkReflector{std::make_unique<Impl>(std::move(*port), *clock, reflector, options.poll)}};
}

std::size_t DpdkReflector::step() {
  Impl& impl = *impl_;
  std::array<rte_mbuf*, burst_limit> frames{};
  const auto polled = impl.queue.poll(frames);
  impl.clock.refine(polled.tsc);
  const Instant received = impl.clock.scale().at(polled.tsc);
  if (received.mono >= impl.quality_due) {
    impl.reflector.set_clock_quality(impl.own_clock.read());
    impl.quality_due = received.mono + quality_period;
  }
  if (received.mono >= impl.station.next_due()) impl.station.run(received.mono, impl.emitter());
  std::size_t replies = 0;
  for (rte_mbuf* frame : std::span{frames}.first(polled.count)) {
    if (impl.take(frame, received)) {
      frames[replies++] = frame;
    } else {
      free_frames({&frame, 1});
    }
  }
  if (replies == 0) return polled.count;
  const std::size_t sent = impl.queue.transmit(std::span{frames}.first(replies), impl.watch).count;
  if (sent < replies) impl.counts.refused["device-queue-full"] += replies - sent;
  return polled.count;
}

void DpdkReflector::run(const std::stop_token& stop) {
  Eal::register_thread();
  sharpen_wake_ups();
  MonoTime last = impl_->clock.now().mono;
  while (!stop.stop_requested()) {
    const bool something = step() > 0;
    if (impl_->poll == Poll::busy) continue;
    const MonoTime now = impl_->clock.now().mono;
    if (something) {
      last = now;
      continue;
    }
    std::this_thread::sleep_for(now < last + active_time ? Nanos{active_nap} : Nanos{idle_nap});
  }
}

DpdkReflectorCounters DpdkReflector::counters() const { return impl_->counts; }

}  // namespace strait::probe::dpdk
