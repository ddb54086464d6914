// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/router.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/file.hpp"
#include "routes/apply/journal.hpp"
#include "routes/apply/steps.hpp"
#include "routes/dialects/bird.hpp"
#include "routes/model/plan_diff.hpp"

namespace strait::cli {
namespace {

constexpr Nanos pause_after_refusal = std::chrono::seconds{10};

bool same_preferences(const routes::Plan& a, const routes::Plan& b) {
  return std::ranges::none_of(
      routes::diff(a, b), [](const routes::PreferenceChange& change) { return change.changes(); });
}

bool half_over(const routes::Plan& plan, WallTime now) {
  return now - plan.made >= (plan.expires - plan.made) / 2;
}

// What the thread does besides: it goes on from an apply that was killed, and tells the journal
// what became of a plan.
class RouterChores {
 public:
  RouterChores(const routes::BirdTarget& target, const Clock& clock)
      : target_{target}, clock_{clock} {}

  // Until it has succeeded once.
  Result<void> finish_story() {
    if (finished_) return {};
    const auto done = routes::recover(target_, clock_, "service");
    if (!done) return tl::make_unexpected(done.error());
    if (!done->empty()) spdlog::warn("router: {}", *done);
    finished_ = true;
    return {};
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

  const routes::BirdTarget& target_;
  const Clock& clock_;
  bool finished_ = false;
  std::string told_;  // content of the plan whose effect was told last
};

}  // namespace

RouterStep next_step(const routes::Plan* in_force, const routes::Plan* wanted, WallTime now) {
  const bool preferring = in_force != nullptr && !in_force->preferences.empty();
  const bool expired = preferring && in_force->expires <= now;
  if (wanted == nullptr || wanted->blocked() || wanted->expires <= now) {
    return expired ? RouterStep::withdraw : RouterStep::nothing;
  }
  const routes::Plan none;
  if (!same_preferences(in_force == nullptr ? none : *in_force, *wanted)) return RouterStep::apply;
  return preferring && half_over(*in_force, now) ? RouterStep::renew : RouterStep::nothing;
}

Result<std::shared_ptr<const routes::Plan>> plan_in_force(const std::string& include_file) {
  const auto text = read_file(include_file);
  if (!text && text.error().code == Errc::not_found) return nullptr;
  if (!text) return tl::make_unexpected(text.error());
  if (text->empty()) return nullptr;
  auto plan = routes::read_bird(*text);
  if (!plan) {
    return fail(plan.error().code, fmt::format("{}: {}", include_file, plan.error().message));
  }
  return std::make_shared<const routes::Plan>(std::move(*plan));
}

Router::Router(routes::BirdTarget target, const Clock& clock)
    : target_{std::move(target)}, clock_{clock}, thread_{[this] { run(); }} {}

Router::~Router() {
  {
    const std::scoped_lock lock{mutex_};
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Router::want(std::shared_ptr<const routes::Plan> plan) {
  {
    const std::scoped_lock lock{mutex_};
    wanted_ = std::move(plan);
    has_news_ = true;
  }
  wake_.notify_all();
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
    const auto wanted = wanted_;
    const auto before = state_.in_force;
    lock.unlock();
    if (auto finished = chores.finish_story(); finished) {
      carry_out(wanted.get());
      chores.note_effect(before.get(), state().in_force.get());
    } else {
      report(finished.error().message, false);
    }
    lock.lock();
  }
  ended_ = true;
  wake_.notify_all();
}

void Router::carry_out(const routes::Plan* wanted) {
  const WallTime now = clock_.now().wall;
  if (not_before_ && now < *not_before_) return;

  auto in_force = plan_in_force(target_.include_file);
  if (!in_force) {
    report(in_force.error().message + "; not touched", false);
    return;
  }
  {
    const std::scoped_lock lock{mutex_};
    state_.in_force = *in_force;
  }
  // Stopped, as if there were no plan to be had: what is in force runs out.
  const auto why = routes::stopped(target_);
  if (why) {
    const std::scoped_lock lock{mutex_};
    const auto words = fmt::format("stopped by {}: {}", routes::stop_file(target_), *why);
    if (words != state_.last) spdlog::warn("router: {}", words);
    state_.last = words;
  }
  const RouterStep step = next_step(in_force->get(), why ? nullptr : wanted, now);
  if (step == RouterStep::nothing) return;

  const routes::Plan plan =
      step == RouterStep::withdraw
          ? routes::withdrawal(clock_, "the plan in force has expired and was not renewed")
          : *wanted;
  routes::ApplyRequest request;
  request.by = "service";
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
