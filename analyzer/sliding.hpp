// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace strait::analyzer {

// The newest values of a series, kept in order of size as well, so that a quantile costs nothing
// and a new value one move of a part of them. None may be NaN.
class Sliding {
 public:
  explicit Sliding(std::size_t most) : most_{most} {}  // most > 0

  void push(double value);  // the oldest goes when there are too many
  void assign(std::span<const double> values);
  [[nodiscard]] std::size_t size() const { return sorted_.size(); }
  // The value of rank q (n - 1), rounded down, counted from 0; there must be one.
  [[nodiscard]] double quantile(double q) const {
    return sorted_[static_cast<std::size_t>(q * static_cast<double>(sorted_.size() - 1))];
  }
  // 1.4826 times the median distance from the median (MAD): sigma, if they were normal.
  [[nodiscard]] double deviation() const;

 private:
  std::size_t most_;
  std::size_t oldest_ = 0;      // of series_, once that is full
  std::vector<double> series_;  // a ring
  std::vector<double> sorted_;
};

}  // namespace strait::analyzer
