// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "analyzer/class_judge.hpp"

namespace strait::analyzer {
namespace {

// The first slot to judge: the one after the last that was, but never more than `repeat` of them.
Slot first_slot(const Timeline& timeline, Slot newest, const ClassMemory& memory, unsigned repeat) {
  const Slot earliest = newest - repeat + 1;
  if (!memory.judged) return earliest;
  for (Slot slot = earliest; slot <= newest; ++slot) {
    if (timeline.end_of(slot) > *memory.judged) return slot;
  }
  return newest + 1;
}

// Whether anything at all was measured for the class in that slot: a gap is no evidence.
bool measured(const ClassView& view, Slot slot) {
  return std::ranges::any_of(view.timeline.paths(), [&](const std::string& path) {
    return !view.timeline.lane(view.group, path).within({slot, slot}).empty();
  });
}

void add(std::string& text, const std::optional<std::string>& name) {
  text += name ? "+" + *name : "-";
  text += '\n';
}

void add(std::string& text, std::int64_t number) {
  const auto octets = std::bit_cast<std::array<char, sizeof number>>(number);
  text.append(octets.data(), octets.size());
}

void add(std::string& text, const std::optional<WallTime>& time) {
  text += time ? '+' : '-';
  if (time) add(text, time->time_since_epoch().count());
}

// What a part remembers of another path of its whole says nothing of this one. Whether the whole
// has come to the path that the part went by alone.
bool meet_whole(const Subject& subject, ClassMemory& memory) {
  if (!subject.is_part() || memory.against == subject.by_default) return false;
  memory.against = subject.by_default;
  memory.challenger.reset();
  memory.streak = 0;
  memory.better = 0;
  if (!memory.path || memory.path != subject.by_default) return false;
  memory.path.reset();
  return true;
}

}  // namespace

Verdict decide_class(ClassView view, ClassMemory& memory) {
  const std::optional<std::string> before = memory.path;
  const bool met = meet_whole(view.subject, memory);
  const WallTime now = view.now;
  const std::optional<Slot> last = view.timeline.newest();
  if (!last) return judge_class(view, memory, true);
  const Slot newest = *last;
  // After a clock that was set back, what was judged lies in the future: begin again.
  if (memory.judged && *memory.judged > view.timeline.end_of(newest)) {
    memory.judged.reset();
    memory.challenger.reset();
    memory.streak = 0;
    memory.better = 0;
  }
  const Slot first = first_slot(view.timeline, newest, memory,
                                std::max(view.options.repeat, view.options.repeat_of));
  const auto forget = [&] {
    memory.streak = 0;
    memory.better = 0;
  };
  if (memory.judged && view.timeline.end_of(first - 1) > *memory.judged) forget();
  std::optional<Verdict> changed;  // in a slot before the newest
  for (Slot slot = first; slot < newest; ++slot) {
    if (!measured(view, slot)) {
      forget();
      continue;
    }
    view.newest = slot;
    view.now = std::min(view.timeline.end_of(slot), now);
    Verdict earlier = judge_class(view, memory, true);
    if (earlier.path != earlier.previous) changed = std::move(earlier);
  }
  view.newest = newest;
  view.now = now;
  Verdict verdict = judge_class(view, memory, first <= newest);
  memory.judged = view.timeline.end_of(newest);
  // What is told is what has changed since the last call, so it must say why, also when the newest
  // slot only keeps it.
  if (changed && verdict.path == verdict.previous) {
    verdict.reason = fmt::format("{}; since then: {}", changed->reason, verdict.reason);
    verdict.chance = changed->chance;
  }
  if (met && !verdict.path) {
    verdict.reason = fmt::format("{} goes by {} too; since then: {}", view.subject.whole,
                                 before.value_or(""), verdict.reason);
  }
  verdict.previous = before;
  return verdict;
}

std::string circumstances(const ClassView& view, const ClassMemory& memory) {
  std::string text{view.offer};
  add(text, static_cast<std::int64_t>(view.group ? *view.group + 1 : 0));
  text += view.subject.whole;  // whose verdicts are of its own, whatever else is alike
  text += '\n';
  add(text, view.subject.by_default);
  add(text, memory.against);
  add(text, memory.path);
  add(text, memory.challenger);
  add(text, memory.displaced);
  add(text, memory.changed);
  add(text, memory.judged);
  add(text, static_cast<std::int64_t>(memory.streak));
  add(text, static_cast<std::int64_t>(memory.better));
  add(text, std::bit_cast<std::int64_t>(view.options.price_per_ms.value_or(0)));
  add(text, static_cast<std::int64_t>(view.options.aim));
  add(text, std::bit_cast<std::int64_t>(view.options.evidence.objective));
  add(text, std::bit_cast<std::int64_t>(memory.penalty));
  text += memory.forced ? '+' : '-';
  return text;
}

}  // namespace strait::analyzer
