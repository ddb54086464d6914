// SPDX-License-Identifier: Apache-2.0
#include "analyzer/sliding.hpp"

#include <algorithm>
#include <utility>

namespace strait::analyzer {

void Sliding::push(double value) {
  const auto into = std::ranges::upper_bound(sorted_, value);
  if (series_.size() < most_) {
    series_.push_back(value);
    sorted_.insert(into, value);
    return;
  }
  const double gone = std::exchange(series_[oldest_], value);
  oldest_ = (oldest_ + 1) % most_;
  const auto out = std::ranges::lower_bound(sorted_, gone);
  if (out < into) {
    std::move(out + 1, into, out);
    *(into - 1) = value;
  } else {
    std::move_backward(into, out, out + 1);
    *into = value;
  }
}

void Sliding::assign(std::span<const double> values) {
  oldest_ = 0;
  series_.clear();
  sorted_.clear();
  for (const double value : values) push(value);
}

double Sliding::deviation() const {
  constexpr double mad_to_sigma = 1.4826;
  const double centre = quantile(0.5);
  // From the centre outwards, so distances come in order of size.
  auto right = std::ranges::lower_bound(sorted_, centre);
  auto left = right;
  double distance = 0;
  for (std::size_t i = 0; i <= (sorted_.size() - 1) / 2; ++i) {
    const bool to_the_right =
        left == sorted_.begin() ||
        (right != sorted_.end() && *right - centre <= centre - *std::prev(left));
    distance = to_the_right ? *right++ - centre : centre - *--left;
  }
  return mad_to_sigma * distance;
}

}  // namespace strait::analyzer
