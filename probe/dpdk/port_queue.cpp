// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/port_queue.hpp"

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "probe/dpdk/hand_over.hpp"

namespace strait::probe::dpdk {
namespace {

constexpr int clock_tries = 10;

// The tightest of some readings of the device's counter, each between two looks at the TSC.
std::optional<DeviceClock::Reading> read_counter(std::uint16_t port) {
  DeviceClock::Reading best;
  for (int i = 0; i < clock_tries; ++i) {
    std::uint64_t counter = 0;
    const std::uint64_t before = TscClock::ticks();
    if (rte_eth_read_clock(port, &counter) != 0) return std::nullopt;
    const std::uint64_t bracket = TscClock::ticks() - before;
    if (best.bracket != 0 && bracket >= best.bracket) continue;
    best = {before + bracket / 2, counter, bracket};
  }
  return best;
}

}  // namespace

PortQueue::PortQueue(const DpdkPort& port, std::uint16_t queue)
    : port_{port.id()}, queue_{queue}, pool_{port.pool(queue)}, timestamps_{port.timestamps()} {}

bool PortQueue::allocate(std::span<rte_mbuf*> frames) const {
  // What rte_pktmbuf_alloc_bulk() does, so that take_frames() can stand between its two halves.
  const auto count = static_cast<unsigned>(frames.size());
  if (rte_mempool_get_bulk(pool_, reinterpret_cast<void**>(frames.data()), count) != 0) {
    return false;
  }
  take_frames(frames);
  for (rte_mbuf* const frame : frames) rte_pktmbuf_reset(frame);
  return true;
}

PortQueue::Transmitted PortQueue::transmit(std::span<rte_mbuf*> frames,
                                           TransmitWatch& watch) const {
  Transmitted sent;
  sent.before = TscClock::ticks();
  give_frames(frames);
  watch.enter(sent.before);
  sent.count =
      rte_eth_tx_burst(port_, queue_, frames.data(), static_cast<std::uint16_t>(frames.size()));
  sent.after = TscClock::ticks();
  watch.leave(sent.after, sent.count > 0);
  if (sent.count < frames.size()) free_frames(frames.subspan(sent.count));
  return sent;
}

bool PortQueue::send(std::span<const std::byte> frame, TransmitWatch& watch) const {
  std::array<rte_mbuf*, 1> buffer{};
  if (!allocate(buffer)) return false;
  std::memcpy(octets_of(buffer[0]).data(), frame.data(), frame.size());
  set_length(buffer[0], frame.size());
  return transmit(buffer, watch).count == 1;
}

PortQueue::Polled PortQueue::poll(std::span<rte_mbuf*> frames) {
  Polled polled;
  polled.count =
      rte_eth_rx_burst(port_, queue_, frames.data(), static_cast<std::uint16_t>(frames.size()));
  polled.tsc = TscClock::ticks();
  take_frames(frames.first(polled.count));
  polled.gap = last_poll_ == 0 ? 0 : polled.tsc - last_poll_;
  last_poll_ = polled.tsc;
  return polled;
}

void PortQueue::refine(std::uint64_t tsc, const TscScale& scale) {
  if (!timestamps_ || tsc < read_next_) return;
  second_ = static_cast<std::uint64_t>(scale.hertz());
  const auto reading = read_counter(port_);
  if (!reading) {
    timestamps_.reset();  // stamps of a clock that cannot be read are worth nothing
    return;
  }
  if (clock_) {
    clock_->adjust(*reading, second_ / 1000);
  } else {
    clock_.emplace(*reading);
  }
  // The second reading comes soon, so that stamps can be used.
  read_next_ = tsc + (clock_->to_tsc(reading->counter) ? second_ : second_ / 10);
}

std::optional<PortQueue::HardwareTime> PortQueue::stamp_of(const rte_mbuf* frame,
                                                           std::uint64_t polled) const {
  if (!clock_ || !timestamps_ || (frame->ol_flags & timestamps_->flag) == 0) return std::nullopt;
  const auto tsc =
      clock_->to_tsc(*RTE_MBUF_DYNFIELD(frame, timestamps_->offset, const rte_mbuf_timestamp_t*));
  if (!tsc || *tsc > polled + clock_->error() || *tsc + second_ < polled) {
    return std::nullopt;
  }
  return HardwareTime{std::min(*tsc, polled), clock_->error()};
}

std::span<std::byte> octets_of(rte_mbuf* frame) {
  return {rte_pktmbuf_mtod(frame, std::byte*), frame->data_len};
}

std::span<std::byte> room_of(rte_mbuf* frame) {
  return {rte_pktmbuf_mtod(frame, std::byte*),
          static_cast<std::size_t>(frame->buf_len - frame->data_off)};
}

void set_length(rte_mbuf* frame, std::size_t length) {
  frame->data_len = static_cast<std::uint16_t>(length);
  frame->pkt_len = static_cast<std::uint32_t>(length);
}

void set_octets(rte_mbuf* frame, std::span<const std::byte> part) {
  const auto before = part.data() - rte_pktmbuf_mtod(frame, std::byte*);
  frame->data_off = static_cast<std::uint16_t>(frame->data_off + before);
  set_length(frame, part.size());
}

void prefetch_octets(const rte_mbuf* frame) { rte_prefetch0(rte_pktmbuf_mtod(frame, const void*)); }

void free_frames(std::span<rte_mbuf*> frames) {
  give_frames(frames);
  rte_pktmbuf_free_bulk(frames.data(), static_cast<unsigned>(frames.size()));
}

}  // namespace strait::probe::dpdk
