// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "routes/model/plan.hpp"

namespace strait::routes {

// One step of one apply, as a line of JSON: at, step, evidence, plan (SHA-256 of the rendered
// file), preferences, prefixes, reason.
struct JournalEntry {
  WallTime at;
  std::string step;  // "begin", "confirmed", "rolled-back", "refused", "failed"
  std::string plan_hash;
  std::string reason;
};

[[nodiscard]] std::string journal_line(const JournalEntry& entry, const Plan& plan);

// Appends the line and syncs the file, so that it outlives us and the machine. No file named: no
// journal.
[[nodiscard]] Result<void> append_journal(const std::string& file, std::string_view line);

}  // namespace strait::routes
