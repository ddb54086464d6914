// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/apply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "core/digest.hpp"
#include "core/file.hpp"
#include "routes/apply/include_file.hpp"
#include "routes/apply/journal.hpp"
#include "routes/apply/plan_archive.hpp"
#include "routes/apply/plan_file.hpp"
#include "routes/apply/router_control.hpp"
#include "routes/apply/steps.hpp"
#include "routes/apply/watchdog.hpp"

namespace strait::routes {
namespace {

constexpr std::string_view stop_guard = "stop-file";
constexpr std::string_view clock_guard = "clock-set-back";
constexpr std::string_view doubt_guard = "clock-untrusted";
constexpr std::string_view expiry_guard = "plan-expired";
constexpr std::string_view edit_guard = "edited-file";
constexpr std::string_view lock_guard = "one-at-a-time";
constexpr std::string_view down_guard = "router-down";
constexpr std::string_view check_guard = "router-check";
constexpr std::string_view read_back_guard = "read-back";
constexpr std::string_view journal_guard = "journal-chain";
constexpr std::string_view watchdog_guard = "no-watchdog";

constexpr auto poll_interval = std::chrono::milliseconds{100};

std::string by_guard(std::string_view guard, std::string_view words) {
  return fmt::format("guard {}: {}", guard, words);
}

tl::unexpected<Error> refused_by(std::string_view guard, const Error& error) {
  return fail(error.code, by_guard(guard, error.message));
}

// Somebody has stopped it; empty: nobody has.
std::string stop_words(const RouterTarget& target) {
  const auto why = stopped(target);
  if (!why) return {};
  return by_guard(stop_guard, fmt::format("{} says: {}", stop_file(target), *why));
}

// What speaks against the clock that the plan expires by; empty: nothing. Plain BGP needs none.
std::string clock_doubt(const Plan& plan, const RouterTarget& target) {
  return plan.preferences.empty() || !target.clock_doubt ? std::string{} : target.clock_doubt();
}

// Why this plan must not be applied at all; empty when it may be.
std::string refusal(const Plan& plan, const RouterTarget& target, WallTime now,
                    const std::string& doubt) {
  for (const GuardNote& note : plan.notes) {
    if (note.blocks) return by_guard(note.guard, note.message);
  }
  if (plan.preferences.empty()) return {};
  if (plan.expires <= now) {
    return by_guard(expiry_guard,
                    fmt::format("the plan expired at {}", strait::to_string(plan.expires)));
  }
  if (target.synchronised_clock && !doubt.empty()) return by_guard(doubt_guard, doubt);
  return stop_words(target);
}

// Why this plan must not follow the one in force; empty when it may.
std::string refusal_behind(const Plan& before, const Plan& plan, WallTime now) {
  if (plan.preferences.empty()) return {};
  for (const Plan* const each : {&before, &plan}) {
    if (each->preferences.empty() || !dated_ahead(*each, now)) continue;
    return fmt::format(
        "guard {}: a plan was made at {}, and it is {} now; 'strait routes apply "
        "--withdraw' brings plain BGP back",
        clock_guard, strait::to_string(each->made), strait::to_string(now));
  }
  return {};
}

// Reads back until the routes agree or the time is up. Differences are a value, not an error.
Result<ReadBack> settle(RouterControl& router, const Plan& plan, const RouterTarget& target) {
  // The router's own timer runs meanwhile.
  const Nanos most = router.has_timer() ? target.confirm_timeout / 2 : Nanos::max();
  const auto patience = std::min(target.read_back_within, most);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (true) {
    auto seen = read_back(router, plan, target.sample);
    if (!seen || seen->agrees() || std::chrono::steady_clock::now() >= deadline) return seen;
    std::this_thread::sleep_for(poll_interval);
  }
}

ApplyReport report(ApplyOutcome outcome, std::string reason, ReadBack seen = {}) {
  return {.outcome = outcome, .reason = std::move(reason), .read_back = std::move(seen)};
}

std::string who_undoes(const RouterControl& router) {
  if (router.has_timer()) return fmt::format("{} undoes by its own timer", router.name());
  return "'strait routes expire', 'strait run' or the next apply undoes it";
}

// One apply under way.
struct Work {
  const Plan& plan;
  const std::string& text;  // the plan rendered
  std::string hash;         // of the text
  const RouterTarget& target;
  const ApplyRequest& request;
  IncludeFile& include;

  void reached(ApplyStep step) const {
    if (request.on_step) request.on_step(step);
  }
};

// Puts the old file and, through `router`, the old configuration back. The copy of the old file
// stays where nobody but recover() would undo.
ApplyReport roll_back(RouterControl& router, const Work& work, std::string why,
                      ReadBack seen = {}) {
  const IncludeFile& include = work.include;
  const auto restored = include.put_back(work.hash);
  if (restored && !restored->empty()) why += fmt::format("; guard {}: {}", edit_guard, *restored);
  const auto undone = router.undo(include.previous());
  if (restored && (undone || router.has_timer())) include.forget_previous();
  if (!restored) {
    return report(
        ApplyOutcome::failed,
        fmt::format("{}; and the old file did not come back: {}", why, restored.error().message),
        std::move(seen));
  }
  if (!undone) {
    return report(ApplyOutcome::failed,
                  fmt::format("{}; the old file is back, but {}; {}", why, undone.error().message,
                              who_undoes(router)),
                  std::move(seen));
  }
  return report(ApplyOutcome::rolled_back, why, std::move(seen));
}

std::string first_differences(const ReadBack& seen) {
  constexpr std::size_t shown = 3;
  const std::span all{seen.differences};
  std::string text = fmt::format("{}", fmt::join(all.first(std::min(shown, all.size())), "; "));
  if (all.size() > shown) text += fmt::format("; and {} more", all.size() - shown);
  return text;
}

// Copies the old file and writes the new one. An error leaves the old one, and no new copy.
Result<void> place(const Work& work) {
  const bool copy_before = work.include.unfinished();
  if (auto kept = work.include.keep_previous(); !kept) return kept;
  work.reached(ApplyStep::kept);
  if (auto written = work.include.write(work.text); !written) {
    if (!copy_before) work.include.forget_previous();
    return written;
  }
  work.reached(ApplyStep::written);
  return {};
}

// Somebody else's word in the meantime; empty: none.
std::string objection(const Work& work) {
  return work.plan.preferences.empty() ? std::string{} : stop_words(work.target);
}

// An include file that is not the one that we wrote is the operator's: only the router goes back,
// where it can without the file.
std::optional<ApplyReport> edited_meanwhile(RouterControl& router, const Work& work,
                                            const ReadBack& seen) {
  const auto now = work.include.content().value_or(std::nullopt);
  if (now && *now == work.text) return std::nullopt;
  if (router.follows_file()) {
    return roll_back(router, work, "what was loaded is not what the file holds", seen);
  }
  const auto undone = router.undo(work.include.previous());
  work.include.forget_previous();
  const std::string what =
      undone ? fmt::format("{} has its old configuration", router.name())
             : fmt::format("{}: {}",
                           router.has_timer() ? who_undoes(router)
                                              : fmt::format("{} did not go back", router.name()),
                           undone.error().message);
  return report(ApplyOutcome::failed,
                fmt::format("guard {}: {} was changed by hand meanwhile: left as it is; {}",
                            edit_guard, work.target.include_file, what),
                seen);
}

Result<ReadBack> see(RouterControl& router, const Work& work) {
  if (auto loaded = router.load(); !loaded) return tl::make_unexpected(loaded.error());
  work.reached(ApplyStep::loaded);
  return settle(router, work.plan, work.target);
}

// What the new file says is not taken.
ApplyReport not_taken(const Work& work, std::string why) {
  const auto restored = work.include.restore(work.hash);
  if (!restored) why += "; " + restored.error().message;
  if (restored && !restored->empty()) why += "; " + *restored;
  return report(restored ? ApplyOutcome::refused : ApplyOutcome::failed, std::move(why));
}

// From the file in place to the confirmed plan, or back.
ApplyReport load(RouterControl& router, const Work& work) {
  if (auto checked = router.check(); !checked) {
    return not_taken(work, by_guard(check_guard, checked.error().message));
  }
  work.reached(ApplyStep::checked);
  auto seen = see(router, work);
  if (!seen) return roll_back(router, work, seen.error().message);
  if (!seen->agrees()) {
    return roll_back(
        router, work,
        by_guard(read_back_guard, "the routes do not follow the plan: " + first_differences(*seen)),
        *seen);
  }
  work.reached(ApplyStep::seen);
  if (auto edited = edited_meanwhile(router, work, *seen)) return *edited;
  if (const auto why = objection(work); !why.empty()) {
    return roll_back(router, work, why, *seen);
  }
  if (auto kept = router.confirm(); !kept) {
    return roll_back(router, work, kept.error().message, *seen);
  }
  work.reached(ApplyStep::confirmed);
  work.include.forget_previous();
  work.reached(ApplyStep::forgotten);
  auto words =
      fmt::format("{} of {} prefixes read back follow the plan, {} no longer offered, {} marked",
                  seen->as_wanted, seen->checked, seen->gone, seen->marked);
  return report(ApplyOutcome::confirmed, std::move(words), std::move(*seen));
}

// Where the router has no timer: who goes on when we die. Nothing is told without him.
Result<std::optional<Watchdog>> guarded(const RouterControl& router, const Plan& plan,
                                        const RouterTarget& target) {
  if (router.has_timer() || target.watchdog.empty()) return std::nullopt;
  auto watchdog = Watchdog::start(target.watchdog);
  // Plain BGP comes back all the same.
  if (!watchdog && plan.preferences.empty()) return std::nullopt;
  if (!watchdog) return refused_by(watchdog_guard, watchdog.error());
  return std::optional<Watchdog>{std::move(*watchdog)};
}

// The plan that the include file holds; none when it is not one of ours. An error when it was ours
// and was edited: a plan must not overwrite that, but plain BGP may.
Result<Plan> plan_before(const IncludeFile& include, const Plan& plan, const std::string& file) {
  const auto text = include.content();
  if (!text) return tl::make_unexpected(text.error());
  auto before = read_plan_file(text->value_or(""));
  if (before || plan.preferences.empty()) return before.value_or(Plan{});
  if (!begins_as_ours(text->value_or(""))) return Plan{};
  return refused_by(edit_guard,
                    {before.error().code, fmt::format("{}: {}", file, before.error().message)});
}

// Writes into the journal of a target.
class Scribe {
 public:
  Scribe(const RouterTarget& target, const Clock& clock, const ApplyRequest& request)
      : file_{target.journal_file}, clock_{clock}, request_{request} {}
  [[nodiscard]] Result<std::uint64_t> note(JournalEntry entry) const {
    entry.at = clock_.now().wall;
    entry.by = request_.by;
    if (!entry.refers) entry.refers = request_.refers;
    return append_journal(file_, std::move(entry));
  }

 private:
  const std::string& file_;
  const Clock& clock_;
  const ApplyRequest& request_;
};

JournalEntry beginning(const Work& work, const Plan& before, const std::string& doubt) {
  JournalEntry entry = journal_entry("begin", work.plan, before);
  entry.plan_hash = work.hash;
  entry.changed = work.request.changed;
  if (!doubt.empty()) entry.guards.push_back(fmt::format("{}: {}", doubt_guard, doubt));
  return entry;
}

Result<ApplyReport> refuse(const Scribe& scribe, const Plan& plan, const std::string& why) {
  auto entry = journal_entry("refused", plan, plan);
  entry.diff.clear();
  entry.reason = why;
  if (const auto noted = scribe.note(std::move(entry)); !noted) {
    return tl::make_unexpected(noted.error());
  }
  return report(ApplyOutcome::refused, why);
}

// Tells the journal how it ended, and keeps what was confirmed.
void conclude(const Scribe& scribe, const Work& work, JournalEntry entry, ApplyReport& done) {
  if (done.outcome == ApplyOutcome::confirmed) {
    const auto kept = keep_plan(work.target.journal_file, entry.content_hash, work.text);
    if (!kept) done.reason += "; " + kept.error().message;
  }
  entry.step = to_string(done.outcome);
  entry.changed.clear();
  entry.reason = done.reason;
  const auto noted = scribe.note(std::move(entry));
  if (!noted) done.reason += "; " + noted.error().message;
}

}  // namespace

std::string_view to_string(ApplyOutcome outcome) {
  switch (outcome) {
    case ApplyOutcome::confirmed:
      return "confirmed";
    case ApplyOutcome::refused:
      return "refused";
    case ApplyOutcome::rolled_back:
      return "rolled-back";
    case ApplyOutcome::failed:
      return "failed";
  }
  return "";
}

std::string stop_file(const RouterTarget& target) { return target.include_file + ".stop"; }

std::optional<std::string> stopped(const RouterTarget& target) {
  auto text = read_file(stop_file(target));
  // One that cannot be read stops too.
  if (!text) {
    if (text.error().code == Errc::not_found) return std::nullopt;
    return text.error().message;
  }
  std::ranges::replace(*text, '\n', ' ');
  while (!text->empty() && text->back() == ' ') text->pop_back();
  return text->empty() ? std::string{"nothing more"} : *text;
}

Result<ApplyReport> apply(const Plan& plan, const RouterTarget& target, const Clock& clock,
                          const ApplyRequest& request) {
  const Scribe scribe{target, clock, request};
  const bool prefers = !plan.preferences.empty();
  const std::string doubt = clock_doubt(plan, target);
  if (const auto why = refusal(plan, target, clock.now().wall, doubt); !why.empty()) {
    return refuse(scribe, plan, why);
  }
  const auto text = plan_file_text(plan, target, request.rib.get());
  if (!text) return tl::make_unexpected(text.error());
  const auto lock = ApplyLock::take(target.include_file, request.by);
  if (!lock) return refused_by(lock_guard, lock.error());
  IncludeFile include{target.include_file};
  const auto before = plan_before(include, plan, target.include_file);
  if (!before) return tl::make_unexpected(before.error());
  if (const auto why = refusal_behind(*before, plan, clock.now().wall); !why.empty()) {
    return refuse(scribe, plan, why);
  }
  const auto router = reach(target, &*lock);
  if (!router) return refused_by(down_guard, router.error());
  auto watchdog = guarded(**router, plan, target);
  if (!watchdog) return fail(std::move(watchdog));

  const Work work{.plan = plan,
                  .text = *text,
                  .hash = sha256_hex(*text),
                  .target = target,
                  .request = request,
                  .include = include};
  JournalEntry entry = beginning(work, *before, doubt);
  // Plain BGP comes back whatever the journal's state is.
  if (auto begun = scribe.note(entry); !begun && prefers) {
    return refused_by(journal_guard, begun.error());
  }
  work.reached(ApplyStep::begun);
  if (auto placed = place(work); !placed) {
    entry.step = "failed";
    entry.reason = placed.error().message;
    const auto noted = scribe.note(std::move(entry));  // perhaps the disk is full: recover() tells
    return fail(placed.error().code,
                noted ? placed.error().message
                      : fmt::format("{}; {}", placed.error().message, noted.error().message));
  }
  ApplyReport done = load(**router, work);
  conclude(scribe, work, std::move(entry), done);
  // It waits for our lock.
  if (std::optional<Watchdog>& other = *watchdog; other && include.unfinished()) other->take_over();
  return done;
}

Result<ApplyReport> apply(const Plan& plan, const RouterTarget& target, const Clock& clock) {
  return apply(plan, target, clock, {});
}

Plan withdrawal(const Clock& clock, std::string why) {
  Plan plan;
  plan.made = clock.now().wall;
  plan.expires = plan.made;
  plan.notes.push_back({.guard = "withdrawal", .message = std::move(why), .blocks = false});
  return plan;
}

}  // namespace strait::routes
