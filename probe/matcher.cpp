// SPDX-License-Identifier: Apache-2.0
#include "probe/matcher.hpp"

#include <algorithm>
#include <bit>

namespace strait::probe {
namespace {

constexpr std::uint64_t fewest = 16;
constexpr std::uint64_t most = std::uint64_t{1} << 22;  // 128 MiB; beyond it slots are missed

}  // namespace

std::uint64_t Matcher::capacity_for(Nanos interval, Nanos timeout) {
  const auto in_flight = static_cast<std::uint64_t>(timeout / std::max(interval, Nanos{1})) + 1;
  return std::bit_ceil(std::clamp(2 * in_flight + 8, fewest, most));
}

Matcher::Matcher(std::uint64_t capacity, std::uint32_t first_sequence)
    : ring_(std::bit_ceil(std::clamp(capacity, std::uint64_t{1}, most))),
      mask_{static_cast<std::uint32_t>(ring_.size() - 1)},
      head_{first_sequence},
      tail_{first_sequence},
      next_expected_{first_sequence} {}

}  // namespace strait::probe
