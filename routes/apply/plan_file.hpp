// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "routes/apply/router_target.hpp"
#include "routes/injection.hpp"
#include "routes/model/plan.hpp"
#include "routes/rib.hpp"

namespace strait::routes {

// What the include file of a router holds. For BIRD it is its dialect, which can be read back. For
// the others the dialect comes first, and behind it the plan itself in comments, with the hash of
// what stands before: what is in force can be read whatever the router's language, and a line that
// was edited shows. `rib`: of injection, whose routes are given on; a plan that prefers nothing
// needs none.
[[nodiscard]] Result<std::string> plan_file_text(const Plan& plan, const RouterTarget& target,
                                                 const Rib* rib = nullptr);

// What the speaker of an injection can give on; of another router all.
[[nodiscard]] Carries carries(RouterKind kind);

// Reads such a text back, of whichever router; notes are not in it. One that plan_file_text did not
// write byte for byte is refused: somebody edited it, or it is not ours.
[[nodiscard]] Result<Plan> read_plan_file(std::string_view text);

// Whether it was ours once, edited or not.
[[nodiscard]] bool begins_as_ours(std::string_view text);

// The plan that a file holds. Null for an empty file or one that is not there; an error for one
// that is not ours or was edited.
[[nodiscard]] Result<std::shared_ptr<const Plan>> plan_in_file(const std::string& file);

}  // namespace strait::routes
