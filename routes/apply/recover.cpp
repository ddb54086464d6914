// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/digest.hpp"
#include "routes/apply/include_file.hpp"
#include "routes/apply/journal.hpp"
#include "routes/apply/plan_archive.hpp"
#include "routes/apply/router_control.hpp"
#include "routes/apply/steps.hpp"

namespace strait::routes {
namespace {

Result<void> load_again(const RouterTarget& target, const ApplyLock& lock,
                        const IncludeFile& include) {
  const auto router = reach(target, &lock);
  if (!router) return tl::make_unexpected(router.error());
  return (*router)->settle_on(include.previous());
}

// The steps that end what "begin" has begun.
constexpr std::array<std::string_view, 5> ends{"confirmed", "rolled-back", "failed", "recovered",
                                               "abandoned"};

// The last "begin" if nothing came behind it.
Result<std::optional<JournalEntry>> open_end(const std::string& journal) {
  std::optional<JournalEntry> last;
  const auto check = read_journal(journal, [&](const JournalEntry& entry, std::string_view) {
    if (entry.step == "begin") {
      last = entry;
    } else if (std::ranges::find(ends, entry.step) != ends.end()) {
      last.reset();
    }
  });
  if (!check) return tl::make_unexpected(check.error());
  return last;
}

JournalEntry conclusion(const std::optional<JournalEntry>& begun, std::string step,
                        std::string reason, const Clock& clock, const std::string& by) {
  JournalEntry entry = begun.value_or(JournalEntry{});
  entry.refers = begun ? std::optional{begun->entry} : std::nullopt;
  entry.at = clock.now().wall;
  entry.by = by;
  entry.diff.clear();
  entry.changed.clear();
  entry.step = std::move(step);
  entry.reason = std::move(reason);
  return entry;
}

// The file is one of the two; the journal does not know which.
Result<std::string> tell_the_end(const RouterTarget& target, const JournalEntry& begun,
                                 const std::optional<std::string>& content, const Clock& clock,
                                 const std::string& by) {
  const bool done = content && sha256_hex(*content) == begun.plan_hash;
  std::string words =
      done
          ? fmt::format("the apply of entry {} was confirmed, and killed before it said so",
                        begun.entry)
          : fmt::format("the apply of entry {} was killed before it changed anything", begun.entry);
  if (done) {
    if (auto kept = keep_plan(target.journal_file, begun.content_hash, *content); !kept) {
      return fail(std::move(kept));
    }
  }
  const auto noted = append_journal(
      target.journal_file, conclusion(begun, done ? "confirmed" : "abandoned", words, clock, by));
  if (!noted) return tl::make_unexpected(noted.error());
  return words;
}

}  // namespace

Result<std::string> recover(const RouterTarget& target, const Clock& clock, const std::string& by) {
  const auto lock = ApplyLock::take(target.include_file, by);
  if (!lock) return tl::make_unexpected(lock.error());
  IncludeFile include{target.include_file};
  const auto begun = open_end(target.journal_file);
  if (!begun) return tl::make_unexpected(begun.error());
  const std::optional<JournalEntry>& entry = *begun;
  if (!include.unfinished()) {
    if (!entry) return std::string{};
    const auto content = include.content();
    if (!content) return tl::make_unexpected(content.error());
    return tell_the_end(target, *entry, *content, clock, by);
  }
  if (auto kept = include.keep_previous(); !kept) return fail(std::move(kept));
  auto edit = include.put_back(entry ? entry->plan_hash : std::string{});
  if (!edit) return edit;
  if (auto loaded = load_again(target, *lock, include); !loaded) {
    return fail(
        loaded.error().code,
        fmt::format("an apply was killed: {} is what it was before, but {} did not load it: {}{}{}",
                    target.include_file, to_string(target.kind), loaded.error().message,
                    edit->empty() ? "" : "; ", *edit));
  }
  include.forget_previous();
  std::string words =
      fmt::format("an apply was killed: {} is what it was before, and {} has loaded it",
                  target.include_file, to_string(target.kind));
  if (!edit->empty()) words += "; " + *edit;
  const auto noted =
      append_journal(target.journal_file, conclusion(entry, "recovered", words, clock, by));
  if (!noted) return fmt::format("{}; {}", words, noted.error().message);
  return words;
}

}  // namespace strait::routes
