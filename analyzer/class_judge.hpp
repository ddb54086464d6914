// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "analyzer/decision.hpp"
#include "analyzer/eligibility.hpp"
#include "analyzer/paired.hpp"

namespace strait::analyzer {

// One path of one class at the end of one slot.
struct Candidate {
  const routes::Path* path = nullptr;
  Evidence evidence;
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
};

// Candidates in order of rank: eligible first; then less loss, then the lower objective percentile.
[[nodiscard]] std::vector<Candidate> rank(const ClassView& view);

// Whether `challenger` is clearly better than `other`, and in which words.
struct Advantage {
  bool clear = false;
  bool compared = false;
  Comparison comparison;  // other minus challenger: what would be gained
  std::string words;
};
[[nodiscard]] Advantage advantage(const ClassView& view, const Candidate& challenger,
                                  const Candidate& other, double factor);

// Judges one slot. `counts` says that the slot is a new one, which moves the streak.
[[nodiscard]] Verdict judge_class(const ClassView& view, ClassMemory& memory, bool counts);

}  // namespace strait::analyzer
