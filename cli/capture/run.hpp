// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>

#include "cli/capture/command.hpp"
#include "cli/terminal/histogram.hpp"
#include "core/result.hpp"

namespace strait::cli {

struct CaptureStreams {
  std::ostream& results;
  std::ostream& progress;
  Canvas canvas;
  bool colours = false;
};

// The work behind `strait capture`. What could not be read is told on `progress`, and makes the
// exit status 1, as does a capture without a flow.
[[nodiscard]] Result<int> run_capture(const CaptureOptions& options, const CaptureStreams& streams);

}  // namespace strait::cli
