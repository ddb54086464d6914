// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

namespace strait::probe::dpdk {

// Notices that a device takes no more packets: rte_eth_tx_burst() has not come back, or has taken
// nothing, for longer than `limit`. One thread transmits, another one checks. Times are ticks of
// any clock that both share and that is never 0.
class TransmitWatch {
 public:
  explicit TransmitWatch(std::uint64_t limit) : limit_{limit} {}

  // Around each transmission.
  void enter(std::uint64_t now) { inside_since_.store(now, std::memory_order_relaxed); }
  void leave(std::uint64_t now, bool took_something) {
    inside_since_.store(0, std::memory_order_relaxed);
    if (took_something) {
      if (fruitless_since_.load(std::memory_order_relaxed) != 0) fruitless_since_.store(0);
    } else if (fruitless_since_.load(std::memory_order_relaxed) == 0) {
      fruitless_since_.store(now);
    }
  }

  // True once for each stall, when it is found.
  bool check(std::uint64_t now) {
    const bool stuck = longer(now, inside_since_.load(std::memory_order_relaxed)) ||
                       longer(now, fruitless_since_.load(std::memory_order_relaxed));
    const bool found = stuck && !stalled_.load(std::memory_order_relaxed);
    stalled_.store(stuck, std::memory_order_relaxed);
    if (found) stalls_.fetch_add(1, std::memory_order_relaxed);
    return found;
  }

  [[nodiscard]] bool stalled() const { return stalled_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t stalls() const { return stalls_.load(std::memory_order_relaxed); }

 private:
  [[nodiscard]] bool longer(std::uint64_t now, std::uint64_t since) const {
    return since != 0 && now > since && now - since > limit_;
  }

  std::uint64_t limit_;
  std::atomic<std::uint64_t> inside_since_{0};
  std::atomic<std::uint64_t> fruitless_since_{0};
  std::atomic<bool> stalled_{false};
  std::atomic<std::uint64_t> stalls_{0};
};

}  // namespace strait::probe::dpdk
