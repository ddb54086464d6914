// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "routes/apply/journal.hpp"

namespace strait::routes {

// A line of the journal without its end of line.
struct JournalLine {
  JournalEntry entry;
  std::string previous;  // the hash that the line before it has; empty: an unchained line
  std::string hash;      // its own
  std::string torn;      // SHA-256 of the half line in front of it, if it tells of one
};

[[nodiscard]] std::string write_journal_line(const JournalLine& line);

// Nothing for what is no line of a journal, or one whose hash is not that of its text.
[[nodiscard]] std::optional<JournalLine> read_journal_line(std::string_view text);

}  // namespace strait::routes
