// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analyzer/class_judge.hpp"

namespace strait::analyzer {

// What parts are judged by besides what holds for classes. Of a class all of it is nothing, false,
// or the first candidate.

// Why a part cannot contradict its whole: what that goes by there is not known, or not measured.
// Nothing: it can.
[[nodiscard]] std::optional<std::string> no_whole(const ClassView& view,
                                                  const std::vector<Candidate>& candidates);

// Whether it is the path of the whole, to a part that goes by another one.
[[nodiscard]] bool joins_whole(const ClassView& view, const ClassMemory& memory,
                               const Candidate& each);

// Whether a part's own path is still clearly better than its whole's, by the thresholds for going
// back: that is what keeps it apart.
[[nodiscard]] bool still_apart(const ClassView& view, const Candidate& own,
                               const Candidate& wholes);

// Where to go from a path that is dead: a part that has lost its own goes by its whole again, if
// that can be.
[[nodiscard]] const Candidate& first_choice(const ClassView& view,
                                            const std::vector<Candidate>& candidates,
                                            const ClassMemory& memory);

// What a part that stays apart gains by it; no wish for a change has to be behind that.
[[nodiscard]] std::optional<Advantage> gain_apart(const ClassView& view,
                                                  const std::vector<Candidate>& candidates,
                                                  const Verdict& verdict);

}  // namespace strait::analyzer
