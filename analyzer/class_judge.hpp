// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/decision.hpp"
#include "analyzer/shared_evidence.hpp"

namespace strait::analyzer {

// Who is judged: a class, or a part of one.
struct Subject {
  std::string name;
  std::string of_class;  // whose policy it has; of a class the same
  std::string whole;     // of a part, as of Verdict; empty: a class
  // What it goes by without a path of its own, where that is known: of a class what plain BGP uses.
  std::optional<std::string> by_default;

  [[nodiscard]] bool is_part() const { return !whole.empty(); }
};

// Everything that one judgement of one class looks at.
struct ClassView {
  const Timeline& timeline;
  const DecisionInputs& inputs;
  const DecisionOptions& options;
  const Subject& subject;
  std::optional<std::size_t> group;  // of the timeline
  Slot newest = 0;
  WallTime now;
  std::string_view offer;           // offer_of() the class
  std::span<const PathCost> costs;  // of each path of the network, in its order; empty: no price
  double most_chance = 1;           // of a verdict that changes to a better path
  SharedEvidence& shared;           // of this timeline, the class's group and objective
};

// Equal for classes of a group to which the same paths are open, at the same price.
[[nodiscard]] std::string offer_of(const DecisionInputs& inputs, const DecisionOptions& options,
                                   const Subject& subject, std::span<const PathCost> costs);
// All that a verdict hangs on besides the windows: equal for classes that are judged alike.
[[nodiscard]] std::string circumstances(const ClassView& view, const ClassMemory& memory);

// Whether the RIB has routes of the class or part from the path, for all that is known.
[[nodiscard]] bool is_routed(const DecisionInputs& inputs, std::string_view traffic_class,
                             std::string_view path);

// Candidates in order of rank: eligible first; then less loss, then the lower objective percentile.
[[nodiscard]] const Field& field_of(const ClassView& view);

// Null where there is none of that name.
[[nodiscard]] const Candidate* find_path(const std::vector<Candidate>& candidates,
                                         std::string_view path);

// Whether `challenger` is clearly better than `other`.
struct Advantage {
  const Candidate* challenger = nullptr;
  const Candidate* other = nullptr;
  const Comparison* comparison = nullptr;  // other minus challenger: what would be gained
  Nanos wanted{};                          // what the lower bound must exceed
  bool clear = false;
  bool compared = false;
  bool by_loss = false;          // a certain difference there outranks any latency
  bool loses_more = false;       // which forbids it
  bool may_lose = false;         // so does this: above the limit, for all that is known
  bool one_of_many = false;      // others were compared too
  bool only_loss = false;        // the class is judged by nothing else
  std::string_view only_target;  // that shows it, while it is surely worse for the others

  [[nodiscard]] std::string words() const;
};
// Whether it may lose more than `limit`, for all that its probes tell. Of none that was lost nobody
// can ask for more.
[[nodiscard]] bool may_lose(const Proportion& loss, double limit);
[[nodiscard]] PairedOptions paired_options(const DecisionOptions& options);
// See Verdict::chance: of an advantage that was clear in `streak` windows, by all the pairs that it
// rests on.
[[nodiscard]] double chance_of(const ClassView& view, const Advantage& found, unsigned streak);
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
// Judges every slot that has not been, at most `repeat` of them; `view.newest` is looked up.
[[nodiscard]] Verdict decide_class(ClassView view, ClassMemory& memory);

}  // namespace strait::analyzer
