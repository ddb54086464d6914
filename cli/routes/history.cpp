// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/history.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <optional>
#include <ostream>
#include <ranges>
#include <utility>

#include "cli/config/configuration.hpp"
#include "cli/routes/fit.hpp"
#include "cli/routes/plan_text.hpp"
#include "cli/routes/situation.hpp"
#include "core/digest.hpp"
#include "core/file.hpp"
#include "routes/apply/include_file.hpp"
#include "routes/apply/journal.hpp"
#include "routes/apply/plan_archive.hpp"
#include "routes/apply/plan_file.hpp"
#include "routes/apply/read_back.hpp"
#include "routes/apply/router_control.hpp"
#include "routes/apply/steps.hpp"
#include "routes/model/plan_diff.hpp"
#include "routes/plan_from_rib.hpp"

namespace strait::cli {
namespace {

// The router of a configuration, and what else these commands need of it.
struct Told {
  routes::RouterTarget router;
  Nanos expiry{};
};

Result<Told> told_router(const RoutesSource& source) {
  const auto configuration = load_configuration(source.config);
  if (!configuration) return tl::make_unexpected(configuration.error());
  auto router = router_of(*configuration);
  if (!router) return fail(std::move(router));
  return Told{.router = std::move(*router), .expiry = configuration->analyzer.plan.expiry};
}

Result<Told> router_with_journal(const RoutesSource& source) {
  auto told = told_router(source);
  if (told && told->router.journal_file.empty()) {
    return fail(Errc::bad_input, fmt::format("routes: {} names no journal ([{}] journal)",
                                             source.config, routes::table_of(told->router.kind)));
  }
  return told;
}

std::string indented(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    out += fmt::format("      {}\n", text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string entry_text(const routes::JournalEntry& entry) {
  std::string text =
      fmt::format("{:>5} {}  {}, {} preferences, {} prefixes", entry.entry,
                  strait::to_string(entry.at), entry.step, entry.preferences, entry.prefixes);
  if (!entry.by.empty()) {
    text += fmt::format("; by {}, {}, process {}", entry.by, entry.user, entry.pid);
  }
  if (!entry.id.empty()) text += "; ID " + entry.id;
  if (entry.refers) text += fmt::format("; of entry {}", *entry.refers);
  if (!entry.chained) text += "; without a hash";
  text += "\n" + indented(entry.reason);
  for (const std::string& guard : entry.guards) text += indented("guard " + guard);
  return text + indented(entry.diff);
}

std::string check_text(const std::string& file, const routes::JournalCheck& check) {
  std::string text = fmt::format("journal {}: {} lines", file, check.lines);
  if (check.unchained > 0) text += fmt::format(", the first {} without hashes", check.unchained);
  if (check.torn > 0) text += fmt::format(", {} half lines that later ones tell of", check.torn);
  if (check.whole()) return text + "; the chain is whole\n";
  if (check.broken_line != 0) {
    text += fmt::format("; BROKEN at line {}: {}", check.broken_line, check.problem);
  }
  if (check.torn_octets > 0) {
    text +=
        fmt::format("; ends in a half line of {} octets: its writer was killed or the disk full",
                    check.torn_octets);
  }
  return text + "\n";
}

// A plan that was in force once.
struct PastPlan {
  std::uint64_t entry = 0;
  std::string content;
  std::string plan_hash;
  bool plain = false;  // plain BGP
};

Result<std::vector<PastPlan>> past_plans(const std::string& journal) {
  std::vector<PastPlan> plans;
  const auto check =
      routes::read_journal(journal, [&](const routes::JournalEntry& entry, std::string_view) {
        if (entry.step != "confirmed") return;
        plans.push_back({.entry = entry.entry,
                         .content = entry.content_hash,
                         .plan_hash = entry.plan_hash,
                         .plain = entry.preferences == 0});
      });
  if (!check) return tl::make_unexpected(check.error());
  return plans;
}

// The one to go back to: that of `entry`, or the newest that prefers something else than `now`.
Result<PastPlan> chosen(const std::vector<PastPlan>& plans, std::optional<std::uint64_t> entry,
                        const std::string& now) {
  for (const PastPlan& plan : std::views::reverse(plans)) {
    const bool other = !plan.content.empty() && plan.content != now;
    if (entry ? plan.entry == *entry : other) return plan;
  }
  if (entry) {
    return fail(Errc::not_found,
                fmt::format("rollback: entry {} of the journal confirms no plan", *entry));
  }
  return PastPlan{.entry = 0, .content = {}, .plan_hash = {}, .plain = true};
}

Result<routes::Plan> plan_again(const PastPlan& past, const Told& told, const Clock& clock) {
  if (past.plain) {
    return routes::withdrawal(clock, past.entry == 0
                                         ? std::string{"rollback: nothing was in force before"}
                                         : fmt::format("rollback to entry {}", past.entry));
  }
  auto plan = routes::kept_plan(told.router.journal_file, past.content);
  if (!plan) return plan;
  plan->made = clock.now().wall;
  plan->expires = plan->made + told.expiry;
  return plan;
}

// Gives the past plan the note that stops it.
routes::Plan not_again(routes::Plan plan, const PastPlan& past, const std::string& why) {
  plan.notes.push_back({.guard = "old-plan",
                        .message = fmt::format("entry {}: {}", past.entry, why),
                        .blocks = true});
  return plan;
}

// What of an old plan may be in force now. Its evidence and RIB were those of then; the expiry that
// it gets is one of now. `rib`: that of now.
routes::Plan fit_now(routes::Plan old, const PastPlan& past, const RoutesSource& source,
                     std::ostream& progress, std::shared_ptr<const routes::Rib>& rib) {
  const auto situation = look(source, progress);
  if (!situation) {
    return not_again(std::move(old), past,
                     "what is known now cannot be read: " + situation.error().message);
  }
  if (!situation->rib) {
    return not_again(std::move(old), past, "without a RIB ([routes] rib) it cannot be checked");
  }
  const KnownRib& known = *situation->rib;
  rib = routes_of(situation->rib);
  routes::Plan plan = fit_part(situation->configuration, old, situation->advice, known);
  routes::note_damage(known.report, plan);
  if (!known.rpki_note.empty()) {
    plan.notes.push_back({.guard = "rpki-data", .message = known.rpki_note, .blocks = false});
  }
  if (plan.preferences.empty()) {
    return not_again(std::move(plan), past, "nothing of it may be preferred now");
  }
  return plan;
}

// Finishes an apply that was killed, and says so.
Result<void> finish_story(const Told& told, const Clock& clock, const char* by,
                          const RoutesStreams& streams) {
  const auto finished = routes::recover(told.router, clock, by);
  if (!finished) return tl::make_unexpected(finished.error());
  if (!finished->empty()) streams.progress << *finished << '\n';
  return {};
}

// What is wrong with the files alone.
Result<std::vector<std::string>> wrong_with_files(const Told& told) {
  std::vector<std::string> wrong;
  const routes::IncludeFile include{told.router.include_file};
  if (include.unfinished()) {
    wrong.emplace_back(
        "an apply was killed and nobody has gone on: 'strait run' does, and so do "
        "'strait routes apply' and 'rollback'");
  }
  const auto text = include.content();
  if (!text) return tl::make_unexpected(text.error());
  const auto plans = past_plans(told.router.journal_file);
  if (!plans) return tl::make_unexpected(plans.error());
  if (!plans->empty() && plans->back().plan_hash != sha256_hex(text->value_or(""))) {
    wrong.push_back(fmt::format("{} is not the plan that entry {} of the journal confirmed",
                                told.router.include_file, plans->back().entry));
  }
  return wrong;
}

void note(const Told& told, const char* step, const char* by, const std::string& why,
          const RoutesStreams& streams) {
  routes::JournalEntry entry;
  entry.at = SystemClock{}.now().wall;
  entry.step = step;
  entry.by = by;
  entry.reason = why;
  const auto noted = routes::append_journal(told.router.journal_file, std::move(entry));
  if (!noted) streams.progress << noted.error().message << '\n';
}

}  // namespace

Result<int> run_history(const HistoryOptions& options, const RoutesStreams& streams) {
  const auto told = router_with_journal(options.source);
  if (!told) return tl::make_unexpected(told.error());
  const std::string& file = told->router.journal_file;
  std::deque<std::string> newest;
  const auto check =
      routes::read_journal(file, [&](const routes::JournalEntry& entry, std::string_view line) {
        newest.push_back(options.source.json ? std::string{line} + "\n" : entry_text(entry));
        if (options.last > 0 && newest.size() > options.last) newest.pop_front();
      });
  if (!check) return tl::make_unexpected(check.error());
  for (const std::string& text : newest) streams.results << text;
  (options.source.json ? streams.progress : streams.results) << check_text(file, *check);
  if (!options.export_to.empty()) {
    const auto bytes = read_file(file);
    if (!bytes) return tl::make_unexpected(bytes.error());
    if (auto written = replace_file(options.export_to, *bytes); !written) {
      return fail(std::move(written));
    }
  }
  return check->whole() ? 0 : 1;
}

Result<int> run_rollback(const RollbackOptions& options, const RoutesStreams& streams) {
  const char* const by = "routes rollback";
  const SystemClock clock;
  const auto told = router_with_journal(options.source);
  if (!told) return tl::make_unexpected(told.error());
  if (auto finished = finish_story(*told, clock, by, streams); !finished) {
    return fail(std::move(finished));
  }
  const auto in_force = routes::plan_in_file(told->router.include_file);
  if (!in_force) return tl::make_unexpected(in_force.error());
  const auto plans = past_plans(told->router.journal_file);
  if (!plans) return tl::make_unexpected(plans.error());
  const routes::Plan now = *in_force ? **in_force : routes::Plan{};
  const auto past = chosen(*plans, options.entry, routes::content_hash(now));
  if (!past) return tl::make_unexpected(past.error());
  auto plan = plan_again(*past, *told, clock);
  if (!plan) return tl::make_unexpected(plan.error());
  routes::ApplyRequest request;
  if (!past->plain) {
    *plan = fit_now(std::move(*plan), *past, options.source, streams.progress, request.rib);
  }
  streams.results << routes::diff_text(now, *plan) << notes_text(plan->notes);
  request.by = by;
  if (past->entry != 0) request.refers = past->entry;
  const auto report = routes::apply(*plan, told->router, clock, request);
  if (!report) return tl::make_unexpected(report.error());
  streams.results << fmt::format("{}: {}\n", routes::to_string(report->outcome), report->reason);
  return report->outcome == routes::ApplyOutcome::confirmed ? 0 : 1;
}

Result<int> run_verify(const VerifyOptions& options, const RoutesStreams& streams) {
  const auto told = told_router(options.source);
  if (!told) return tl::make_unexpected(told.error());
  auto wrong = wrong_with_files(*told);
  if (!wrong) return tl::make_unexpected(wrong.error());
  const auto in_force = routes::plan_in_file(told->router.include_file);
  if (!in_force) return tl::make_unexpected(in_force.error());
  const routes::Plan plan = *in_force ? **in_force : routes::Plan{};
  if (!plan.preferences.empty() && plan.expires <= SystemClock{}.now().wall) {
    wrong->push_back(fmt::format("the plan expired at {} and is still in force",
                                 strait::to_string(plan.expires)));
  }
  const auto router = routes::reach(told->router);
  if (!router) return tl::make_unexpected(router.error());
  const auto seen = routes::read_back(**router, plan, options.sample);
  if (!seen) return tl::make_unexpected(seen.error());
  for (const routes::Preference& each : plan.preferences) {
    streams.results << fmt::format("{}: {} by {}, local-pref {}, {} prefixes\n", each.traffic_class,
                                   each.path, each.protocol, each.local_pref.value(),
                                   each.prefixes.size());
  }
  if (plan.preferences.empty()) streams.results << "plain BGP: nothing is preferred\n";
  streams.results << fmt::format(
      "{} of {} prefixes read back are as the plan says, {} no longer offered, {} marked\n",
      seen->as_wanted, seen->checked, seen->gone, seen->marked);
  for (const std::string& text : *wrong) streams.results << "WRONG: " << text << '\n';
  for (const std::string& text : seen->differences) streams.results << "WRONG: " << text << '\n';
  return wrong->empty() && seen->agrees() ? 0 : 1;
}

Result<int> run_stop(const StopOptions& options, const RoutesStreams& streams) {
  const auto told = told_router(options.source);
  if (!told) return tl::make_unexpected(told.error());
  const std::string why = options.reason.empty() ? std::string{"no reason given"} : options.reason;
  const std::string file = routes::stop_file(told->router);
  const std::string text =
      fmt::format("{}, since {}\n", why, strait::to_string(SystemClock{}.now().wall));
  if (auto written = replace_file(file, text); !written) return fail(std::move(written));
  note(*told, "stopped", "routes stop", why, streams);
  streams.results << fmt::format(
      "stopped: {} is there, and nothing is preferred anew or for longer; 'strait routes apply "
      "--withdraw' brings plain BGP back at once\n",
      file);
  return 0;
}

Result<int> run_resume(const ResumeOptions& options, const RoutesStreams& streams) {
  const auto told = told_router(options.source);
  if (!told) return tl::make_unexpected(told.error());
  const std::string file = routes::stop_file(told->router);
  if (::unlink(file.c_str()) != 0) {
    if (errno != ENOENT) {
      return fail(Errc::io, fmt::format("remove {}: {}", file, std::strerror(errno)));
    }
    streams.results << "it was not stopped\n";
    return 0;
  }
  note(*told, "resumed", "routes resume", file + " is gone", streams);
  streams.results << "resumed\n";
  return 0;
}

}  // namespace strait::cli
