// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "core/result.hpp"
#include "probe/dpdk/device.hpp"
#include "probe/dpdk/eal.hpp"
#include "probe/dpdk/options.hpp"
#include "probe/dpdk/transmit_watch.hpp"
#include "probe/dpdk/tsc_clock.hpp"

struct rte_mbuf;

namespace strait::probe::dpdk {

// When and where a frame was received. Travels with the frame when it is handed to the thread it is
// for.
struct ReceiveTime {
  std::uint64_t tsc = 0;  // when the poll returned, or the hardware's own stamp
  std::uint32_t gap = 0;  // how many ticks earlier it may have been, or more
  std::uint16_t port = 0;
  bool hardware = false;
};
static_assert(sizeof(ReceiveTime) == 16);

// What the polling threads of one engine have in common: the devices, and a lane from each to each
// other for frames that came in by the wrong queue. No lock on the way of a packet.
class DpdkShared {
 public:
  // Called from several threads, with a sentence for the log: "transmit stalled", a next hop that
  // moved or was lost.
  using OnEvent = std::function<void(const std::string&)>;

  // Starts the EAL, calibrates the clock (some 250 ms) and looks at all devices of the options.
  [[nodiscard]] static Result<std::shared_ptr<DpdkShared>> open(const DpdkOptions& options,
                                                                OnEvent on_event);
  DpdkShared(const DpdkShared&) = delete;
  DpdkShared& operator=(const DpdkShared&) = delete;
  DpdkShared(DpdkShared&&) = delete;
  DpdkShared& operator=(DpdkShared&&) = delete;
  ~DpdkShared();

  [[nodiscard]] const DpdkOptions& options() const { return options_; }
  [[nodiscard]] unsigned threads() const { return threads_; }
  [[nodiscard]] const TscClock& clock() const { return clock_; }  // a copy for each thread
  void say(const std::string& event) const {
    if (on_event_) on_event_(event);
  }

  // The device that a pin names (empty: the only one), started with its first flow. Index into
  // device().
  [[nodiscard]] Result<std::size_t> device_for(const std::string& wanted);
  [[nodiscard]] std::size_t device_count() const {
    return device_count_.load(std::memory_order_acquire);
  }
  [[nodiscard]] Device& device(std::size_t index) const { return *devices_[index]; }
  // Of a device that has gone: opens it again if it has come back. By one thread.
  bool revive(Device& device);

  // Lanes. hand_over() takes the frame, or returns false when the lane is full.
  [[nodiscard]] bool hand_over(unsigned from, unsigned to, rte_mbuf* frame,
                               const ReceiveTime& time);
  [[nodiscard]] std::size_t take(unsigned to, std::span<rte_mbuf*> frames);
  [[nodiscard]] ReceiveTime time_of(const rte_mbuf* frame) const;

  [[nodiscard]] TransmitWatch& watch(unsigned thread) { return *watches_[thread]; }

 private:
  struct Lanes;
  static constexpr std::size_t most_devices = 256;

  DpdkShared(DpdkOptions options, Eal& eal, const TscClock& clock, OnEvent on_event);
  Result<void> make_lanes();
  Result<DpdkPort> open_port(const std::string& device);
  void look_after(const std::stop_token& stop);

  DpdkOptions options_;
  Eal& eal_;
  TscClock clock_;
  OnEvent on_event_;
  unsigned threads_;
  std::mutex opening_;
  std::vector<std::unique_ptr<Device>> devices_;  // never moved: reserved in full
  std::atomic<std::size_t> device_count_{0};
  std::unique_ptr<Lanes> lanes_;
  std::vector<std::unique_ptr<TransmitWatch>> watches_;

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread caretaker_;  // last: it uses what is above
};

}  // namespace strait::probe::dpdk
