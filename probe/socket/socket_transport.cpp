// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/socket_transport.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "probe/socket/channel.hpp"
#include "probe/socket/fd.hpp"
#include "probe/socket/flow_table.hpp"
#include "probe/socket/message_batch.hpp"
#include "probe/socket/stamping.hpp"
#include "probe/socket/watch.hpp"
#include "probe/wake_up.hpp"

namespace strait::probe {
namespace {

using kernel::Channel;
using kernel::SocketKey;

// What a jumbo frame can carry, with room for the IPv4 header of a raw socket.
constexpr std::size_t largest_payload = 9000;
constexpr std::size_t slot_octets = 9216;
constexpr std::size_t largest_test = slot_octets - 20 - 8;  // of an MTU: less the headers
constexpr std::size_t most_foreign = 1024;
constexpr std::uint8_t longest_short_range = 16;

Result<SocketKey> key_of(const FlowSpec& spec) {
  const Address& to = spec.destination.address;
  if (to.is_unspecified() || to.is_multicast())
    return fail(Errc::bad_input, fmt::format("target {}: want a unicast address", to.to_string()));
  if (spec.kind != FlowKind::icmp_echo && spec.destination.port == 0)
    return fail(Errc::bad_input, fmt::format("target {}: {} needs a port", to.to_string(),
                                             spec.kind == FlowKind::udp ? "UDP" : "TCP"));
  const std::size_t largest = spec.tests_mtu ? largest_test : largest_payload;
  if (spec.max_payload > largest) {
    return fail(Errc::bad_input, fmt::format("target {}: payload of {} octets, want at most {}",
                                             to.to_string(), spec.max_payload, largest));
  }
  if (spec.dscp > 63) return fail(Errc::bad_input, fmt::format("DSCP {}: want 0 to 63", spec.dscp));
  if (spec.hop_limit == 0) return fail(Errc::bad_input, "hop limit 0: want 1 to 255");
  if (!spec.pin.vlans.empty() || !spec.pin.labels.empty() || spec.pin.next_hop_mac) {
    return fail(Errc::unsupported,
                "VLAN tags, MPLS labels and MAC addresses: sockets cannot write them; name a VLAN "
                "interface as "
                "the device, or use the dpdk engine");
  }
  if (spec.flow_label) {
    return fail(Errc::unsupported, "flow label: the kernel chooses it; use the dpdk engine");
  }
  if (const auto& next_hop = spec.pin.next_hop(to.is_v6())) {
    return fail(Errc::unsupported,
                fmt::format("next hop {}: sockets cannot choose one; pin the path by device, mark "
                            "or source address, or use the dpdk engine",
                            next_hop->to_string()));
  }
  return SocketKey{.kind = spec.kind,
                   .v6 = to.is_v6(),
                   .device = spec.pin.device,
                   .mark = spec.pin.mark,
                   .source = to.is_v6() ? spec.pin.source_v6 : spec.pin.source_v4,
                   .short_range = spec.hop_limit <= longest_short_range,
                   .tests_mtu = spec.tests_mtu};
}

constexpr Nanos longest_hold = std::chrono::milliseconds{20};
constexpr Nanos breather = std::chrono::microseconds{200};

Result<void> enter_realtime() {
  const sched_param lowest{.sched_priority = ::sched_get_priority_min(SCHED_FIFO)};
  if (::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &lowest) == 0) return {};
  return fail(errno == EPERM ? Errc::no_permission : Errc::io,
              fmt::format("real-time priority: {}; needs root, or: setcap cap_sys_nice+ep "
                          "\"$(command -v strait)\"",
                          std::strerror(errno)));
}

void leave_realtime() {
  const sched_param normal{};
  (void)::sched_setscheduler(0, SCHED_OTHER, &normal);
}

}  // namespace

class SocketTransport::Impl {
 public:
  Impl(const SocketOptions& options, kernel::Watch watch)
      : options_{options},
        watch_{std::move(watch)},
        stamping_{kernel::keep_stamping_on()},
        clock_bridge_{clock_},
        batch_{options.burst, slot_octets} {}

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  Impl(Impl&&) = delete;
  Impl& operator=(Impl&&) = delete;
  ~Impl() {
    if (options_.realtime) leave_realtime();
  }

  [[nodiscard]] const SystemClock& clock() const { return clock_; }
  [[nodiscard]] const SocketOptions& options() const { return options_; }

  Result<FlowId> open_flow(const FlowSpec& spec);
  void close_flow(FlowId flow);
  std::size_t send(std::span<Departure> burst);
  std::size_t receive(std::span<Arrival> burst);
  void wait(MonoTime until);
  TransportCounters counters();
  [[nodiscard]] std::uint16_t local_port(FlowId flow) const;

 private:
  Result<Channel*> channel_for(const SocketKey& key, const FlowSpec& spec);
  Result<Channel*> open_channel(const SocketKey& key, const FlowSpec& spec);
  void poll(Nanos timeout);
  [[nodiscard]] bool look();
  void let_others_run();

  SocketOptions options_;
  SystemClock clock_;
  kernel::Watch watch_;
  kernel::Fd stamping_;
  kernel::ClockBridge clock_bridge_;
  kernel::MessageBatch batch_;
  kernel::FlowTable flows_;
  std::vector<std::unique_ptr<Channel>> channels_;
  std::vector<Channel*> ready_;  // may have something to receive
  bool looked_ = false;  // at every socket, in the calls to receive() since wait() or send()
  kernel::Notices notices_;
  TransportCounters counters_;
  MonoTime slept_;                  // when wait() last gave the processor away
  std::uint64_t closed_drops_ = 0;  // of sockets that are gone
};

Result<Channel*> SocketTransport::Impl::open_channel(const SocketKey& key, const FlowSpec& spec) {
  const kernel::SocketSettings settings{.receive_buffer = options_.receive_buffer,
                                        .transmit_stamps = options_.transmit_stamps,
                                        .raw_icmp = options_.raw_icmp,
                                        .connect_tcp = options_.connect_tcp,
                                        .dscp = spec.dscp,
                                        .hop_limit = spec.hop_limit};
  auto opened = Channel::open(key, spec.source_port, settings, flows_);
  if (!opened) return fail(std::move(opened));
  Channel* const channel = opened->get();
  if (auto watched = watch_.add(*channel); !watched) return fail(std::move(watched));
  channels_.push_back(std::move(*opened));
  return channel;
}

Result<Channel*> SocketTransport::Impl::channel_for(const SocketKey& key, const FlowSpec& spec) {
  for (const auto& channel : channels_) {
    if (channel->key() != key) continue;
    const bool same_port = channel->local_port() == spec.source_port;
    if (spec.source_port != 0 && !same_port) continue;
    if (channel->has_room_for(spec.destination)) return channel.get();
    if (same_port) {
      return fail(Errc::bad_input, fmt::format("target {} from port {}: another flow has that "
                                               "five-tuple",
                                               to_string(spec.destination), spec.source_port));
    }
  }
  return open_channel(key, spec);
}

Result<FlowId> SocketTransport::Impl::open_flow(const FlowSpec& spec) {
  const auto key = key_of(spec);
  if (!key) return tl::make_unexpected(key.error());
  auto channel = channel_for(*key, spec);
  if (!channel) {
    return fail(channel.error().code,
                fmt::format("target {}: {}", spec.destination.address.to_string(),
                            channel.error().message));
  }
  return (*channel)->add(spec);
}

void SocketTransport::Impl::close_flow(FlowId flow) {
  if (!flows_.is_open(flow)) return;
  Channel* const channel = flows_[flow].channel;
  channel->remove(flow);
  notices_.forget(flow);
  if (!channel->empty()) return;
  closed_drops_ += kernel::receive_drops(channel->fd());
  std::erase(ready_, channel);
  watch_.remove(*channel);
  std::erase_if(channels_, [&](const auto& owned) { return owned.get() == channel; });
}

std::size_t SocketTransport::Impl::send(std::span<Departure> burst) {
  looked_ = false;
  std::size_t sent = 0;
  while (sent < burst.size()) {
    Channel* const channel = flows_[burst[sent].flow].channel;
    std::size_t end = sent + 1;
    while (end < burst.size() && flows_[burst[end].flow].channel == channel) ++end;
    const std::size_t taken =
        channel->send(burst.subspan(sent, end - sent), clock_bridge_, counters_, notices_);
    sent += taken;
    if (sent < end) break;
  }
  return sent;
}

void SocketTransport::Impl::poll(Nanos timeout) {
  for (const auto& [channel, has_errors] : watch_.wait(timeout)) {
    if (has_errors) channel->read_error_queue(clock_bridge_, counters_, notices_);
    if (std::ranges::find(ready_, channel) == ready_.end()) ready_.push_back(channel);
  }
}

// False where there is no use in it.
bool SocketTransport::Impl::look() {
  // The last call emptied all that it found: looking again so soon would cost as much as a packet.
  if (ready_.empty() && notices_.arrivals.empty() && std::exchange(looked_, false)) return false;
  if (ready_.empty()) {
    poll(Nanos::zero());
    looked_ = !ready_.empty();
  } else if (ready_.size() == channels_.size()) {
    looked_ = true;
  }
  return true;
}

std::size_t SocketTransport::Impl::receive(std::span<Arrival> burst) {
  if (!look()) return 0;
  std::size_t filled = notices_.take(burst);
  // Bounded, so that a flood of foreign packets cannot hold up the caller.
  for (std::size_t slot = 0, foreign = 0; filled < burst.size() && !ready_.empty();) {
    const auto got =
        ready_.back()->receive(burst.subspan(filled), batch_, slot, clock_bridge_, counters_);
    filled += got.arrivals;
    if (got.slots > got.arrivals) foreign += got.slots - got.arrivals;
    slot += got.slots;
    if (got.drained) ready_.pop_back();
    if (filled == 0 && foreign < most_foreign) slot = 0;  // nothing refers to the slots yet
    if (slot == batch_.size()) break;
  }
  if (filled == 0) looked_ = false;
  return filled;
}

// A real-time thread that always has something to do would starve everything else on its core.
void SocketTransport::Impl::let_others_run() {
  if (!options_.realtime || clock_.now().mono - slept_ < longest_hold) return;
  std::this_thread::sleep_for(breather);
  slept_ = clock_.now().mono;
}

void SocketTransport::Impl::wait(MonoTime until) {
  looked_ = false;
  sharpen_wake_ups();
  let_others_run();
  if (options_.coalesce > Nanos::zero()) {
    std::this_thread::sleep_for(options_.coalesce);
    slept_ = clock_.now().mono;
    poll(Nanos::zero());
  }
  if (!notices_.arrivals.empty() || !ready_.empty()) return;
  const Nanos left = until - clock_.now().mono;
  if (left > options_.spin) {
    poll(left - options_.spin);
    if (ready_.empty()) slept_ = clock_.now().mono;
  }
  if (!notices_.arrivals.empty() || !ready_.empty()) return;
  while (options_.spin > Nanos::zero() && clock_.now().mono < until) {
  }
}

TransportCounters SocketTransport::Impl::counters() {
  std::uint64_t drops = closed_drops_;
  for (const auto& channel : channels_) drops += kernel::receive_drops(channel->fd());
  if (drops > 0) counters_.errors["receive-overflow"] = drops;
  if (clock_bridge_.steps() > 0) counters_.errors["clock-step"] = clock_bridge_.steps();
  return counters_;
}

std::uint16_t SocketTransport::Impl::local_port(FlowId flow) const {
  return flows_[flow].channel->local_port();
}

Result<std::unique_ptr<SocketTransport>> SocketTransport::open(const SocketOptions& options) {
  if (options.burst == 0) return fail(Errc::bad_input, "burst of 0 packets: want at least 1");
  auto watch = kernel::Watch::open();
  if (!watch) return fail(std::move(watch));
  if (options.realtime) {
    if (auto raised = enter_realtime(); !raised) return fail(std::move(raised));
  }
  return std::unique_ptr<SocketTransport>{
      new SocketTransport{std::make_unique<Impl>(options, std::move(*watch))}};
}

SocketTransport::SocketTransport(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
SocketTransport::~SocketTransport() = default;

Instant SocketTransport::now() const { return impl_->clock().now(); }
Result<FlowId> SocketTransport::open_flow(const FlowSpec& spec) { return impl_->open_flow(spec); }
void SocketTransport::close_flow(FlowId flow) { impl_->close_flow(flow); }
std::size_t SocketTransport::send(std::span<Departure> burst) { return impl_->send(burst); }
std::size_t SocketTransport::receive(std::span<Arrival> burst) { return impl_->receive(burst); }
void SocketTransport::wait(MonoTime until) { impl_->wait(until); }
std::size_t SocketTransport::burst_size() const { return impl_->options().burst; }
TransportCounters SocketTransport::counters() { return impl_->counters(); }
std::uint16_t SocketTransport::local_port(FlowId flow) const { return impl_->local_port(flow); }

}  // namespace strait::probe
