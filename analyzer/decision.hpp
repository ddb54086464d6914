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
#include "analyzer/options.hpp"
#include "analyzer/pin_note.hpp"
#include "analyzer/verdict.hpp"

namespace strait::analyzer {

// What a decision rests on. Windows of a slot of time must be complete before it is judged.
struct DecisionInputs {
  std::span<const Window> windows;
  Network network;
  // By class, the paths whose upstream offers a feasible route. Nothing: the RIB is not known, and
  // no path is refused for it.
  std::optional<std::map<std::string, std::set<std::string>, std::less<>>> routed;
  // By class, the path that plain BGP would use (our preferences aside), where that is known.
  std::map<std::string, std::string, std::less<>> default_path;
  PinNotes pins;
  // Of captured traffic; a policy's own counts before it. With an initializer few callers name it.
  ClassRates rates = {};  // NOLINT(readability-redundant-member-init)
};

struct Decision {
  std::vector<Verdict> verdicts;  // by class
  DecisionMemory memory;          // for the next decision
};

// One verdict for every class of the targets. Deterministic. Streaks count windows, not calls: each
// slot that has not been judged yet (at most `repeat` of them) is judged in order, so a restart or
// a second call changes nothing. A class that is no longer measured is forgotten.
[[nodiscard]] Decision decide(const DecisionInputs& inputs, const DecisionMemory& before,
                              const DecisionOptions& options, WallTime now);

}  // namespace strait::analyzer
