// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/apply.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "core/digest.hpp"
#include "core/file.hpp"
#include "routes/apply/journal.hpp"
#include "routes/dialects/bird.hpp"

namespace strait::routes {
namespace {

// Reply codes of BIRD's control protocol.
constexpr unsigned reconfigured = 3;
constexpr unsigned reconfiguring = 4;
constexpr unsigned confirmed = 18;
constexpr unsigned configuration_ok = 20;

constexpr auto poll_interval = std::chrono::milliseconds{100};

// Held while one process applies to one include file.
class Lock {
 public:
  static Result<Lock> take(const std::string& file) {
    Lock lock{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)};
    if (lock.fd_ < 0) {
      return fail(errno == EACCES ? Errc::no_permission : Errc::io,
                  fmt::format("lock {}: {}", file, std::strerror(errno)));
    }
    if (::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
      return fail(Errc::io, fmt::format("lock {}: another apply is running", file));
    }
    return lock;
  }
  Lock(Lock&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  Lock& operator=(Lock&&) = delete;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() {
    if (fd_ >= 0) ::close(fd_);
  }

 private:
  explicit Lock(int fd) : fd_{fd} {}
  int fd_;
};

// The include file and the copy of what it held before, which exists only while an apply runs.
class IncludeFile {
 public:
  explicit IncludeFile(std::string file) : file_{std::move(file)}, kept_{file_ + ".previous"} {}

  // A copy that is still there tells of an apply that was killed: what is in the file was never
  // confirmed, so the copy is what to go back to.
  Result<void> keep_previous() {
    auto kept = content(kept_);
    if (!kept) return fail(std::move(kept));
    if (*kept) {
      previous_ = std::move(*kept);
      return {};
    }
    auto now = content(file_);
    if (!now) return fail(std::move(now));
    previous_ = std::move(*now);
    return previous_ ? replace_file(kept_, *previous_) : Result<void>{};
  }

  [[nodiscard]] Result<void> write(std::string_view text) const {
    return replace_file(file_, text);
  }

  [[nodiscard]] Result<void> restore() const {
    if (previous_) {
      if (auto written = replace_file(file_, *previous_); !written) return written;
    } else {
      ::unlink(file_.c_str());
    }
    forget_previous();
    return {};
  }

  void forget_previous() const { ::unlink(kept_.c_str()); }

 private:
  static Result<std::optional<std::string>> content(const std::string& file) {
    auto text = read_file(file);
    if (text) return std::optional{std::move(*text)};
    if (text.error().code == Errc::not_found) return std::optional<std::string>{};
    return fail(std::move(text));
  }

  std::string file_;
  std::string kept_;
  std::optional<std::string> previous_;
};

// Why this plan must not be applied at all; empty when it may be.
std::string refusal(const Plan& plan, WallTime now) {
  for (const GuardNote& note : plan.notes) {
    if (note.blocks) return fmt::format("guard {}: {}", note.guard, note.message);
  }
  if (!plan.preferences.empty() && plan.expires <= now) {
    return fmt::format("the plan expired at {}", strait::to_string(plan.expires));
  }
  return {};
}

// One command whose reply must hold one of the codes; otherwise BIRD's words are the error.
Result<void> command(BirdControl& bird, const std::string& line,
                     std::initializer_list<unsigned> wanted) {
  const auto reply = bird.ask(line);
  if (!reply) return tl::make_unexpected(reply.error());
  const auto said = [&](unsigned code) { return reply->has(code); };
  if (reply->ok() && std::ranges::any_of(wanted, said)) return {};
  return fail(Errc::unsupported, fmt::format("BIRD: {}: {}", line, reply->message()));
}

// Reads back until the routes agree or the time is up. Differences are a value, not an error.
Result<ReadBack> settle(BirdControl& bird, const Plan& plan, const BirdTarget& target) {
  const auto patience = std::min<Nanos>(target.read_back_within, target.confirm_timeout / 2);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (true) {
    auto seen = read_back(bird, plan, target.sample);
    if (!seen || seen->agrees() || std::chrono::steady_clock::now() >= deadline) return seen;
    std::this_thread::sleep_for(poll_interval);
  }
}

ApplyReport report(ApplyOutcome outcome, std::string reason, ReadBack seen = {}) {
  return {.outcome = outcome, .reason = std::move(reason), .read_back = std::move(seen)};
}

// Puts the old file and, through `bird`, the old configuration back.
ApplyReport roll_back(BirdControl& bird, const IncludeFile& include, const std::string& why,
                      ReadBack seen = {}) {
  const auto restored = include.restore();
  const auto undone = command(bird, "configure undo", {reconfigured, reconfiguring});
  if (!restored) {
    return report(
        ApplyOutcome::failed,
        fmt::format("{}; and the old file did not come back: {}", why, restored.error().message),
        std::move(seen));
  }
  if (!undone) {
    return report(ApplyOutcome::failed,
                  fmt::format("{}; the old file is back, but {}; BIRD undoes by its own timer", why,
                              undone.error().message),
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

// From the file in place to the confirmed plan, or back.
ApplyReport load(BirdControl& bird, const Plan& plan, const BirdTarget& target,
                 const IncludeFile& include) {
  if (auto checked = command(bird, "configure check", {configuration_ok}); !checked) {
    const auto restored = include.restore();
    return report(restored ? ApplyOutcome::refused : ApplyOutcome::failed,
                  checked.error().message + (restored ? "" : "; " + restored.error().message));
  }
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(target.confirm_timeout).count();
  if (auto loaded = command(bird, fmt::format("configure timeout {}", seconds),
                            {reconfigured, reconfiguring});
      !loaded) {
    return roll_back(bird, include, loaded.error().message);
  }
  auto seen = settle(bird, plan, target);
  if (!seen) return roll_back(bird, include, seen.error().message);
  if (!seen->agrees()) {
    return roll_back(bird, include,
                     "the routes do not follow the plan: " + first_differences(*seen), *seen);
  }
  if (auto kept = command(bird, "configure confirm", {confirmed}); !kept) {
    return roll_back(bird, include, kept.error().message, *seen);
  }
  include.forget_previous();
  auto words =
      fmt::format("{} of {} prefixes read back follow the plan, {} no longer offered, {} marked",
                  seen->as_wanted, seen->checked, seen->gone, seen->marked);
  return report(ApplyOutcome::confirmed, std::move(words), std::move(*seen));
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

Result<ApplyReport> apply(const Plan& plan, const BirdTarget& target, const Clock& clock) {
  if (const auto why = refusal(plan, clock.now().wall); !why.empty()) {
    auto noted = append_journal(target.journal_file,
                                journal_line({clock.now().wall, "refused", "", why}, plan));
    if (!noted) return fail(std::move(noted));
    return report(ApplyOutcome::refused, why);
  }
  const auto text = render_bird(plan);
  if (!text) return tl::make_unexpected(text.error());
  const auto lock = Lock::take(target.include_file + ".lock");
  if (!lock) return tl::make_unexpected(lock.error());
  auto bird = BirdControl::connect(target.control_socket, target.reply_timeout);
  if (!bird) return tl::make_unexpected(bird.error());

  const std::string hash = sha256_hex(*text);
  const auto note = [&](std::string step, std::string why) {
    return append_journal(
        target.journal_file,
        journal_line({clock.now().wall, std::move(step), hash, std::move(why)}, plan));
  };
  IncludeFile include{target.include_file};
  if (auto begun = note("begin", ""); !begun) return fail(std::move(begun));
  if (auto kept = include.keep_previous(); !kept) return fail(std::move(kept));
  if (auto written = include.write(*text); !written) {
    include.forget_previous();
    return fail(std::move(written));
  }
  ApplyReport done = load(*bird, plan, target, include);
  if (auto noted = note(std::string{to_string(done.outcome)}, done.reason); !noted) {
    done.reason += "; " + noted.error().message;
  }
  return done;
}

Plan withdrawal(const Clock& clock, std::string why) {
  Plan plan;
  plan.made = clock.now().wall;
  plan.expires = plan.made;
  plan.notes.push_back({.guard = "withdrawal", .message = std::move(why), .blocks = false});
  return plan;
}

}  // namespace strait::routes
