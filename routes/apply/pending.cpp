// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/pending.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <set>
#include <tuple>
#include <utility>

#include "core/digest.hpp"
#include "core/file.hpp"
#include "routes/dialects/bird.hpp"
#include "routes/model/plan_diff.hpp"

namespace strait::routes {
namespace {

constexpr std::string_view title = "# strait: a plan that waits for 'strait routes approve'\n";
constexpr std::string_view middle = "# strait: instead of\n";
constexpr std::size_t id_digits = 12;

using Classes = std::set<std::string, std::less<>>;

Classes classes_of(const Plan& plan) {
  Classes found;
  for (const Preference& each : plan.preferences) found.insert(each.traffic_class);
  return found;
}

Plan only(const Plan& plan, const Classes& classes) {
  Plan rest = plan;
  std::erase_if(rest.preferences,
                [&](const Preference& each) { return !classes.contains(each.traffic_class); });
  return rest;
}

Result<std::string> text_of(const Passage& passage) {
  auto waiting = render_bird(passage.waiting);
  if (!waiting) return waiting;
  auto kept = render_bird(passage.kept);
  if (!kept) return kept;
  return fmt::format("{}{}{}{}", title, *waiting, middle, *kept);
}

std::string id_of(std::string_view text) { return sha256_hex(text).substr(0, id_digits); }

Result<Pending> parse(std::string_view text) {
  const auto split = text.find(middle);
  if (!text.starts_with(title) || split == std::string_view::npos) {
    return fail(Errc::bad_input, "not a plan that waits");
  }
  auto plan = read_bird(text.substr(title.size(), split - title.size()));
  if (!plan) return tl::make_unexpected(plan.error());
  auto before = read_bird(text.substr(split + middle.size()));
  if (!before) return tl::make_unexpected(before.error());
  return Pending{.id = id_of(text), .plan = std::move(*plan), .instead_of = std::move(*before)};
}

std::string list(const Classes& classes) { return fmt::format("{}", fmt::join(classes, ", ")); }

// Why the one that waits must make room; nothing: it stays.
struct Farewell {
  std::string step;
  std::string reason;
};
std::optional<Farewell> farewell(const Pending& old, const Passage& passage, WallTime now) {
  if (passage.waiting.preferences.empty()) {
    return Farewell{.step = "superseded",
                    .reason = fmt::format("{}: it is not wanted any more, or in force",
                                          list(classes_of(old.plan)))};
  }
  if (old.plan.expires <= now) {
    return Farewell{
        .step = "lapsed",
        .reason = fmt::format("nobody approved it before {}", strait::to_string(old.plan.expires))};
  }
  if (!much_the_same(old.plan, passage.waiting)) {
    return Farewell{.step = "superseded", .reason = "something else is wanted by now"};
  }
  if (!much_the_same(old.instead_of, passage.kept)) {
    return Farewell{.step = "superseded", .reason = "something else is in force by now"};
  }
  return std::nullopt;
}

Result<std::string> offer(const RouterTarget& target, const Passage& passage, const Clock& clock,
                          const std::string& by) {
  auto text = text_of(passage);
  if (!text) return text;
  JournalEntry entry = journal_entry("pending", passage.waiting, passage.kept);
  entry.at = clock.now().wall;
  entry.by = by;
  entry.id = id_of(*text);
  entry.plan_hash = sha256_hex(*text);
  std::string words = fmt::format("{} waits for 'strait routes approve {}', until {}",
                                  list(classes_of(passage.waiting)), entry.id,
                                  strait::to_string(passage.waiting.expires));
  entry.reason = words;
  if (const auto noted = append_journal(target.journal_file, std::move(entry)); !noted) {
    return tl::make_unexpected(noted.error());
  }
  if (auto written = replace_file(pending_file(target), *text); !written) {
    return fail(std::move(written));
  }
  return words;
}

// The preference with those of its prefixes that are still wanted.
Preference still_wanted(const Preference& shown, const Plan& wanted) {
  Preference result = shown;
  result.prefixes.clear();
  for (const Preference& each : wanted.preferences) {
    if (each.traffic_class != shown.traffic_class || each.protocol != shown.protocol) continue;
    std::ranges::set_intersection(shown.prefixes, each.prefixes,
                                  std::back_inserter(result.prefixes));
    result.reason = each.reason;  // of the evidence that the plan's hash is of
  }
  return result;
}

}  // namespace

std::string pending_file(const RouterTarget& target) { return target.include_file + ".pending"; }

Result<std::optional<Pending>> read_pending(const RouterTarget& target) {
  const std::string file = pending_file(target);
  const auto text = read_file(file);
  if (!text && text.error().code == Errc::not_found) return std::optional<Pending>{};
  if (!text) return tl::make_unexpected(text.error());
  auto pending = parse(*text);
  if (!pending) {
    return fail(Errc::bad_input, fmt::format("{}: {}", file, pending.error().message));
  }
  return std::optional{std::move(*pending)};
}

Result<std::string> keep_pending(const RouterTarget& target, const Passage& passage,
                                 const Clock& clock, const std::string& by) {
  const WallTime now = clock.now().wall;
  auto old = read_pending(target);
  // One that nobody can read can be approved by nobody.
  const std::optional<Pending> waits = old ? std::move(*old) : std::nullopt;
  if (waits) {
    const auto why = farewell(*waits, passage, now);
    if (!why) return std::string{};
    JournalEntry told = journal_entry(why->step, waits->plan, waits->plan);
    told.diff.clear();
    told.at = now;
    told.by = by;
    told.reason = why->reason;
    if (auto dropped = drop_pending(target, *waits, std::move(told)); !dropped) {
      return fail(std::move(dropped));
    }
    if (passage.waiting.preferences.empty()) {
      return fmt::format("{} waits no more: {}", waits->id, why->reason);
    }
  }
  if (passage.waiting.preferences.empty()) return std::string{};
  return offer(target, passage, clock, by);
}

Result<void> drop_pending(const RouterTarget& target, const Pending& pending, JournalEntry told) {
  const std::string file = pending_file(target);
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) {
    return fail(Errc::io, fmt::format("remove {}: {}", file, std::strerror(errno)));
  }
  told.id = pending.id;
  const auto noted = append_journal(target.journal_file, std::move(told));
  if (!noted) return tl::make_unexpected(noted.error());
  return {};
}

Result<std::optional<JournalEntry>> told_of(const RouterTarget& target, const std::string& id) {
  std::optional<JournalEntry> found;
  const auto check =
      read_journal(target.journal_file, [&](const JournalEntry& entry, std::string_view) {
        if (!id.empty() && entry.id == id) found = entry;
      });
  if (!check) return tl::make_unexpected(check.error());
  return found;
}

Result<Plan> approved(const Pending& pending, const GateInputs& inputs) {
  const Classes classes = classes_of(pending.plan);
  if (inputs.wanted.made >= pending.plan.expires) {
    return fail(Errc::bad_input, fmt::format("{}: it could be approved until {}", pending.id,
                                             strait::to_string(pending.plan.expires)));
  }
  const Plan ask = only(inputs.wanted, classes);
  if (!much_the_same(pending.plan, ask)) {
    return fail(Errc::bad_input,
                fmt::format("{}: the evidence has become another; against what was shown, now:\n{}",
                            pending.id, diff_text(pending.plan, ask)));
  }
  const Modes nothing_new;
  const Passage rest = pass({.in_force = inputs.in_force,
                             .wanted = inputs.wanted,
                             .fit = inputs.fit,
                             .modes = nothing_new,
                             .today = {},
                             .traffic = {}});
  const Plan held = only(rest.now, classes);
  if (!much_the_same(pending.instead_of, held)) {
    return fail(Errc::bad_input,
                fmt::format("{}: what is in force has become another; against what was shown:\n{}",
                            pending.id, diff_text(pending.instead_of, held)));
  }
  Plan plan = rest.now;
  std::erase_if(plan.preferences,
                [&](const Preference& each) { return classes.contains(each.traffic_class); });
  for (const Preference& each : pending.plan.preferences) {
    plan.preferences.push_back(still_wanted(each, ask));
  }
  std::ranges::sort(plan.preferences, {}, [](const Preference& each) {
    return std::tie(each.traffic_class, each.path, each.protocol);
  });
  return plan;
}

}  // namespace strait::routes
