// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/shared.hpp"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_ring.h>

#include <chrono>
#include <cstring>

namespace strait::probe::dpdk {
namespace {

using std::chrono::milliseconds;

constexpr auto stall_limit = milliseconds{500};
constexpr auto care_period = milliseconds{100};
constexpr unsigned lane_entries = 4096;

struct RingDeleter {
  void operator()(rte_ring* ring) const noexcept { rte_ring_free(ring); }
};

}  // namespace

struct DpdkShared::Lanes {
  std::vector<std::unique_ptr<rte_ring, RingDeleter>> rings;  // from * threads + to
  int time_offset = -1;                                       // of the ReceiveTime in a frame
};

DpdkShared::DpdkShared(DpdkOptions options, Eal& eal, const TscClock& clock, OnEvent on_event)
    : options_{std::move(options)},
      eal_{eal},
      clock_{clock},
      on_event_{std::move(on_event)},
      threads_{static_cast<unsigned>(options_.threads())} {
  devices_.reserve(most_devices);
  const auto limit = static_cast<std::uint64_t>(std::chrono::duration<double>(stall_limit).count() *
                                                clock_.scale().hertz());
  for (unsigned i = 0; i < threads_; ++i) {
    watches_.push_back(std::make_unique<TransmitWatch>(limit));
  }
  caretaker_ = std::jthread{[this](const std::stop_token& stop) { look_after(stop); }};
}

DpdkShared::~DpdkShared() {
  caretaker_ = {};
  if (!lanes_) return;
  std::array<rte_mbuf*, 32> left{};
  for (unsigned to = 0; to < threads_; ++to) {
    while (const std::size_t count = take(to, left)) {
      rte_pktmbuf_free_bulk(left.data(), static_cast<unsigned>(count));
    }
  }
}

Result<std::shared_ptr<DpdkShared>> DpdkShared::open(const DpdkOptions& options, OnEvent on_event) {
  const auto eal = Eal::ensure(options);
  if (!eal) return tl::make_unexpected(eal.error());
  for (const std::string& device : options.devices) {
    if (auto port = (*eal)->attach(device); !port) return fail(std::move(port));
  }
  const auto clock = TscClock::calibrate();
  if (!clock) return tl::make_unexpected(clock.error());
  std::shared_ptr<DpdkShared> shared{new DpdkShared{options, **eal, *clock, std::move(on_event)}};
  if (shared->threads_ > 1) {
    if (auto made = shared->make_lanes(); !made) return tl::make_unexpected(made.error());
  }
  return shared;
}

Result<void> DpdkShared::make_lanes() {
  static std::atomic<unsigned> number{0};
  auto lanes = std::make_unique<Lanes>();
  constexpr rte_mbuf_dynfield field{"strait_receive_time", sizeof(ReceiveTime),
                                    alignof(ReceiveTime), 0};
  lanes->time_offset = rte_mbuf_dynfield_register(&field);
  if (lanes->time_offset < 0) {
    return fail(Errc::io, fmt::format("dpdk: no room in the packet buffers for a time: {}",
                                      rte_strerror(rte_errno)));
  }
  for (unsigned i = 0; i < threads_ * threads_; ++i) {
    const auto name = fmt::format("strait_lane_{}", number++);
    lanes->rings.emplace_back(
        rte_ring_create(name.c_str(), lane_entries, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ));
    if (!lanes->rings.back()) {
      return fail(Errc::io, fmt::format("dpdk: no memory for a ring between polling threads: {}; "
                                        "raise memory_mb in [dpdk]",
                                        rte_strerror(rte_errno)));
    }
  }
  lanes_ = std::move(lanes);
  return {};
}

bool DpdkShared::hand_over(unsigned from, unsigned to, rte_mbuf* frame, const ReceiveTime& time) {
  *RTE_MBUF_DYNFIELD(frame, lanes_->time_offset, ReceiveTime*) = time;
  return rte_ring_enqueue(lanes_->rings[from * threads_ + to].get(), frame) == 0;
}

std::size_t DpdkShared::take(unsigned to, std::span<rte_mbuf*> frames) {
  std::size_t count = 0;
  if (!lanes_) return 0;
  for (unsigned from = 0; from < threads_ && count < frames.size(); ++from) {
    if (from == to) continue;
    count += rte_ring_dequeue_burst(lanes_->rings[from * threads_ + to].get(),
                                    reinterpret_cast<void**>(frames.data() + count),
                                    static_cast<unsigned>(frames.size() - count), nullptr);
  }
  return count;
}

ReceiveTime DpdkShared::time_of(const rte_mbuf* frame) const {
  return *RTE_MBUF_DYNFIELD(frame, lanes_->time_offset, const ReceiveTime*);
}

Result<DpdkPort> DpdkShared::open_port(const std::string& device) {
  const auto id = eal_.attach(device);
  if (!id) return tl::make_unexpected(id.error());
  return DpdkPort::open(*id, device,
                        {.queues = static_cast<std::uint16_t>(threads_), .mtu = options_.mtu});
}

Result<std::size_t> DpdkShared::device_for(const std::string& wanted) {
  if (wanted.empty() && options_.devices.size() != 1) {
    return fail(Errc::bad_input,
                "dpdk flow without a device: name one, such as "
                "\"net_af_packet0,iface=eth0\"");
  }
  const std::lock_guard lock{opening_};
  std::string device = wanted.empty() ? options_.devices.front() : wanted;
  const std::string name = device_name(device);
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    if (devices_[i]->name() == name) return i;
  }
  if (devices_.size() == most_devices) {
    return fail(Errc::unsupported, fmt::format("dpdk: more than {} devices", most_devices));
  }
  for (const std::string& known : options_.devices) {
    if (device_name(known) == name) device = known;
  }
  auto port = open_port(device);
  if (!port) return fail(std::move(port));
  devices_.push_back(std::make_unique<Device>(std::move(*port), device));
  device_count_.store(devices_.size(), std::memory_order_release);
  return devices_.size() - 1;
}

bool DpdkShared::revive(Device& device) {
  if (!device.all_released()) return false;
  if (device.has_port()) {
    device.close_port();
    eal_.detach(device.argument());
  }
  auto port = open_port(device.argument());
  if (!port) return false;
  device.replace_port(std::move(*port));
  say(fmt::format("{}: the device is back", device.name()));
  return true;
}

// What a polling thread cannot do, because it may be the one that is stuck, or should not, because
// it takes system calls.
void DpdkShared::look_after(const std::stop_token& stop) {
  std::unique_lock lock{mutex_};
  TscClock clock = clock_;
  while (!stop.stop_requested()) {
    wake_.wait_for(lock, stop, care_period, [] { return false; });
    for (const auto& watch : watches_) {
      if (watch->check(TscClock::ticks())) {
        say("transmit stalled: the device has taken no packet for half a second");
      }
    }
    clock.refine(TscClock::ticks());
    const MonoTime now = clock.now().mono;
    for (std::size_t i = 0; i < device_count(); ++i) {
      if (!device(i).check(now)) continue;
      say(fmt::format("{}: the link is {}", device(i).name(), to_string(device(i).state())));
    }
  }
}

}  // namespace strait::probe::dpdk
