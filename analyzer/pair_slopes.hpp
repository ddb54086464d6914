// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace strait::analyzer {

struct TimedValue {
  double at = 0;
  double value = 0;
};

// The slopes between all pairs of the points in a range that moves on through a series. They are
// kept in order, so that a step of one point costs one pass over them, not a slope and a place for
// each pair.
class PairSlopes {
 public:
  // `series` outlives this; its times ascend, and no two are equal.
  explicit PairSlopes(std::span<const TimedValue> series) : series_{series} {}

  // Makes the range [begin, end). Neither end ever goes back.
  void move_to(std::size_t begin, std::size_t end);

  // The median of the slopes (Theil 1950, Sen 1968). Of at least two points.
  [[nodiscard]] double median() const;

 private:
  void drop_to(std::size_t begin);
  void take_to(std::size_t end);
  [[nodiscard]] double slope(std::size_t from, std::size_t to) const {
    return (series_[to].value - series_[from].value) / (series_[to].at - series_[from].at);
  }

  std::span<const TimedValue> series_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::vector<double> slopes_;  // ascending
  std::vector<double> moved_;   // that come or go
  std::vector<double> next_;
};

}  // namespace strait::analyzer
