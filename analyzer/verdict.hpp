// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/evidence.hpp"

namespace strait::analyzer {

enum class Ruling : std::uint8_t {
  prefer,        // tell BGP: this path, for this class
  keep,          // leave things as they are
  insufficient,  // the evidence does not carry a decision: no preference
  forbidden,     // policy forbids what the evidence would say
};
[[nodiscard]] std::string_view to_string(Ruling ruling);

// One path's place in a ranking, and what put it there.
struct Ranked {
  std::string path;
  bool eligible = false;
  std::string reason;               // "p95 19.6 ms [19.4, 19.9], 0.0 % loss" or why not eligible
  std::optional<Nanos> difference;  // objective, paired, this path minus the best other
  std::optional<Nanos> difference_low;
  std::optional<Nanos> difference_high;

  friend bool operator==(const Ranked&, const Ranked&) = default;
};

// The answer for one traffic class, or for a part of one.
struct Verdict {
  std::string traffic_class;
  Ruling ruling = Ruling::insufficient;
  // Of a part: the class or part that it goes by without a path of its own; empty: of a class.
  std::string whole;
  // In force after this verdict; nothing: plain BGP decides, or the part's whole.
  std::optional<std::string> path;
  std::optional<std::string> previous;  // in force before it
  std::string reason;                   // one sentence, words and numbers
  std::vector<Ranked> ranking;          // best first; ineligible paths last
  std::optional<Nanos> gain;            // of the change, point estimate
  std::optional<Nanos> gain_low;
  std::optional<Nanos> gain_high;
  // The path that `gain` is of, what its lower bound must exceed, and in how many windows running
  // it has so far; nothing where no other path could be compared.
  std::optional<std::string> rival;
  std::optional<Nanos> gain_wanted;
  unsigned streak = 0;
  // If there were nothing to gain: how likely as much speaks for it. Nothing where nothing does.
  std::optional<double> chance;
  WallTime at;
  std::optional<WallTime> hold_until;  // no change before this unless the path in force dies

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// What a class or part remembers from one decision to the next; pure data.
struct ClassMemory {
  std::optional<std::string> path;        // in force; of a part: other than its whole's
  std::optional<WallTime> changed;        // when `path` was last set or withdrawn
  std::optional<std::string> challenger;  // the path that has been clearly better, and
  unsigned streak = 0;                    // for how many windows running, or of the newest
  std::optional<WallTime> judged;         // end of the newest window that `streak` has counted
  std::optional<std::string> displaced;   // what `path` took over from: going back is easier
  bool forced = false;                    // `displaced` was left because it was dead
  double penalty = 0;                     // of changes that nothing forced, as it was at `changed`
  std::uint64_t better = 0;            // windows, newest in bit 0: `challenger` was clearly better
  std::optional<std::string> against;  // of a part: what its whole went by when it was judged

  friend bool operator==(const ClassMemory&, const ClassMemory&) = default;
};

using DecisionMemory = std::map<std::string, ClassMemory, std::less<>>;  // by class or part

}  // namespace strait::analyzer
