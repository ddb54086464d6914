// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "core/clock.hpp"

struct rte_mbuf;

namespace strait::bench {

// Joins two DPDK ports: what the left one receives leaves by the right one after `delay`, what the
// right one receives leaves by the left one at once. Used by one thread; the EAL must run.
class DelayLine {
 public:
  DelayLine(const std::string& left, const std::string& right, Nanos delay);
  DelayLine(DelayLine&&) noexcept;
  DelayLine& operator=(DelayLine&&) = delete;
  DelayLine(const DelayLine&) = delete;
  DelayLine& operator=(const DelayLine&) = delete;
  ~DelayLine();

  // Moves what is due. Returns whether there was anything.
  bool step();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace strait::bench
