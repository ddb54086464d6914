// SPDX-License-Identifier: Apache-2.0
#include "bench/delay_line.hpp"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <array>

#include "bench/dpdk_pair.hpp"
#include "probe/dpdk/eal.hpp"
#include "probe/dpdk/port.hpp"
#include "probe/dpdk/port_queue.hpp"

namespace strait::bench {
namespace {

using probe::dpdk::burst_limit;
using probe::dpdk::DpdkPort;

DpdkPort open_port(const std::string& device) {
  std::uint16_t id = 0;
  if (rte_eth_dev_get_port_by_name(device.c_str(), &id) != 0) {
    give_up({Errc::not_found, "no port " + device});
  }
  return must(DpdkPort::open(id, device));
}

void send(const DpdkPort& port, std::span<rte_mbuf*> frames) {
  const auto count = static_cast<std::uint16_t>(frames.size());
  const std::uint16_t sent = rte_eth_tx_burst(port.id(), 0, frames.data(), count);
  probe::dpdk::free_frames(frames.subspan(sent));
}

MonoTime now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return MonoTime{std::chrono::seconds{time.tv_sec} + Nanos{time.tv_nsec}};
}

}  // namespace

struct DelayLine::Impl {
  struct Waiting {
    MonoTime due;
    rte_mbuf* frame;
  };
  DpdkPort left;
  DpdkPort right;
  Nanos delay;
  std::deque<Waiting> waiting;
};

DelayLine::DelayLine(const std::string& left, const std::string& right, Nanos delay)
    : impl_{new Impl{open_port(left), open_port(right), delay, {}}} {}
DelayLine::DelayLine(DelayLine&&) noexcept = default;
DelayLine::~DelayLine() {
  if (!impl_) return;
  for (Impl::Waiting& waiting : impl_->waiting) probe::dpdk::free_frames({&waiting.frame, 1});
}

bool DelayLine::step() {
  Impl& impl = *impl_;
  std::array<rte_mbuf*, burst_limit> frames{};
  const std::uint16_t back = rte_eth_rx_burst(impl.right.id(), 0, frames.data(), burst_limit);
  if (back > 0) send(impl.left, std::span{frames}.first(back));
  const std::uint16_t there = rte_eth_rx_burst(impl.left.id(), 0, frames.data(), burst_limit);
  const MonoTime time = now();
  for (rte_mbuf* frame : std::span{frames}.first(there)) {
    impl.waiting.push_back({time + impl.delay, frame});
  }
  bool moved = back > 0 || there > 0;
  while (!impl.waiting.empty() && impl.waiting.front().due <= time) {
    send(impl.right, {&impl.waiting.front().frame, 1});
    impl.waiting.pop_front();
    moved = true;
  }
  return moved;
}

}  // namespace strait::bench
