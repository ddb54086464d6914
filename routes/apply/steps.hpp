// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "routes/apply/apply.hpp"
#include "routes/rib.hpp"

namespace strait::routes {

// How far an apply has come: what the name says has been done.
enum class ApplyStep : std::uint8_t {
  begun,      // the journal says that it begins
  kept,       // the old file has a copy
  written,    // the new file is in place
  checked,    // the router's own check took it
  loaded,     // in force; BIRD's timer runs
  seen,       // the routes were read back and agree
  confirmed,  // the router keeps it
  forgotten,  // the copy of the old file is gone
};
inline constexpr std::size_t apply_steps = 8;

// Who asks, for the journal and for whoever finds the lock taken.
struct ApplyRequest {
  std::string by = "strait";               // "routes apply", "service"
  std::optional<std::uint64_t> refers;     // an entry of the journal that this is about
  std::vector<std::string> changed;        // classes that get another path, for the journal
  std::function<void(ApplyStep)> on_step;  // told after each step; may be empty
  // Of injection: whose routes are given on. Only a plan that prefers nothing needs none.
  std::shared_ptr<const Rib> rib = nullptr;
};

// As apply() of three arguments. Further: a plan with preferences is refused while FILE.stop exists
// and behind a journal that does not fit, and does not overwrite an include file that somebody
// edited; a plan without any, so plain BGP, is let through in all three cases.
[[nodiscard]] Result<ApplyReport> apply(const Plan& plan, const RouterTarget& target,
                                        const Clock& clock, const ApplyRequest& request);

// Whether a plan was made later than now, by more than clocks differ: the clock was set back, and
// what the plan says of its expiry means nothing.
inline constexpr Nanos clock_slack = std::chrono::minutes{1};
[[nodiscard]] inline bool dated_ahead(const Plan& plan, WallTime now) {
  return plan.made > now + clock_slack;
}

// Finishes the story of an apply that was killed: puts the old file back where the new one may
// never have been confirmed, has the router load it, and tells the journal. What it did, in words;
// empty: there was nothing to do. FILE.previous stays until the router has the old file, so call it
// again.
[[nodiscard]] Result<std::string> recover(const RouterTarget& target, const Clock& clock,
                                          const std::string& by);

// FILE.stop: while it is there no plan with preferences is applied, by whomever.
[[nodiscard]] std::string stop_file(const RouterTarget& target);
// What it says, such as who stopped and why; nothing when it is not there.
[[nodiscard]] std::optional<std::string> stopped(const RouterTarget& target);

}  // namespace strait::routes
