// SPDX-License-Identifier: Apache-2.0
#include "analyzer/decision.hpp"

#include <fmt/format.h>

#include <algorithm>

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
    return !view.timeline.lane(view.traffic_class, path).within({slot, slot}).empty();
  });
}

Verdict decide_class(ClassView view, ClassMemory& memory) {
  const std::optional<std::string> before = memory.path;
  const WallTime now = view.now;
  const std::optional<Slot> last = view.timeline.newest();
  if (!last) return judge_class(view, memory, true);
  const Slot newest = *last;
  // After a clock that was set back, what was judged lies in the future: begin again.
  if (memory.judged && *memory.judged > view.timeline.end_of(newest)) {
    memory.judged.reset();
    memory.challenger.reset();
    memory.streak = 0;
  }
  const Slot first = first_slot(view.timeline, newest, memory, view.options.repeat);
  if (memory.judged && view.timeline.end_of(first - 1) > *memory.judged) memory.streak = 0;
  std::optional<Verdict> changed;  // in a slot before the newest
  for (Slot slot = first; slot < newest; ++slot) {
    if (!measured(view, slot)) {
      memory.streak = 0;
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
  }
  verdict.previous = before;
  return verdict;
}

}  // namespace

Decision decide(const DecisionInputs& inputs, const DecisionMemory& before,
                const DecisionOptions& options, WallTime now) {
  const Timeline timeline{inputs.windows, inputs.network.targets, now};
  Decision decision;
  for (const std::string& name : traffic_classes(inputs.network.targets)) {
    const auto known = before.find(name);
    ClassMemory memory = known == before.end() ? ClassMemory{} : known->second;
    SlotPools pools{timeline, name, options.evidence.objective};
    const ClassView view{.timeline = timeline,
                         .inputs = inputs,
                         .options = options,
                         .traffic_class = name,
                         .now = now,
                         .pools = pools};
    decision.verdicts.push_back(decide_class(view, memory));
    decision.memory.insert_or_assign(name, std::move(memory));
  }
  return decision;
}

}  // namespace strait::analyzer
