// SPDX-License-Identifier: Apache-2.0
#include "analyzer/pair_slopes.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace strait::analyzer {

void PairSlopes::move_to(std::size_t begin, std::size_t end) {
  assert(begin >= begin_ && end >= end_ && begin <= end && end <= series_.size());
  if (begin >= end_) {
    slopes_.clear();
    begin_ = end_ = begin;
  }
  if (begin > begin_) drop_to(begin);
  if (end > end_) take_to(end);
}

// The same two points give the same slope to the last bit, so what goes is found by its value.
void PairSlopes::drop_to(std::size_t begin) {
  moved_.clear();
  for (; begin_ < begin; ++begin_) {
    for (std::size_t to = begin_ + 1; to < end_; ++to) moved_.push_back(slope(begin_, to));
  }
  std::ranges::sort(moved_);
  next_.clear();
  std::ranges::set_difference(slopes_, moved_, std::back_inserter(next_));
  slopes_.swap(next_);
}

void PairSlopes::take_to(std::size_t end) {
  moved_.clear();
  for (; end_ < end; ++end_) {
    for (std::size_t from = begin_; from < end_; ++from) moved_.push_back(slope(from, end_));
  }
  std::ranges::sort(moved_);
  next_.clear();
  std::ranges::merge(slopes_, moved_, std::back_inserter(next_));
  slopes_.swap(next_);
}

double PairSlopes::median() const {
  assert(!slopes_.empty());
  const std::size_t middle = slopes_.size() / 2;
  if (slopes_.size() % 2 == 1) return slopes_[middle];
  return (slopes_[middle - 1] + slopes_[middle]) / 2;
}

}  // namespace strait::analyzer
