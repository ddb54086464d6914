// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cli/probe/command.hpp"
#include "cli/probe/plan.hpp"
#include "cli/probe/run.hpp"
#include "cli/probe/twamp.hpp"
#include "core/clock.hpp"
#include "core/result.hpp"

namespace strait::cli {

// What a run has measured.
struct Measured {
  std::vector<Window> windows;
  std::vector<probe::SessionRejections> rejections;
  probe::TransportCounters counters;
  WallTime began;
  std::vector<probe::PinState> pins;  // as they stood at the end
};

inline constexpr std::size_t most_live_rows = 1000;

// Probes on a thread of its own, so that drawing delays no probe, and shows the figures until all
// are decided, somebody quits or a signal comes. `twamp` may be null.
[[nodiscard]] Result<Measured> measure_live(const ProbeOptions& options, const ProbePlan& plan,
                                            const OpenTransport& open,
                                            const probe::ProberOptions& prober_options,
                                            TwampRun* twamp);

}  // namespace strait::cli
