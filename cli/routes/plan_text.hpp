// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "routes/model/plan.hpp"

namespace strait::cli {

// A line of JSON, as in docs/JSON.md.
[[nodiscard]] std::string to_json(const routes::Plan& plan);

// A line for each, saying whether it blocks the plan.
[[nodiscard]] std::string notes_text(std::span<const routes::GuardNote> notes);

}  // namespace strait::cli
