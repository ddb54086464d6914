// SPDX-License-Identifier: Apache-2.0
#include "analyzer/eligibility.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include "analyzer/words.hpp"

namespace strait::analyzer {

Eligibility judge_path(const routes::Path& path, bool routed, const Evidence& evidence,
                       const Proportion& newest_loss, bool fresh, const DecisionOptions& options) {
  if (path.forbidden) {
    return {Standing::forbidden,
            fmt::format(FMT_COMPILE("forbidden by policy: {}"), path.forbidden_reason)};
  }
  if (!routed) {
    return {Standing::no_route, "the RIB holds no route of this class from its upstream"};
  }
  if (!fresh || evidence.loss.trials == 0) {
    return {Standing::unmeasured, evidence.adequacy_reason};
  }
  if (evidence.loss.low > options.max_loss) {
    return {Standing::lossy, fmt::format(FMT_COMPILE("{}, above the limit of {:.2f} %"),
                                         to_text(evidence.loss), options.max_loss * 100)};
  }
  if (newest_loss.low > 0.5) {
    return {Standing::lossy,
            fmt::format(FMT_COMPILE("in the newest window {}: most of it"), to_text(newest_loss))};
  }
  if (evidence.below_floor) return {Standing::impossible, evidence.adequacy_reason};
  if (evidence.adequacy == Adequacy::insufficient) {
    return {Standing::too_few, evidence.adequacy_reason};
  }
  return {Standing::eligible, fmt::format(FMT_COMPILE("{}, {}{}"),
                                          to_text(*evidence.percentile(options.evidence.objective)),
                                          to_text(evidence.loss), mixture_text(evidence))};
}

Eligibility with_pin(Eligibility judged, const PinNote* note) {
  if (note == nullptr || judged.standing == Standing::forbidden ||
      judged.standing == Standing::no_route) {
    return judged;
  }
  if (note->failed) return {Standing::mispinned, note->words};
  judged.reason += fmt::format(FMT_COMPILE("; {}"), note->words);
  return judged;
}

}  // namespace strait::analyzer
