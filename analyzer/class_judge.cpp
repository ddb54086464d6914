// SPDX-License-Identifier: Apache-2.0
#include "analyzer/class_judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdint>

#include "analyzer/contest.hpp"
#include "analyzer/part_rule.hpp"
#include "analyzer/words.hpp"

namespace strait::analyzer {
namespace {

void rest(ClassMemory& memory) {
  memory.challenger.reset();
  memory.streak = 0;
  memory.better = 0;
}

enum class Cause : std::uint8_t { better, death };

void change(const ClassView& view, Verdict& verdict, ClassMemory& memory,
            std::optional<std::string> to, std::optional<std::string> from, Cause cause) {
  const bool repaired = memory.forced && to == memory.displaced;
  // Below a tenth there is nothing to remember, and memories stay comparable.
  const double left = damping(view, memory) - 1;
  memory.penalty = left < 0.1 ? 0 : left;
  if (cause == Cause::better && !repaired) memory.penalty += 1;
  memory.forced = cause == Cause::death;
  memory.displaced = std::move(from);
  const bool joins = view.subject.is_part() && to == view.subject.by_default;
  memory.path = joins ? std::nullopt : std::move(to);
  memory.changed = view.now;
  rest(memory);
  verdict.path = memory.path;
}

void show_gain(Verdict& verdict, const Candidate& rival, const Advantage& by) {
  const Comparison& comparison = *by.comparison;
  verdict.rival = rival.path->name;
  verdict.gain_wanted = by.wanted;
  verdict.gain = comparison.difference;
  verdict.gain_low = comparison.low;
  verdict.gain_high = comparison.high;
}

void say(Verdict& verdict, Ruling ruling, std::string reason) {
  verdict.ruling = ruling;
  verdict.reason = std::move(reason);
}

// What plain BGP would fall back to without the preference for `dead`, where that surely loses
// more: its default path or, where that is `dead` itself or not known, every other lossy one.
const Candidate* worse_without(const ClassView& view, const std::vector<Candidate>& candidates,
                               const Candidate& dead, const ClassMemory& memory) {
  if (!memory.path) return nullptr;
  const auto loses_more = [&](const Candidate& each) {
    return surely_loses_less(dead, each, view.options.loss_margin);
  };
  const auto by_default = default_of(view);
  if (by_default && *by_default != dead.path->name) {
    const Candidate* const other = find_path(candidates, *by_default);
    return other != nullptr && loses_more(*other) ? other : nullptr;
  }
  const Candidate* worse = nullptr;
  for (const Candidate& each : candidates) {
    if (&each == &dead || each.eligibility.standing != Standing::lossy) continue;
    if (!loses_more(each)) return nullptr;
    worse = &each;
  }
  return worse;
}

// Where no path is eligible, or none surely loses less: the least lossy, if that is sure, or what
// is there. Otherwise nothing is said.
bool leave_for_less_loss(const ClassView& view, const std::vector<Candidate>& candidates,
                         const Candidate& dead, Verdict& verdict, ClassMemory& memory) {
  const std::string& name = dead.path->name;
  const std::string& why = dead.eligibility.reason;
  const Candidate& best = candidates.front();
  const std::string_view nobody =
      best.eligible() ? "no eligible path surely loses less" : "no path is eligible";
  if (const Candidate* const other = refuge(view, candidates, dead)) {
    change(view, verdict, memory, other->path->name, name, Cause::death);
    say(verdict, Ruling::prefer,
        fmt::format("{}, and {} surely loses less than {} ({}): {}", nobody, other->path->name,
                    name, why, other->eligibility.reason));
    return true;
  }
  if (const Candidate* const worse = worse_without(view, candidates, dead, memory)) {
    say(verdict, Ruling::keep,
        fmt::format("{}, and {} ({}) surely loses less than {}: {}", nobody, name, why,
                    worse->path->name, worse->eligibility.reason));
    return true;
  }
  if (!best.eligible()) return false;
  say(verdict, Ruling::keep,
      fmt::format("{}: {}; but {} may lose as much: {}", name, why, best.path->name,
                  best.eligibility.reason));
  return true;
}

// What is in force, or what BGP uses, is dead: hold-down does not protect it. Of paths that all
// lose some, each is below the limit now and then: one that is left for its loss must surely lose
// more.
void leave(const ClassView& view, const std::vector<Candidate>& candidates, const Candidate& dead,
           Verdict& verdict, ClassMemory& memory) {
  const std::string& name = dead.path->name;
  const std::string& why = dead.eligibility.reason;
  const Candidate& best = first_choice(view, candidates, memory);
  const bool lossy = dead.eligibility.standing == Standing::lossy;
  if (best.eligible() && (!lossy || surely_loses_less(best, dead, view.options.loss_margin))) {
    change(view, verdict, memory, best.path->name, name, Cause::death);
    say(verdict, Ruling::prefer,
        fmt::format("{} is left at once: {}; {} is the best that is left: {}", name, why,
                    best.path->name, best.eligibility.reason));
    return;
  }
  rest(memory);
  if (lossy && leave_for_less_loss(view, candidates, dead, verdict, memory)) return;
  if (memory.path) change(view, verdict, memory, std::nullopt, name, Cause::death);
  say(verdict, Ruling::insufficient,
      fmt::format("{}: {}; no other path is eligible, so plain BGP decides", name, why));
}

void withdraw(const ClassView& view, const std::string& why, Verdict& verdict,
              ClassMemory& memory) {
  const std::string path = memory.path.value_or("");
  change(view, verdict, memory, std::nullopt, path, Cause::death);
  say(verdict, Ruling::insufficient,
      fmt::format("the preference for {} is withdrawn: {}", path, why));
}

const Candidate* faster_but_forbidden(const ClassView& view,
                                      const std::vector<Candidate>& candidates,
                                      const Candidate* incumbent, Advantage& by) {
  for (const Candidate& each : candidates) {
    if (incumbent == nullptr || &each == incumbent ||
        each.eligibility.standing != Standing::forbidden ||
        each.evidence.adequacy == Adequacy::insufficient) {
      continue;
    }
    by = advantage(view, each, *incumbent, 1.0);
    if (by.clear) return &each;
  }
  return nullptr;
}

std::string damping_words(double times) {
  return times < 1.05 ? "" : fmt::format(" (times {:.1f}: it has changed of late)", times);
}

void keep(const ClassView& view, const std::vector<Candidate>& candidates,
          const Candidate* incumbent, const Contest& found, Verdict& verdict,
          const ClassMemory& memory) {
  Advantage by;
  if (const auto* other = faster_but_forbidden(view, candidates, incumbent, by)) {
    show_gain(verdict, *other, by);
    say(verdict, Ruling::forbidden,
        fmt::format("{} would be better than {} ({}), but it is {}", other->path->name,
                    incumbent->path->name, by.words(), other->eligibility.reason));
    return;
  }
  if (found.nearest == nullptr) {
    const bool alone = incumbent != nullptr && incumbent->eligible() &&
                       std::ranges::count_if(candidates, &Candidate::eligible) == 1;
    say(verdict, alone ? Ruling::keep : Ruling::insufficient, found.what_is_missing());
    return;
  }
  show_gain(verdict, *found.nearest, found.near);
  const std::string what = incumbent == nullptr
                               ? "what BGP uses is unknown, and no path"
                               : fmt::format("{} stays: no path", incumbent->path->name);
  say(verdict, Ruling::keep,
      fmt::format("{} is clearly better by more than {} and {:.1f} %{}; the nearest is {}: {}",
                  what, delay_text(view.options.min_gain), view.options.min_gain_ratio * 100,
                  damping_words(damping(view, memory)), found.nearest->path->name,
                  found.near.words()));
}

// The newest `of` windows in which the challenger was clearly better; where it must be so in
// windows running, one in which it is not ends it.
void count_streak(const ClassView& view, ClassMemory& memory, const Candidate* winner,
                  bool counts) {
  if (!counts) return;
  const unsigned of = std::min(view.options.repeat_of, most_repeat_of);
  const bool running = of <= view.options.repeat;
  if (winner != nullptr && memory.challenger != winner->path->name) rest(memory);
  const std::uint64_t newest = (std::uint64_t{1} << of) - 1;
  memory.better = (memory.better << 1U | (winner == nullptr ? 0U : 1U)) & newest;
  if (memory.better == 0 || (winner == nullptr && running)) {
    rest(memory);
    return;
  }
  memory.streak = running ? memory.streak + 1 : static_cast<unsigned>(std::popcount(memory.better));
  if (winner != nullptr) memory.challenger = winner->path->name;
}

std::string streak_words(const ClassView& view, unsigned streak) {
  const DecisionOptions& options = view.options;
  if (options.repeat_of <= options.repeat) return fmt::format("for {} windows running", streak);
  return fmt::format("in {} of {} windows", streak, options.repeat_of);
}

// A part that nothing keeps apart any more: no chance is asked for, and as many windows.
void settle_join(const ClassView& view, const Candidate& own, const Contest& found,
                 Verdict& verdict, ClassMemory& memory) {
  const std::string& wholes = found.winner->path->name;
  const std::string no_more = fmt::format(
      "{} is no longer clearly better than {}, by which {} "
      "goes",
      own.path->name, wholes, view.subject.whole);
  if (verdict.streak < view.options.repeat) {
    say(verdict, Ruling::keep,
        fmt::format("{} for {} of {} windows: {}", no_more, verdict.streak, view.options.repeat,
                    found.winning.words()));
    return;
  }
  if (verdict.hold_until && view.now < *verdict.hold_until) {
    say(verdict, Ruling::keep,
        fmt::format("held until {}; {}: {}", strait::to_string(*verdict.hold_until), no_more,
                    found.winning.words()));
    return;
  }
  const std::string how = streak_words(view, verdict.streak);
  change(view, verdict, memory, wholes, own.path->name, Cause::better);
  say(verdict, Ruling::keep,
      fmt::format("joined again: {} {}: {}", no_more, how, found.winning.words()));
}

void settle(const ClassView& view, const std::vector<Candidate>& candidates,
            const Candidate* incumbent, Verdict& verdict, ClassMemory& memory, bool counts) {
  const Contest found = contest(view, candidates, incumbent, memory);
  count_streak(view, memory, found.winner, counts);
  if (found.winner == nullptr) {
    keep(view, candidates, incumbent, found, verdict, memory);
    return;
  }

  const std::string& name = found.winner->path->name;
  const unsigned streak = memory.challenger == name ? memory.streak : 0;
  show_gain(verdict, *found.winner, found.winning);
  verdict.streak = streak;
  if (joins_whole(view, memory, *found.winner)) {
    settle_join(view, *incumbent, found, verdict, memory);
    return;
  }
  verdict.chance = chance_of(view, found.winning, streak);
  if (streak < view.options.repeat) {
    say(verdict, Ruling::keep,
        fmt::format("{} is better for {} of {} windows: {}", name, streak, view.options.repeat,
                    found.winning.words()));
    return;
  }
  if (verdict.hold_until && view.now < *verdict.hold_until) {
    say(verdict, Ruling::keep,
        fmt::format("held until {}; {} is better for {} windows: {}",
                    strait::to_string(*verdict.hold_until), name, streak, found.winning.words()));
    return;
  }
  if (*verdict.chance > view.most_chance) {
    say(verdict, Ruling::keep,
        fmt::format("{} is better {}, but of as many classes as are judged some are so by chance "
                    "({:.2g} here, {:.2g} wanted): {}",
                    name, streak_words(view, streak), *verdict.chance, view.most_chance,
                    found.winning.words()));
    return;
  }
  change(view, verdict, memory, name,
         incumbent == nullptr ? std::nullopt : std::optional{incumbent->path->name}, Cause::better);
  say(verdict, Ruling::prefer,
      fmt::format("{} {}: {}; {}", name, streak_words(view, streak), found.winning.words(),
                  found.winner->eligibility.reason));
}

bool is_dead(Standing standing) {
  return standing == Standing::forbidden || standing == Standing::no_route ||
         standing == Standing::unmeasured || standing == Standing::lossy;
}

// No preference is in force: BGP decides, by a path that is known or not.
void rule_without(const ClassView& view, const std::vector<Candidate>& candidates, Verdict& verdict,
                  ClassMemory& memory, bool counts) {
  const auto by_default = default_of(view);
  const Candidate* incumbent = by_default ? find_path(candidates, *by_default) : nullptr;
  const bool dead = incumbent != nullptr && incumbent->eligibility.standing == Standing::lossy;
  if (!dead && (candidates.empty() || !candidates.front().eligible())) {
    rest(memory);
    const std::string why =
        candidates.empty() ? "there are no paths"
                           : fmt::format("no path is eligible; {}: {}", candidates[0].path->name,
                                         candidates[0].eligibility.reason);
    say(verdict, Ruling::insufficient, why);
    return;
  }
  if (incumbent == nullptr) {
    settle(view, candidates, nullptr, verdict, memory, counts);
    return;
  }
  const auto& [standing, why] = incumbent->eligibility;
  if (dead) {
    leave(view, candidates, *incumbent, verdict, memory);
    return;
  }
  const bool usable =
      standing == Standing::eligible ||
      (standing == Standing::forbidden && incumbent->evidence.adequacy == Adequacy::adequate);
  if (usable) {
    settle(view, candidates, incumbent, verdict, memory, counts);
    return;
  }
  rest(memory);
  say(verdict, Ruling::insufficient,
      fmt::format("BGP uses {}, and of that: {}", incumbent->path->name, why));
}

void rule(const ClassView& view, const std::vector<Candidate>& candidates, Verdict& verdict,
          ClassMemory& memory, bool counts) {
  if (const auto why = no_whole(view, candidates)) {
    if (memory.path) {
      withdraw(view, *why, verdict, memory);
      return;
    }
    rest(memory);
    say(verdict, Ruling::insufficient, *why);
    return;
  }
  if (memory.path) {
    const Candidate* in_force = find_path(candidates, *memory.path);
    if (in_force == nullptr) {
      withdraw(view, "it is no longer a path", verdict, memory);
      return;
    }
    const auto& [standing, why] = in_force->eligibility;
    if (is_dead(standing)) {
      leave(view, candidates, *in_force, verdict, memory);
      return;
    }
    if (standing != Standing::eligible) {
      withdraw(view, why, verdict, memory);
      return;
    }
    settle(view, candidates, in_force, verdict, memory, counts);
    return;
  }
  rule_without(view, candidates, verdict, memory, counts);
}

}  // namespace

Verdict judge_class(const ClassView& view, ClassMemory& memory, bool counts) {
  Verdict verdict;
  verdict.traffic_class = view.subject.name;
  verdict.whole = view.subject.whole;
  verdict.at = view.now;
  verdict.previous = memory.path;
  verdict.path = memory.path;
  if (memory.changed) {
    // A clock that was set back must not hold the class for ever.
    memory.changed = std::min(*memory.changed, view.now);
    verdict.hold_until = *memory.changed + view.options.hold_down;
  }
  const Field& field = field_of(view);
  verdict.ranking = field.ranking;
  rule(view, field.candidates, verdict, memory, counts);
  if (const auto by = gain_apart(view, field.candidates, verdict)) {
    show_gain(verdict, *by->challenger, *by);
  }
  // A part that goes by its whole again prefers nothing itself.
  if (view.subject.is_part() && !verdict.path && verdict.ruling == Ruling::prefer) {
    verdict.ruling = Ruling::keep;
  }
  if (memory.changed) verdict.hold_until = *memory.changed + view.options.hold_down;
  return verdict;
}

}  // namespace strait::analyzer
