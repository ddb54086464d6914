// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "routes/apply/read_back.hpp"
#include "routes/apply/router_target.hpp"
#include "routes/model/plan.hpp"

namespace strait::routes {

enum class ApplyOutcome : std::uint8_t {
  confirmed,    // the router has the plan, was seen to follow it, and keeps it
  refused,      // a guard, the renderer or the router's check said no; nothing changed
  rolled_back,  // it was in force for a moment and is undone
  failed,  // the router went away in the middle; the old file is back. BIRD's own timer undoes;
           // of the others FILE.previous stays, so that recover() goes on
};
[[nodiscard]] std::string_view to_string(ApplyOutcome outcome);

struct ApplyReport {
  ApplyOutcome outcome = ApplyOutcome::refused;
  std::string reason;  // in words, for people
  ReadBack read_back;
};

// Gives a router a plan: writes the include file in one step, has it checked, loads it with the
// router's own rollback timer running where it has one, reads the routes back, and only then
// confirms. Whatever fails, the old file comes back and the router undoes. Killed at any moment,
// the file is the old or the new one, and BIRD undoes what was not confirmed; of the others
// recover() does, which a watchdog calls. A plan that is blocked or has expired is
// refused. An error means that nothing was touched. The previous file is kept as FILE.previous
// until the confirm; FILE.lock keeps a second apply out.
[[nodiscard]] Result<ApplyReport> apply(const Plan& plan, const RouterTarget& target,
                                        const Clock& clock);

// The plan that takes every preference back: plain BGP decides again.
[[nodiscard]] Plan withdrawal(const Clock& clock, std::string why);

}  // namespace strait::routes
