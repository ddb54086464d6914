// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "routes/apply/apply.hpp"
#include "routes/apply/gate.hpp"
#include "routes/apply/journal.hpp"
#include "routes/model/plan.hpp"

namespace strait::routes {

// A plan that waits for an approval: FILE.pending beside the include file.
struct Pending {
  std::string id;   // the first twelve digits of the SHA-256 of the file's text
  Plan plan;        // of the classes that wait alone; `expires`: until when it may be approved
  Plan instead_of;  // what they have
};

[[nodiscard]] std::string pending_file(const RouterTarget& target);
// Nothing when none waits; an error for a file that is not ours or was edited.
[[nodiscard]] Result<std::optional<Pending>> read_pending(const RouterTarget& target);

// Makes FILE.pending what `passage` has waiting, and says in words what it did; empty: nothing. One
// that says much the same stays with its ID until it expires. The journal gets "pending" when one
// comes and "superseded" or "lapsed" when it goes.
[[nodiscard]] Result<std::string> keep_pending(const RouterTarget& target, const Passage& passage,
                                               const Clock& clock, const std::string& by);

// Takes it away, and tells the journal so as the step, and why.
[[nodiscard]] Result<void> drop_pending(const RouterTarget& target, const Pending& pending,
                                        JournalEntry told);

// The entry of the journal that says that it waits.
[[nodiscard]] Result<std::optional<JournalEntry>> told_of(const RouterTarget& target,
                                                          const std::string& id);

// The plan that approving `pending` puts in force: what stays of the other classes, and of those
// that wait exactly the prefixes that were shown, less what is not wanted any more. An error says
// why it must not be: too late, or evidence or what is in force has become another. `wanted` is the
// plan of now, `fit` as of GateInputs. Pure.
[[nodiscard]] Result<Plan> approved(const Pending& pending, const GateInputs& inputs);

}  // namespace strait::routes
