// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "analyzer/evidence.hpp"
#include "analyzer/options.hpp"
#include "analyzer/pin_note.hpp"
#include "analyzer/wilson.hpp"
#include "routes/model/path.hpp"

namespace strait::analyzer {

// Whether a path may be chosen for a class, in the order in which it is asked.
enum class Standing : std::uint8_t {
  eligible,
  forbidden,   // by policy
  no_route,    // the RIB holds nothing of the class from its upstream
  mispinned,   // its probes were on another path
  unmeasured,  // no fresh window
  lossy,       // certainly more loss than the objective, or the newest window is mostly lost
  impossible,  // below the fibre floor
  too_few,     // probes
};

struct Eligibility {
  Standing standing = Standing::unmeasured;
  std::string reason;  // why not, or its percentile and loss
};

// `newest_loss` is that of the newest slot alone. `routed`: the RIB has routes of the class from
// it.
[[nodiscard]] Eligibility judge_path(const routes::Path& path, bool routed,
                                     const Evidence& evidence, const Proportion& newest_loss,
                                     bool fresh, const DecisionOptions& options);

// What a note on the path's pin makes of that; null: the pin is proven. A failed one outranks all
// that was measured; one that is not verified only shows.
[[nodiscard]] Eligibility with_pin(Eligibility judged, const PinNote* note);

}  // namespace strait::analyzer
