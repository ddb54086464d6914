// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/clock.hpp"
#include "probe/dpdk/device_clock.hpp"
#include "probe/dpdk/port.hpp"
#include "probe/dpdk/transmit_watch.hpp"
#include "probe/dpdk/tsc_clock.hpp"

struct rte_mbuf;

namespace strait::probe::dpdk {

inline constexpr std::size_t burst_limit = 32;

// One thread's queue of a port.
class PortQueue {
 public:
  PortQueue(const DpdkPort& port, std::uint16_t queue);

  // Buffers for `count` frames, all or none.
  [[nodiscard]] bool allocate(std::span<rte_mbuf*> frames) const;
  struct Transmitted {
    std::size_t count = 0;
    std::uint64_t before = 0;  // TSC
    std::uint64_t after = 0;
  };
  // Sends a prefix; the rest is freed.
  Transmitted transmit(std::span<rte_mbuf*> frames, TransmitWatch& watch) const;
  // A copy of `frame`, now.
  [[nodiscard]] bool send(std::span<const std::byte> frame, TransmitWatch& watch) const;

  struct Polled {
    std::size_t count = 0;
    std::uint64_t tsc = 0;  // when the poll returned
    std::uint64_t gap = 0;  // since the poll before
  };
  // One poll of the device. The frames are the caller's to free.
  Polled poll(std::span<rte_mbuf*> frames);

  // Reads the clock of a NIC that stamps what it receives, about once a second.
  void refine(std::uint64_t tsc, const TscScale& scale);
  struct HardwareTime {
    std::uint64_t tsc = 0;
    std::uint64_t error = 0;
  };
  // The hardware's stamp of a received frame, if it has one that can be true: before the poll that
  // found it, and not a second before.
  [[nodiscard]] std::optional<HardwareTime> stamp_of(const rte_mbuf* frame,
                                                     std::uint64_t polled) const;
  [[nodiscard]] std::uint64_t clock_steps() const { return clock_ ? clock_->steps() : 0; }

 private:
  std::uint16_t port_;
  std::uint16_t queue_;
  struct rte_mempool* pool_;
  std::optional<TimestampField> timestamps_;
  std::optional<DeviceClock> clock_;
  std::uint64_t second_ = 0;  // in ticks
  std::uint64_t read_next_ = 0;
  std::uint64_t last_poll_ = 0;
};

[[nodiscard]] std::span<std::byte> octets_of(rte_mbuf* frame);
// The frame's octets up to the end of its buffer.
[[nodiscard]] std::span<std::byte> room_of(rte_mbuf* frame);
void set_length(rte_mbuf* frame, std::size_t length);
// Makes `part`, which is in the frame's buffer, all of the frame.
void set_octets(rte_mbuf* frame, std::span<const std::byte> part);
void prefetch_octets(const rte_mbuf* frame);
void free_frames(std::span<rte_mbuf*> frames);

}  // namespace strait::probe::dpdk
