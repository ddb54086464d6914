// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "cli/routes/advice.hpp"
#include "routes/model/plan.hpp"

namespace strait::cli {

// A line of JSON, as in docs/JSON.md: the plan, the parts that have paths of their own, and what
// all of it covers.
[[nodiscard]] std::string to_json(const routes::Plan& plan, const Advice& advice);

// How much of each class lies in measured and in split parts; empty where no class has parts.
[[nodiscard]] std::string coverage_text(const Advice& advice);

// A line for each, saying whether it blocks the plan.
[[nodiscard]] std::string notes_text(std::span<const routes::GuardNote> notes);

}  // namespace strait::cli
