// SPDX-License-Identifier: Apache-2.0
#include "probe/loss_split.hpp"

#include <algorithm>
#include <utility>

namespace strait::probe {
namespace {

constexpr std::int32_t deepest_reordering = 8;
constexpr std::uint32_t remembered = 64;
// Copies of probes that arrived while their replies were lost: fewer than one in so many.
constexpr std::int64_t unseen_copies = 256;
// Before 32 bits wrap between the first and the newest.
constexpr std::int32_t longest_stretch = 1 << 30;

// Counters wrap: their difference says which is the later one.
std::int32_t ahead(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b); }

void raise(std::uint32_t& largest, std::uint32_t value) {
  if (ahead(value, largest) > 0) largest = value;
}

}  // namespace

void LossSplit::begin(const Numbers& numbers) {
  begun_ = true;
  first_ = numbers;
  newest_ = numbers;
  recent_ = 1;
  replies_ = 0;
  twice_ = 0;
  forward_ = 0;
  reverse_ = 0;
}

// A later probe with a count that is further back than packets overtake each other.
bool LossSplit::restarted(const Numbers& numbers) const {
  return ahead(numbers.sent, newest_.sent) > 0 &&
         ahead(numbers.replied, newest_.replied) < -deepest_reordering;
}

LossSplit::Seen LossSplit::look_up(std::uint32_t replied) {
  const std::int32_t later = ahead(replied, newest_.replied);
  if (later > 0) {
    const auto shift = static_cast<std::uint32_t>(later);
    recent_ = shift < remembered ? recent_ << shift | 1U : 1U;
    return Seen::fresh;
  }
  const auto age = static_cast<std::uint32_t>(-later);
  if (age >= remembered || ahead(replied, first_.replied) < 0) return Seen::too_old;
  const std::uint64_t bit = std::uint64_t{1} << age;
  if ((recent_ & bit) != 0) return Seen::before;
  recent_ |= bit;
  return Seen::fresh;
}

LossSplit::Step LossSplit::give_up() {
  state_ = State::unusable;
  return {-std::exchange(forward_, 0), -std::exchange(reverse_, 0), false};
}

LossSplit::Step LossSplit::difference() {
  const std::int64_t sent = ahead(newest_.sent, first_.sent);
  const std::int64_t arrived = ahead(newest_.received, first_.received);
  const std::int64_t replied = ahead(newest_.replied, first_.replied);
  // More than we sent: this counter counts for others too. Less than was answered: for nobody.
  const bool too_many = arrived - std::int64_t{twice_} > sent + 2 + sent / unseen_copies;
  if (too_many || arrived < std::int64_t{replies_}) return give_up();
  const std::int64_t forward = std::max<std::int64_t>(0, sent - (arrived - twice_));
  const std::int64_t reverse = std::max<std::int64_t>(0, replied - replies_);
  const Step step{forward - forward_, reverse - reverse_, false};
  forward_ = forward;
  reverse_ = reverse;
  return step;
}

void LossSplit::begin_at(const Numbers& numbers) {
  if (numbers.second_copy || (not_before_ && ahead(numbers.sent, *not_before_) < 0)) return;
  begin(numbers);
  if (numbers.counters) state_ = State::counts;
}

// Behind ours by what it did not get. Alike, it may be a copy, or nothing was lost so far; ahead of
// ours, it counts for others too. Standing still, it is no count.
bool LossSplit::prove(const Numbers& numbers) {
  const std::int32_t sent = ahead(numbers.sent, newest_.sent);
  const std::int32_t replied = ahead(numbers.replied, newest_.replied);
  if (sent <= 0 || numbers.second_copy) return false;
  if (replied > 0 && replied < sent) {
    state_ = State::counts;
    return true;
  }
  begin(numbers);
  return false;
}

LossSplit::Step LossSplit::note(const Numbers& numbers) {
  if (state_ == State::unusable) return {};
  if (!begun_) {
    begin_at(numbers);
    return {};
  }
  if (restarted(numbers)) {
    const bool told = state_ == State::counts;
    begin(numbers);
    return {0, 0, told};
  }
  if (state_ == State::undecided && !prove(numbers)) return {};
  const Seen seen = look_up(numbers.replied);
  // Two probes cannot have one reply.
  if (seen == Seen::before && !numbers.second_copy) return give_up();
  if (seen != Seen::fresh) return {};
  ++replies_;
  if (numbers.second_copy) ++twice_;
  raise(newest_.sent, numbers.sent);
  raise(newest_.received, numbers.received);
  raise(newest_.replied, numbers.replied);
  const Step step = difference();
  if (state_ == State::counts && ahead(newest_.sent, first_.sent) > longest_stretch) {
    begin(Numbers{newest_});
  }
  return step;
}

}  // namespace strait::probe
