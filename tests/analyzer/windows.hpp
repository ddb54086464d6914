// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/gather.hpp"

namespace strait::analyzer::test {

inline constexpr Nanos ms{1'000'000};
inline constexpr Nanos minute{60'000'000'000};
// A round minute, so that slots and windows agree.
inline constexpr WallTime start{29'000'000 * minute};

inline constexpr Nanos millis(double value) {
  return Nanos{static_cast<Nanos::rep>(value * 1'000'000)};
}

// One window of one session, made by naming what differs from an empty one.
class WindowBuilder {
 public:
  WindowBuilder(std::string path, std::string target, int index = 0) {
    window_.session = {.path = std::move(path), .target = std::move(target)};
    window_.start = start + (index * minute);
    window_.length = minute;
    window_.source = StampSource::kernel;
  }
  WindowBuilder& replies(Nanos rtt, std::uint64_t times = 1) {
    window_.rtt.record(rtt, times);
    window_.counts.received += times;
    window_.counts.sent += times;
    return *this;
  }
  WindowBuilder& lost(std::uint64_t times) {
    window_.counts.lost += times;
    window_.counts.sent += times;
    return *this;
  }
  // `count` replies that wait `rtt` plus an exponential time with mean `queue`.
  template <class Random>
  WindowBuilder& noisy(Random& random, Nanos rtt, Nanos queue, int count) {
    std::exponential_distribution<double> wait{1.0 / static_cast<double>(queue.count())};
    for (int i = 0; i < count; ++i) {
      replies(rtt + Nanos{static_cast<Nanos::rep>(wait(random))});
    }
    return *this;
  }
  // Replies whose timestamps are too uncertain.
  WindowBuilder& kept_apart(Nanos rtt, std::uint64_t times) {
    window_.uncertain.record(rtt, times);
    window_.counts.received += times;
    window_.counts.sent += times;
    return *this;
  }
  WindowBuilder& at(WallTime when, Nanos length = minute) {
    window_.start = when;
    window_.length = length;
    return *this;
  }
  WindowBuilder& uncertain(Nanos by) {
    window_.uncertainty = by;
    return *this;
  }
  operator Window() const { return window_; }  // NOLINT(google-explicit-constructor)

 private:
  Window window_;
};

inline routes::Path path(std::string name, double one_way_ms = 0) {
  routes::Path path;
  path.name = std::move(name);
  path.one_way_floor = millis(one_way_ms);
  return path;
}

}  // namespace strait::analyzer::test
