// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "routes/model/plan.hpp"

namespace strait::routes {

// One line of the journal, as JSON. Each bears the hash of the line before it and its own, so that
// a line which was changed, taken out or put in shows (docs/man/strait-routes.1, JOURNAL).
struct JournalEntry {
  WallTime at;
  std::string step;  // "begin", "confirmed", "rolled-back", "refused", "failed", "recovered", ...
  std::string by;    // what asked: "routes apply", "service"
  std::string plan_hash;     // SHA-256 of the rendered file; empty: none
  std::string content_hash;  // of what the plan prefers alone: see content_hash()
  std::string reason;
  std::string diff;                     // what it changes, for people; bounded
  std::optional<std::uint64_t> refers;  // the entry that this one is about
  // Of the plan:
  std::string evidence_hash;
  std::uint64_t preferences = 0;
  std::uint64_t prefixes = 0;
  std::vector<std::string> guards;   // what they said; bounded
  std::vector<std::string> changed;  // classes that get another path; of "begin"
  std::string id;                    // of a plan that waits, by which it is approved
  // Known when it is read, written by append_journal():
  std::uint64_t entry = 0;  // its line in the file, from 1
  std::string user;
  std::int64_t pid = 0;
  bool chained = false;  // false: of a journal from before there were hashes
};

// What can be told of a plan. `before` is what it changes.
[[nodiscard]] JournalEntry journal_entry(std::string step, const Plan& plan, const Plan& before);

// SHA-256 over class, path, session, local preference and prefixes: equal for a plan and its
// renewal.
[[nodiscard]] std::string content_hash(const Plan& plan);

// How whole a journal is.
struct JournalCheck {
  std::uint64_t lines = 0;
  std::uint64_t unchained = 0;    // in front of the first chained line
  std::uint64_t torn = 0;         // half lines that a later line has told of
  std::uint64_t torn_octets = 0;  // of a half line at the end that nobody has told of yet
  std::uint64_t broken_line = 0;  // the first that does not fit; 0: none
  std::string problem;            // what is wrong with it
  std::string last_hash;          // that the next line has to bear

  [[nodiscard]] bool whole() const { return broken_line == 0 && torn_octets == 0; }
};

// Reads and verifies line by line; `each` gets the entries with the text of their lines, also those
// behind a broken one. A file that is not there is an empty journal.
[[nodiscard]] Result<JournalCheck> read_journal(
    const std::string& file,
    const std::function<void(const JournalEntry& entry, std::string_view line)>& each);

// Appends the entry with user, process and hashes and syncs the file, so that it outlives us and
// the machine; returns its number. Of a half line at the end it tells first. Behind a line that
// does not fit nothing is written, and the error names it. No file named: no journal, and 0.
[[nodiscard]] Result<std::uint64_t> append_journal(const std::string& file, JournalEntry entry);

}  // namespace strait::routes
