// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

namespace strait::probe::dpdk {

// The counter of a NIC that stamps received packets, in terms of the TSC. Pure: it is fed with
// readings, one a second or so; between them it goes on at the rate of the last two.
class DeviceClock {
 public:
  struct Reading {
    std::uint64_t tsc = 0;      // the middle between before and after
    std::uint64_t counter = 0;  // the device's
    std::uint64_t bracket = 0;  // TSC ticks from before to after
  };

  explicit DeviceClock(const Reading& first) : last_{first} {}

  // `step` is how many ticks of the TSC the counter may be off before it counts as set anew.
  void adjust(const Reading& reading, std::uint64_t step);

  // Absent before the second reading.
  [[nodiscard]] std::optional<std::uint64_t> to_tsc(std::uint64_t counter) const;
  // In ticks of the TSC: half the bracket, and what the last prediction was off.
  [[nodiscard]] std::uint64_t error() const { return error_; }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

 private:
  [[nodiscard]] double predict(std::uint64_t counter) const;

  Reading last_;
  double ticks_per_count_ = 0;  // 0: not known yet
  std::uint64_t error_ = 0;
  std::uint64_t steps_ = 0;
};

}  // namespace strait::probe::dpdk
