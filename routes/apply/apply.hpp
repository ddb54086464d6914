// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "routes/apply/read_back.hpp"
#include "routes/model/plan.hpp"

namespace strait::routes {

// The BIRD to tell, and how patiently.
struct BirdTarget {
  std::string include_file;  // what its configuration includes
  std::string control_socket = "/run/bird/bird.ctl";
  Nanos confirm_timeout =
      std::chrono::seconds{30};  // BIRD undoes by itself after this, whole seconds
  Nanos reply_timeout = std::chrono::seconds{10};
  Nanos read_back_within = std::chrono::seconds{10};  // large tables take seconds to move
  std::size_t sample = 20;                            // prefixes read back for each preference
  std::string journal_file;                           // empty: none
};

enum class ApplyOutcome : std::uint8_t {
  confirmed,    // BIRD has the plan, was seen to follow it, and keeps it
  refused,      // a guard, the renderer or BIRD's check said no; nothing changed
  rolled_back,  // it was in force for a moment and is undone
  failed,       // BIRD went away in the middle; its own timer undoes, the old file is back
};
[[nodiscard]] std::string_view to_string(ApplyOutcome outcome);

struct ApplyReport {
  ApplyOutcome outcome = ApplyOutcome::refused;
  std::string reason;  // in words, for people
  ReadBack read_back;
};

// Gives BIRD a plan: writes the include file in one step, has it checked, loads it with BIRD's own
// rollback timer running, reads the routes back, and only then confirms. Whatever fails, the old
// file comes back and BIRD undoes. Killed at any moment, the file is the old or the new one, and
// BIRD undoes what was not confirmed. A plan that is blocked or has expired is refused. An error
// means that nothing was touched. The previous file is kept as FILE.previous until the confirm;
// FILE.lock keeps a second apply out.
[[nodiscard]] Result<ApplyReport> apply(const Plan& plan, const BirdTarget& target,
                                        const Clock& clock);

// The plan that takes every preference back: plain BGP decides again.
[[nodiscard]] Plan withdrawal(const Clock& clock, std::string why);

}  // namespace strait::routes
