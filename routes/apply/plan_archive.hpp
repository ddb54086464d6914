// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"
#include "routes/model/plan.hpp"

namespace strait::routes {

// Confirmed plans, so that there is something to go back to: JOURNAL.plans/CONTENT-HASH, the newest
// 32. Without a journal nothing is kept.
[[nodiscard]] Result<void> keep_plan(const std::string& journal_file, const std::string& content,
                                     std::string_view rendered);

// The one of that content; an error that says so when it is not there any more, or is not what its
// name says.
[[nodiscard]] Result<Plan> kept_plan(const std::string& journal_file, const std::string& content);

}  // namespace strait::routes
