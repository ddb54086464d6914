// SPDX-License-Identifier: Apache-2.0
#include "probe/reply_rate.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <span>

namespace strait::probe {
namespace {

// One in 30,000 runs whose loss is pure chance is taken for a limit.
constexpr double surprise = -4.0;
// Loss below it is too rare to have a pattern, and above it replies are.
constexpr double least_share = 0.02;

// The normal score of a chi-squared sum (Wilson and Hilferty 1931).
double score(double chi_squared, double freedom) {
  const double spread = 2.0 / (9.0 * freedom);
  return (std::cbrt(chi_squared / freedom) - (1.0 - spread)) / std::sqrt(spread);
}

}  // namespace

ReplyRate::Second* ReplyRate::second_at(std::int64_t number) {
  if (seconds_.empty() || number > seconds_.back().number) {
    if (seconds_.size() == most_seconds) {
      seconds_.erase(seconds_.begin(), seconds_.begin() + most_seconds / 2);
    }
    return &seconds_.emplace_back(Second{.number = number});
  }
  const auto found = std::ranges::lower_bound(seconds_, number, {}, &Second::number);
  if (found->number == number) return &*found;
  // Forgotten already, or a clock that was set back: rare enough to be left out.
  if (found == seconds_.begin() && seconds_.size() >= most_seconds / 2) return nullptr;
  return &*seconds_.insert(found, Second{.number = number});
}

void ReplyRate::note(WallTime sent, bool received) {
  const auto number = std::chrono::floor<std::chrono::seconds>(sent).time_since_epoch().count();
  Second* const second = second_at(number);
  if (second == nullptr) return;
  ++second->sent;
  if (received) ++second->received;
}

std::optional<double> ReplyRate::looks_limited() const {
  // Neither the first nor the last second is a whole one.
  if (seconds_.size() < 2 * least_seconds + 2) return std::nullopt;
  const auto half = std::span{seconds_}
                        .subspan(seconds_.size() / 2)
                        .first(seconds_.size() - seconds_.size() / 2 - 1);
  const auto n = static_cast<double>(half.size());
  double sent = 0;
  double received = 0;
  for (const Second& second : half) {
    sent += second.sent;
    received += second.received;
  }
  const double share = received / sent;
  const bool too_even = share < least_share || share > 1 - least_share;
  if (too_even || sent < least_per_second * n) return std::nullopt;

  // The scatter about one number of replies, against that of sent * share * (1 - share).
  const double mean = received / n;
  double squares = 0;
  for (const Second& second : half) {
    const double apart = second.received - mean;
    squares += apart * apart;
  }
  const double chi_squared = squares / (sent / n * share * (1 - share));
  if (score(chi_squared, n - 1) > surprise) return std::nullopt;
  return mean;
}

}  // namespace strait::probe
