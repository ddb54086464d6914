// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>

#include "cli/routes/command.hpp"
#include "core/result.hpp"

namespace strait::cli {

struct RoutesStreams {
  std::ostream& results;
  std::ostream& progress;
  bool colours = false;
};

// The work behind `strait routes ...`. All of them weigh what the store holds now against the RIB,
// just as the service does, and return the exit status.
[[nodiscard]] Result<int> run_recommend(const RecommendOptions& options,
                                        const RoutesStreams& streams);
[[nodiscard]] Result<int> run_explain(const ExplainOptions& options, const RoutesStreams& streams);
[[nodiscard]] Result<int> run_diff(const DiffOptions& options, const RoutesStreams& streams);
[[nodiscard]] Result<int> run_render(const RenderOptions& options, const RoutesStreams& streams);
[[nodiscard]] Result<int> run_apply(const ApplyOptions& options, const RoutesStreams& streams);

}  // namespace strait::cli
