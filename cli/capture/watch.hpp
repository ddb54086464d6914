// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>

#include "cli/capture/view.hpp"
#include "cli/terminal/live_screen.hpp"
#include "core/clock.hpp"
#include "core/result.hpp"
#include "probe/passive/live_capture.hpp"
#include "probe/passive/meter.hpp"

namespace strait::cli {

// The terminal of `strait capture --live`. Drawn by the thread that reads: the kernel holds packets
// for far longer than that takes, and says so where it does not.
class CaptureWatch {
 public:
  // Of so many flows with the most octets; the others are only counted.
  static constexpr std::size_t most_rows = 1000;

  [[nodiscard]] static Result<CaptureWatch> open(FlowRank by);

  // Obeys the keys, and shows the figures twice a second. False: somebody wants to leave.
  [[nodiscard]] bool show(probe::passive::Meter& meter,
                          std::span<const probe::passive::LiveCapture> captures);

 private:
  CaptureWatch(std::unique_ptr<LiveScreen> screen, FlowRank by);

  std::unique_ptr<LiveScreen> screen_;
  CaptureView view_;
  SystemClock clock_;
  MonoTime begun_;
  MonoTime next_;
};

}  // namespace strait::cli
