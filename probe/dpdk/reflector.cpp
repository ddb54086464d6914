// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/reflector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <thread>

#include "probe/dpdk/eal.hpp"
#include "probe/dpdk/endpoint.hpp"
#include "probe/wake_up.hpp"

namespace strait::probe::dpdk {
namespace {

constexpr auto active_nap = std::chrono::microseconds{20};
constexpr auto idle_nap = std::chrono::milliseconds{1};
constexpr auto active_time = std::chrono::seconds{1};
constexpr auto stall_limit = std::chrono::milliseconds{500};
constexpr auto quality_period = std::chrono::seconds{1};

}  // namespace

struct DpdkReflector::Impl {
  Impl(PortEndpoint endpoint, const TscClock& calibrated, const DpdkReflectorOptions& chosen,
       Poll how)
      : port{std::move(endpoint)},
        clock{calibrated},
        policy{chosen.policy},
        udp_port{chosen.policy.local_port},
        poll{how},
        watch{static_cast<std::uint64_t>(std::chrono::duration<double>(stall_limit).count() *
                                         calibrated.scale().hertz())} {}

  PortEndpoint port;
  TscClock clock;
  Reflector reflector{read_clock_quality()};
  ReflectorPolicy policy;
  std::uint16_t udp_port;
  Poll poll;
  TransmitWatch watch;
  MonoTime quality_due;
  DpdkReflectorCounters counts;

  std::size_t answer(rte_mbuf* frame, const ParsedFrame& parsed, const Instant& received);
  std::size_t answer_stamp(rte_mbuf* frame, const ParsedFrame& parsed, const Instant& received);
  bool take(rte_mbuf* frame, const Instant& received);
  void ignore(std::string_view reason) { ++counts.ignored[std::string{reason}]; }
};

// Returns the length of the reply in `frame`; 0 for none.
std::size_t DpdkReflector::Impl::answer_stamp(rte_mbuf* frame, const ParsedFrame& parsed,
                                              const Instant& received) {
  const Refusal admitted =
      policy.admit({Ipv4{parsed.sender}, parsed.tuple.source_port}, received.mono);
  if (admitted != Refusal::none) {
    ++counts.refused[std::string{to_string(admitted)}];
    return 0;
  }
  std::byte* payload = octets_of(frame).data() + headers_size;
  // A buffer has room for longest_frame whatever it holds now.
  const Reflection reflection =
      reflector.reflect(parsed.payload, {received.wall, clock.now().wall, parsed.hop_limit},
                        {payload, longest_payload});
  if (reflection.refusal != Refusal::none) {
    ++counts.refused[std::string{to_string(reflection.refusal)}];
    return 0;
  }
  ++counts.stamp_replies;
  return turn_around(octets_of(frame).data(), reflection.size);
}

std::size_t DpdkReflector::Impl::answer(rte_mbuf* frame, const ParsedFrame& parsed,
                                        const Instant& received) {
  const bool echo = parsed.kind == FrameKind::icmp_echo_request;
  if (!echo && parsed.kind != FrameKind::udp) {
    ignore(to_string(parsed.kind));
    return 0;
  }
  const auto local = port.local();
  if (std::ranges::find(local, Ipv4{parsed.receiver}) == local.end()) {
    ignore("other-address");
    return 0;
  }
  const std::span<const std::byte> octets = octets_of(frame);
  // IP options would have to be turned around too; nobody sends any to us.
  if (parsed.payload.data() != octets.data() + headers_size ||
      parsed.payload.size() > longest_payload) {
    ignore("ip-options-or-size");
    return 0;
  }
  if (echo) {
    ++counts.echo_replies;
    return turn_around(octets_of(frame).data(), parsed.payload.size());
  }
  if (parsed.tuple.destination_port != udp_port) {
    ignore("other-port");
    return 0;
  }
  return answer_stamp(frame, parsed, received);
}

// True when the frame has become its reply.
bool DpdkReflector::Impl::take(rte_mbuf* frame, const Instant& received) {
  const ParsedFrame parsed = parse_frame(octets_of(frame));
  if (parsed.kind == FrameKind::arp) {
    port.hear_arp(octets_of(frame), received.mono, watch);
    return false;
  }
  const std::size_t length = answer(frame, parsed, received);
  if (length > 0) set_length(frame, length);
  return length > 0;
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
  auto port = DpdkPort::open(*id, device);
  if (!port) return fail(std::move(port));
  PortEndpoint endpoint{std::move(*port), device_name(device)};
  for (const Address& address : reflector.addresses) {
    if (!address.is_v4()) {
      return fail(Errc::unsupported,
                  fmt::format("dpdk reflector at {}: IPv6 is not there yet in the dpdk engine: use "
                              "the socket engine",
                              address.to_string()));
    }
    endpoint.add_local(address.to_v4());
  }
  return std::unique_ptr<DpdkReflector>{new DpdkReflector{
      std::make_unique<Impl>(std::move(endpoint), *clock, reflector, options.poll)}};
}

std::size_t DpdkReflector::step() {
  Impl& impl = *impl_;
  std::array<rte_mbuf*, burst_limit> frames{};
  const auto polled = impl.port.poll(frames);
  impl.clock.refine(polled.tsc);
  const Instant received = impl.clock.scale().at(polled.tsc);
  if (received.mono >= impl.quality_due) {
    impl.reflector.set_clock_quality(read_clock_quality());
    impl.quality_due = received.mono + quality_period;
  }
  std::size_t replies = 0;
  for (rte_mbuf* frame : std::span{frames}.first(polled.count)) {
    if (impl.take(frame, received)) {
      frames[replies++] = frame;
    } else {
      free_frames({&frame, 1});
    }
  }
  if (replies == 0) return polled.count;
  const std::size_t sent = impl.port.transmit(std::span{frames}.first(replies), impl.watch).count;
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
