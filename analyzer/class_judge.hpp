// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "analyzer/decision.hpp"
#include "analyzer/eligibility.hpp"
#include "analyzer/paired.hpp"
#include "analyzer/slot_pools.hpp"

namespace strait::analyzer {

// One path of one class at the end of one slot.
struct Candidate {
  const routes::Path* path = nullptr;
  Evidence evidence;
  Proportion newest_loss;  // of the newest slot alone
  Eligibility eligibility;
  bool lossier = false;  // certainly loses more than the least lossy, by more than the margin

  [[nodiscard]] bool eligible() const { return eligibility.standing == Standing::eligible; }
};

// Everything that one judgement of one class looks at.
struct ClassView {
  const Timeline& timeline;
  const DecisionInputs& inputs;
  const DecisionOptions& options;
  std::string traffic_class;
  Slot newest = 0;
  WallTime now;
  SlotPools& pools;  // of this timeline, class and objective
};

// Candidates in order of rank: eligible first; then less loss, then the lower objective percentile.
[[nodiscard]] std::vector<Candidate> rank(const ClassView& view);

// Whether `challenger` is clearly better than `other`, and in which words.
struct Advantage {
  bool clear = false;
  bool compared = false;
  Comparison comparison;  // other minus challenger: what would be gained
  Nanos wanted{};         // what the lower bound must exceed
  std::string words;
};
[[nodiscard]] Advantage advantage(const ClassView& view, const Candidate& challenger,
                                  const Candidate& other, double factor);

// Where no path is eligible: the path with the least loss of those that surely lose less than
// `dead` does; null without one.
[[nodiscard]] const Candidate* refuge(const ClassView& view,
                                      const std::vector<Candidate>& candidates,
                                      const Candidate& dead);
// Surely, in the newest window or over the span, and in neither surely more.
[[nodiscard]] bool surely_loses_less(const Candidate& one, const Candidate& other, double margin);

// By how much the thresholds are multiplied because the class has changed of late, 1 to most_times.
[[nodiscard]] double damping(const ClassView& view, const ClassMemory& memory);

// Judges one slot. `counts` says that the slot is a new one, which moves the streak.
[[nodiscard]] Verdict judge_class(const ClassView& view, ClassMemory& memory, bool counts);

}  // namespace strait::analyzer
