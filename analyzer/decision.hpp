// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "analyzer/commit.hpp"
#include "analyzer/gather.hpp"
#include "analyzer/grain.hpp"
#include "analyzer/options.hpp"
#include "analyzer/pin_note.hpp"
#include "analyzer/verdict.hpp"

namespace strait::analyzer {

// What a decision rests on. Windows of a slot of time must be complete before it is judged.
struct DecisionInputs {
  std::span<const Window> windows;
  Network network;
  // By class or part, the paths whose upstream offers a feasible route. Nothing: the RIB is not
  // known, and no path is refused for it.
  std::optional<std::map<std::string, std::set<std::string>, std::less<>>> routed;
  // By class or part, the path that plain BGP would use (our preferences aside), where that is
  // known.
  std::map<std::string, std::string, std::less<>> default_path;
  PinNotes pins;
  // Of captured traffic; a policy's own counts before it. With an initializer few callers name it.
  ClassRates rates = {};  // NOLINT(readability-redundant-member-init)
  // Of the classes of the network's targets, each whole before its parts; see measured_parts().
  std::span<const MeasuredPart> parts = {};  // NOLINT(readability-redundant-member-init)
};

struct Decision {
  std::vector<Verdict> verdicts;   // by class
  std::vector<PartVerdict> parts;  // in the order of the inputs
  DecisionMemory memory;           // for the next decision
};

// One verdict for every class of the targets. Deterministic. Streaks count windows, not calls: each
// slot that has not been judged yet (at most `repeat` of them) is judged in order, so a restart or
// a second call changes nothing. A class that is no longer measured is forgotten.
//
// A part is judged after its whole, against the path by which that goes: it is split where another
// one is clearly better there, and joined again where its own no longer is. A class is judged by
// all of its targets, those of split parts among them.
[[nodiscard]] Decision decide(const DecisionInputs& inputs, const DecisionMemory& before,
                              const DecisionOptions& options, WallTime now);

}  // namespace strait::analyzer
