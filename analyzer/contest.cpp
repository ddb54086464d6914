// SPDX-License-Identifier: Apache-2.0
#include "analyzer/contest.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string_view>

#include "analyzer/part_rule.hpp"
#include "analyzer/wilson.hpp"

namespace strait::analyzer {
namespace {

double factor_for(const ClassView& view, const ClassMemory& memory, const std::string& path) {
  const bool back = memory.path && (path == default_of(view) || path == memory.displaced);
  // A path that was only left because it was dead is no flap to be damped.
  if (memory.forced && path == memory.displaced) return view.options.back_factor;
  return (back ? view.options.back_factor : 1.0) * damping(view, memory);
}

// The advantage of `challenger` over what it would replace. Where that is unknown it must be
// clearly better than every other path that can be compared, lost ones included.
Advantage against(const ClassView& view, const std::vector<Candidate>& candidates,
                  const Candidate* incumbent, const Candidate& challenger, double factor) {
  if (incumbent != nullptr) return advantage(view, challenger, *incumbent, factor);
  Advantage worst;
  for (const Candidate& other : candidates) {
    const Standing standing = other.eligibility.standing;
    if (&other == &challenger || (standing != Standing::eligible && standing != Standing::lossy)) {
      continue;
    }
    const Advantage each = advantage(view, challenger, other, factor);
    if (worst.other != nullptr && each.clear) continue;
    worst = each;
    worst.one_of_many = true;
    if (!worst.clear) return worst;
  }
  return worst;
}

// Over all windows that are compared, more than the evidence is of.
Proportion loss_of_pairs(const ClassView& view, const Candidate& candidate) {
  std::uint64_t lost = 0;
  std::uint64_t decided = 0;
  for (Slot slot = view.newest - view.options.pair_windows + 1; slot <= view.newest; ++slot) {
    const SlotPool& pool = view.shared.pools().of(candidate.path->name, slot);
    lost += pool.lost();
    decided += pool.decided();
  }
  return wilson(lost, decided, view.options.evidence.confidence);
}

// A path that was left because it was dead must have become clearly better: below the limit by
// chance it will be now and then.
void demand_recovery(const ClassView& view, const ClassMemory& memory, Advantage& found) {
  const Candidate* const back = found.challenger;
  if (back == nullptr || found.by_loss || !memory.forced || memory.displaced != back->path->name) {
    return;
  }
  const double limit = std::max(view.options.max_loss / 2, loss_of_pairs(view, *found.other).high);
  if (!may_lose(loss_of_pairs(view, *back), limit)) return;
  found.may_lose = true;
  found.clear = false;
}

// A gain that rests on one target, while the others, with half of the weight or more, surely lose
// by the change: what one far end says is not enough. Of two it is not known which.
void demand_agreement(const ClassView& view, Advantage& found) {
  if (!found.clear || found.by_loss) return;
  const Candidate& other = *found.other;
  const Pool& newest = view.shared.pools().of(found.challenger->path->name, view.newest).pool();
  double weight = 0;
  std::map<std::string_view, const Target*> targets;  // by name, so that the order is one
  for (const Stream& stream : newest) {
    weight += stream.weight;
    targets.try_emplace(stream.target->name, stream.target);
  }
  if (targets.size() < 3) return;
  for (const auto& [name, target] : targets) {
    if (target->weight > weight / 2) continue;
    const Comparison& others = view.shared.compared_without(
        *target, *other.path, *found.challenger->path, view.newest, paired_options(view.options));
    if (!others.high || *others.high >= Nanos{0}) continue;
    found.only_target = name;
    found.clear = false;
    return;
  }
}

struct Challenge {
  Advantage found;
  bool counts = false;  // there is something to hold against each other
};

// What a path has over what it would replace, by all that is asked for beside the thresholds.
Challenge challenge(const ClassView& view, const std::vector<Candidate>& candidates,
                    const Candidate* incumbent, const Candidate& challenger,
                    const ClassMemory& memory) {
  Advantage found = against(view, candidates, incumbent, challenger,
                            factor_for(view, memory, challenger.path->name));
  const bool returns = joins_whole(view, memory, challenger);
  if (returns) found.clear = !still_apart(view, *incumbent, challenger);
  demand_recovery(view, memory, found);
  if (!returns) demand_agreement(view, found);
  const bool counts = found.compared || (returns && found.clear);
  return {.found = found, .counts = counts};
}

}  // namespace

Contest contest(const ClassView& view, const std::vector<Candidate>& candidates,
                const Candidate* incumbent, const ClassMemory& memory) {
  Contest result;
  for (const Candidate& each : candidates) {
    if (!each.eligible() || &each == incumbent) continue;
    const auto [found, counts] = challenge(view, candidates, incumbent, each, memory);
    if (!counts) {
      if (found.other != nullptr) result.missing = found;
      continue;
    }
    if (result.nearest == nullptr) {
      result.nearest = &each;
      result.near = found;
    }
    // The challenger of the last windows stays the challenger while it is clear.
    const bool again = memory.challenger == each.path->name;
    if (found.clear && (result.winner == nullptr || again)) {
      result.winner = &each;
      result.winning = found;
    }
  }
  return result;
}

std::optional<std::string> default_of(const ClassView& view) { return view.subject.by_default; }

}  // namespace strait::analyzer
