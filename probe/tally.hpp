// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

#include "core/window.hpp"
#include "probe/error_kind.hpp"
#include "probe/sample.hpp"

namespace strait::probe {

// What a window has of the far end, beyond the base packet.
struct FarTally {
  std::array<std::uint32_t, error_kinds - plain_error_kinds> errors{};
  FarView view;
};

// A window under construction, in the form that is cheapest to count in.
struct alignas(64) Tally {
  std::uint32_t epoch = 0;  // number of the window, the same for all sessions
  StampSource worst = StampSource::hardware;
  bool sampled = false;
  ClockState clock = ClockState::untold;
  std::uint64_t scheduled = 0;
  std::uint64_t missed = 0;
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t lost = 0;
  std::uint64_t late = 0;
  std::uint64_t duplicate = 0;
  std::uint64_t reordered = 0;
  Nanos uncertainty{};  // largest of a sample
  // Each probe touches what stands above and one of these.
  Sketch lag{lag_schema};
  Sketch rtt;
  Sketch ipdv{variation_schema};
  Sketch forward;
  Sketch reverse;
  Sketch uncertain{lag_schema};
  Nanos clock_error{};               // as in Clocks
  Nanos raw_forward = Nanos::max();  // max(): none
  Nanos raw_reverse = Nanos::max();
  WallTime start;
  Nanos length{};
  std::array<std::uint32_t, plain_error_kinds> errors{};
  std::unique_ptr<FarTally> far;  // null where nothing was asked or told

  [[nodiscard]] std::uint64_t outstanding() const { return sent - received - lost; }
  [[nodiscard]] FarTally& far_part() {
    if (!far) far = std::make_unique<FarTally>();
    return *far;
  }
  [[nodiscard]] std::uint32_t& count_of(ErrorKind kind) {
    const auto number = static_cast<std::size_t>(kind);
    if (number < plain_error_kinds) [[likely]]
      return errors[number];
    return far_part().errors[number - plain_error_kinds];
  }
  void count(ErrorKind kind, std::uint32_t times = 1) { count_of(kind) += times; }
  void count_problems(const Sample& sample);
  void note_clocks(const Sample& sample);
  void sampled_from(StampSource source) {
    sampled = true;
    worst = std::max(worst, source);
  }
};

// The window that the tally stands for. An rvalue's sketches are moved out.
[[nodiscard]] Window to_window(const Tally& tally, const SessionKey& key);
[[nodiscard]] Window to_window(Tally&& tally, const SessionKey& key);

}  // namespace strait::probe
