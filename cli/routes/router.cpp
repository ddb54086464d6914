// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/router.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "routes/apply/gate.hpp"
#include "routes/apply/journal.hpp"
#include "routes/apply/pending.hpp"
#include "routes/apply/plan_file.hpp"
#include "routes/apply/steps.hpp"
#include "routes/model/plan_diff.hpp"

namespace strait::cli {
namespace {

constexpr Nanos pause_after_refusal = std::chrono::seconds{10};

bool same_preferences(const routes::Plan& a, const routes::Plan& b) {
  return std::ranges::none_of(
      routes::diff(a, b), [](const routes::PreferenceChange& change) { return change.changes(); });
}

constexpr Nanos a_day = std::chrono::hours{24};

bool half_over(const routes::Plan& plan, WallTime now) {
  return now - plan.made >= (plan.expires - plan.made) / 2;
}

}  // namespace

// What the thread does besides: it goes on from an apply that was killed, counts the changes of the
// day, and tells the journal what waits and what became of a plan.
class RouterChores {
 public:
  RouterChores(const routes::RouterTarget& target, const Clock& clock)
      : target_{target}, clock_{clock} {}

  // Until it has succeeded once.
  Result<void> finish_story() {
    if (finished_) return {};
    const auto done = routes::recover(target_, clock_, "service");
    if (!done) return tl::make_unexpected(done.error());
    if (!done->empty()) spdlog::warn("router: {}", *done);
    if (auto counted = count_changes(); !counted) return counted;
    finished_ = true;
    return {};
  }

  [[nodiscard]] routes::ChangesToday changes_today(WallTime now) const {
    routes::ChangesToday today;
    for (const Change& change : changes_) {
      if (change.at <= now - a_day) continue;  // one of tomorrow counts: the clock was set back
      ++today.all;
      ++today.by_class[change.traffic_class];
    }
    return today;
  }

  void note_changes(const std::vector<std::string>& classes, WallTime now) {
    std::erase_if(changes_, [&](const Change& change) { return change.at <= now - a_day; });
    for (const std::string& each : classes) changes_.push_back({.at = now, .traffic_class = each});
  }

  // Makes FILE.pending what waits; in words.
  void keep_waiting(const routes::Passage& passage) const {
    const auto done = routes::keep_pending(target_, passage, clock_, "service");
    if (!done) spdlog::error("router: {}", done.error().message);
    if (done && !done->empty()) spdlog::info("router: {}", *done);
  }

  // A plan that was renewed has been in force for half its time: its reasons have the figures of
  // now. Told once for each plan.
  void note_effect(const routes::Plan* before, const routes::Plan* after) {
    if (before == nullptr || after == nullptr || after->preferences.empty()) return;
    if (before->made == after->made || !same_preferences(*before, *after)) return;
    routes::JournalEntry entry = routes::journal_entry("effect", *after, *before);
    if (entry.content_hash == told_) return;
    told_ = entry.content_hash;
    entry.at = clock_.now().wall;
    entry.by = "service";
    entry.diff.clear();
    entry.guards.clear();
    entry.refers = first_confirmation(entry.content_hash);
    for (const routes::Preference& each : after->preferences) {
      entry.reason += fmt::format("{}{}: {}", entry.reason.empty() ? "" : "; ", each.traffic_class,
                                  each.reason);
    }
    const auto noted = routes::append_journal(target_.journal_file, std::move(entry));
    if (!noted) spdlog::error("router: {}", noted.error().message);
  }

 private:
  struct Change {
    WallTime at;
    std::string traffic_class;
  };

  // Those that the service began within a day, by the journal: also those that were rolled back.
  Result<void> count_changes() {
    const WallTime now = clock_.now().wall;
    const auto check = routes::read_journal(
        target_.journal_file, [&](const routes::JournalEntry& entry, std::string_view) {
          if (entry.step != "begin" || entry.by != "service" || entry.at <= now - a_day) return;
          for (const std::string& each : entry.changed) {
            changes_.push_back({.at = entry.at, .traffic_class = each});
          }
        });
    if (!check) return tl::make_unexpected(check.error());
    return {};
  }

  // The entry by which the newest plan of this content came in force.
  [[nodiscard]] std::optional<std::uint64_t> first_confirmation(const std::string& content) const {
    std::optional<std::uint64_t> first;
    const auto check = routes::read_journal(
        target_.journal_file, [&](const routes::JournalEntry& entry, std::string_view) {
          if (entry.step != "confirmed") return;
          if (entry.content_hash != content) {
            first.reset();
          } else if (!first) {
            first = entry.entry;
          }
        });
    return check ? first : std::nullopt;
  }

  const routes::RouterTarget& target_;
  const Clock& clock_;
  bool finished_ = false;
  std::string told_;  // content of the plan whose effect was told last
  std::vector<Change> changes_;
};

RouterStep next_step(const routes::Plan* in_force, const routes::Plan* wanted, WallTime now) {
  const bool preferring = in_force != nullptr && !in_force->preferences.empty();
  if (preferring && routes::dated_ahead(*in_force, now)) return RouterStep::withdraw;
  const bool expired = preferring && in_force->expires <= now;
  if (wanted == nullptr || wanted->blocked() || wanted->expires <= now) {
    return expired ? RouterStep::withdraw : RouterStep::nothing;
  }
  const routes::Plan none;
  if (!same_preferences(in_force == nullptr ? none : *in_force, *wanted)) return RouterStep::apply;
  return preferring && half_over(*in_force, now) ? RouterStep::renew : RouterStep::nothing;
}

Router::Router(routes::RouterTarget target, routes::Modes modes, const Clock& clock)
    : target_{std::move(target)},
      clock_{clock},
      wish_{.plan = nullptr,
            .fit = nullptr,
            .modes = std::move(modes),
            .traffic = {},
            .rib = nullptr} {
  // What the first plan is made beside; what is wrong with the file is told when there is a plan.
  if (auto in_force = routes::plan_in_file(target_.include_file))
    state_.in_force = std::move(*in_force);
  thread_ = std::thread{[this] { run(); }};
}

Router::~Router() {
  {
    const std::scoped_lock lock{mutex_};
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Router::want(std::shared_ptr<const routes::Plan> plan, std::shared_ptr<const routes::Plan> fit,
                  routes::TrafficShares traffic, std::shared_ptr<const routes::Rib> rib) {
  {
    const std::scoped_lock lock{mutex_};
    wish_.plan = std::move(plan);
    wish_.fit = std::move(fit);
    wish_.traffic = std::move(traffic);
    wish_.rib = std::move(rib);
    has_news_ = true;
  }
  wake_.notify_all();
}

void Router::set_modes(routes::Modes modes) {
  const std::scoped_lock lock{mutex_};
  wish_.modes = std::move(modes);
}

Router::State Router::state() const {
  const std::scoped_lock lock{mutex_};
  return state_;
}

bool Router::stop(Nanos patience) {
  std::unique_lock lock{mutex_};
  stopping_ = true;
  wake_.notify_all();
  return wake_.wait_for(lock, patience, [this] { return ended_; });
}

void Router::run() {
  RouterChores chores{target_, clock_};
  std::unique_lock lock{mutex_};
  while (!stopping_) {
    wake_.wait(lock, [this] { return stopping_ || has_news_; });
    if (stopping_) break;
    has_news_ = false;
    const Wish wish = wish_;
    const auto before = state_.in_force;
    lock.unlock();
    if (auto finished = chores.finish_story(); finished) {
      carry_out(wish, chores);
      chores.note_effect(before.get(), state().in_force.get());
    } else {
      report(finished.error().message, false);
    }
    lock.lock();
  }
  ended_ = true;
  wake_.notify_all();
}

// Stopped, as if there were no plan to be had: what is in force runs out.
bool Router::stopped_by_hand() {
  const auto why = routes::stopped(target_);
  if (!why) return false;
  const std::scoped_lock lock{mutex_};
  const auto words = fmt::format("stopped by {}: {}", routes::stop_file(target_), *why);
  if (words != state_.last) spdlog::warn("router: {}", words);
  state_.last = words;
  return true;
}

void Router::carry_out(const Wish& wish, RouterChores& chores) {
  const WallTime now = clock_.now().wall;
  if (not_before_ && now < *not_before_) return;

  auto in_force = routes::plan_in_file(target_.include_file);
  if (!in_force) {
    report(in_force.error().message + "; not touched", false);
    return;
  }
  {
    const std::scoped_lock lock{mutex_};
    state_.in_force = *in_force;
  }
  const bool stopped = stopped_by_hand();
  const bool usable = !stopped && wish.plan && !wish.plan->blocked() && wish.plan->expires > now;
  routes::Passage passage;
  if (usable) {
    const routes::Plan none;
    passage = routes::pass({.in_force = *in_force ? **in_force : none,
                            .wanted = *wish.plan,
                            .fit = wish.fit ? *wish.fit : none,
                            .modes = wish.modes,
                            .today = chores.changes_today(now),
                            .traffic = wish.traffic});
    chores.keep_waiting(passage);
    const std::scoped_lock lock{mutex_};
    state_.waiting = !passage.waiting.preferences.empty();
  }
  const RouterStep step = next_step(in_force->get(), usable ? &passage.now : nullptr, now);
  if (step == RouterStep::nothing) return;
  if (step == RouterStep::withdraw) {
    put_in_force(routes::withdrawal(clock_, "the plan in force has expired and was not renewed"),
                 {}, nullptr, chores);
  } else {
    put_in_force(passage.now, passage.changed, wish.rib, chores);
  }
}

void Router::put_in_force(const routes::Plan& plan, const std::vector<std::string>& changed,
                          std::shared_ptr<const routes::Rib> rib, RouterChores& chores) {
  routes::ApplyRequest request;
  request.rib = std::move(rib);
  request.by = "service";
  request.changed = changed;
  request.on_step = [&](routes::ApplyStep step) {
    if (step == routes::ApplyStep::begun) chores.note_changes(changed, clock_.now().wall);
  };
  const auto applied = routes::apply(plan, target_, clock_, request);
  if (!applied) {
    report(applied.error().message, false);
    return;
  }
  const bool confirmed = applied->outcome == routes::ApplyOutcome::confirmed;
  if (confirmed) {
    const std::scoped_lock lock{mutex_};
    state_.in_force = std::make_shared<const routes::Plan>(plan);
  }
  report(fmt::format("{}: {}", routes::to_string(applied->outcome), applied->reason), confirmed);
}

void Router::report(std::string words, bool done) {
  const std::scoped_lock lock{mutex_};
  if (done) {
    spdlog::info("router: {}", words);
    ++state_.applied;
    not_before_.reset();
  } else {
    if (words != state_.last) spdlog::error("router: {}", words);
    ++state_.refused;
    not_before_ = clock_.now().wall + pause_after_refusal;
  }
  state_.last = std::move(words);
}

}  // namespace strait::cli
