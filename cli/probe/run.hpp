// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>

#include "cli/probe/command.hpp"
#include "cli/terminal/histogram.hpp"
#include "core/result.hpp"
#include "probe/transport.hpp"

namespace strait::cli {

// Opens the engine that the options name.
using OpenTransport =
    std::function<Result<std::unique_ptr<probe::Transport>>(const ProbeOptions& options)>;

struct ProbeStreams {
  std::ostream& results;
  std::ostream& progress;
  std::istream& input;         // with targets, where the options say so
  Canvas canvas{};             // of the results
  bool colour = false;         // likewise
  bool show_progress = false;  // a line that is rewritten
};

// Probes all targets side by side, over each path, until each has its count or a signal comes, then
// reports. Returns the exit status: 0 when every target answered within the thresholds, else 1; of
// a plugin its state.
[[nodiscard]] Result<int> run_probe(const ProbeOptions& options, const OpenTransport& open,
                                    const ProbeStreams& streams);

}  // namespace strait::cli
