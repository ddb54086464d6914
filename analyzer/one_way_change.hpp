// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/window.hpp"

namespace strait::analyzer {

// What can be said of how the two directions changed.
enum class OneWayShift : std::uint8_t {
  too_few,    // fewer windows before the newest than a reference takes
  unchanged,  // by less than can be told from noise and drift
  changed,
  // One direction rose by about what the other fell, so the round trip hardly shows it: the far
  // clock was set, or traffic moved the delay from one direction to the other. Nothing here can
  // tell which.
  ambiguous,
};
[[nodiscard]] std::string_view to_string(OneWayShift shift);

// The newest window of one session against those before it, between clocks that need not agree.
struct OneWayChange {
  SessionKey session;
  WallTime at;  // the middle of the newest window
  OneWayShift shift = OneWayShift::too_few;
  Nanos forward{};            // how much longer the way there has become
  Nanos reverse{};            // and the way back
  Nanos error{};              // of each: what the reference's own spread and the drift leave open
  double drift = 0;           // of the far clock against ours, seconds in a second
  std::size_t reference = 0;  // windows it is compared with
  std::size_t steps = 0;      // ambiguous shifts before that lasted; each began a new reference
};

inline constexpr std::size_t least_reference = 5;

// Of the windows of one session, in the order of time; others than those with raw delays are passed
// over. The least raw delays of a window stand for it, because queues only add. The drift is the
// median of the slopes between all pairs of the reference (Theil 1950, Sen 1968), of half the
// difference of the two directions, in which the offset is and the queues of the round trip are
// not. Cost: for each window quadratic in the reference, which is cut to its newest 120 windows;
// one pass over its 7,140 slopes, which stay in order.
[[nodiscard]] OneWayChange one_way_change(std::span<const Window> windows);

// Of each session, in the order of the keys. `windows` in any order.
[[nodiscard]] std::vector<OneWayChange> one_way_changes(std::span<const Window> windows);

}  // namespace strait::analyzer
