// SPDX-License-Identifier: Apache-2.0
#include "probe/matcher.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

namespace strait::probe {
namespace {

constexpr std::uint64_t fewest = 16;
// What a ring begins with, as a part of its capacity: the probes of a quarter of a time-out, so
// that a duplicate as late as that is still known for one.
constexpr std::size_t shrink = 8;
constexpr std::uint64_t most = std::uint64_t{1} << 22;  // 128 MiB; beyond it slots are missed

}  // namespace

std::uint64_t Matcher::capacity_for(Nanos interval, Nanos timeout) {
  const auto in_flight = static_cast<std::uint64_t>(timeout / std::max(interval, Nanos{1})) + 1;
  return std::bit_ceil(std::clamp(2 * in_flight + 8, fewest, most));
}

Matcher::Matcher(std::uint64_t capacity, std::uint32_t first_sequence)
    : capacity_{static_cast<std::uint32_t>(
          std::bit_ceil(std::clamp(capacity, std::uint64_t{1}, most)))},
      head_{first_sequence},
      tail_{first_sequence},
      next_expected_{first_sequence} {
  const auto smallest = std::max<std::size_t>(fewest, capacity_ / shrink);
  ring_.resize(std::min<std::size_t>(capacity_, smallest));
  set_size(ring_.size());
}

void Matcher::set_size(std::size_t size) {
  mask_ = static_cast<std::uint32_t>(size - 1);
  crowded_ = size < capacity_ ? static_cast<std::uint32_t>(size / 2)
                              : std::numeric_limits<std::uint32_t>::max();
}

void Matcher::grow() {
  if (oldest() == nullptr || span() < crowded_) return;  // it only seemed so
  Probe unknown;
  unknown.state = Probe::State::forgotten;
  std::vector<Probe> wider(2 * ring_.size(), unknown);
  const auto wide_mask = static_cast<std::uint32_t>(wider.size() - 1);
  const auto kept = static_cast<std::uint32_t>(std::min<std::uint64_t>(ring_.size(), sent_));
  for (std::uint32_t sequence = head_ - kept; sequence != head_; ++sequence) {
    wider[sequence & wide_mask] = ring_[sequence & mask_];
  }
  ring_ = std::move(wider);
  set_size(ring_.size());
}

}  // namespace strait::probe
