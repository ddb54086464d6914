// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/device_clock.hpp"

#include <cmath>

namespace strait::probe::dpdk {
namespace {

// Differences of counters that may go either way; exact up to 2^53 as a double.
double difference(std::uint64_t a, std::uint64_t b) {
  return static_cast<double>(static_cast<std::int64_t>(a - b));
}

}  // namespace

// TSC ticks from the last reading to when the counter was `counter`.
double DeviceClock::predict(std::uint64_t counter) const {
  return difference(counter, last_.counter) * ticks_per_count_;
}

void DeviceClock::adjust(const Reading& reading, std::uint64_t step) {
  const double went = difference(reading.tsc, last_.tsc);
  const double counted = difference(reading.counter, last_.counter);
  double off = 0;
  if (ticks_per_count_ != 0) {
    off = std::abs(predict(reading.counter) - went);
    if (off > static_cast<double>(step)) {
      ++steps_;
      ticks_per_count_ = 0;
      last_ = reading;
      return;
    }
  }
  if (counted > 0 && went > 0) ticks_per_count_ = went / counted;
  error_ = reading.bracket / 2 + static_cast<std::uint64_t>(off);
  last_ = reading;
}

std::optional<std::uint64_t> DeviceClock::to_tsc(std::uint64_t counter) const {
  if (ticks_per_count_ == 0) return std::nullopt;
  return last_.tsc + static_cast<std::uint64_t>(std::llround(predict(counter)));
}

}  // namespace strait::probe::dpdk
