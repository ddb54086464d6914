// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analyzer/evidence.hpp"
#include "analyzer/options.hpp"
#include "analyzer/target.hpp"
#include "analyzer/timeline.hpp"
#include "core/window.hpp"
#include "routes/model/path.hpp"

namespace strait::analyzer {

// What is measured: the ways out, and what answers behind them.
struct Network {
  std::span<const Target> targets;
  std::span<const routes::Path> paths;
  std::map<std::string, Position, std::less<>> far_ends;  // of paths, where known
  std::optional<Position> site = std::nullopt;            // where the probes start, where known
};

// Evidence of every path for every class, by class and then path: those of `network`, and paths
// that only the windows name. It covers the newest `span_windows` slots of time, the same for all
// paths, so that no path is judged on older weather than another. A path without windows has
// evidence too, and it says so.
[[nodiscard]] std::vector<Evidence> gather(std::span<const Window> windows, const Network& network,
                                           const EvidenceOptions& options, WallTime now);

// The same for one class, as it stood when slot `newest` ended.
[[nodiscard]] std::vector<Evidence> gather_class(const Timeline& timeline,
                                                 std::string_view traffic_class,
                                                 const Network& network,
                                                 const EvidenceOptions& options, Slot newest,
                                                 WallTime now);

// How old evidence may be.
[[nodiscard]] Nanos freshness(const EvidenceOptions& options, Nanos window_length);

// The classes of the targets, each once, in order.
[[nodiscard]] std::vector<std::string> traffic_classes(std::span<const Target> targets);

}  // namespace strait::analyzer
