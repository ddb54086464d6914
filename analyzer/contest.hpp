// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analyzer/class_judge.hpp"

namespace strait::analyzer {

// Who is better than what a class has now, and how clearly.
struct Contest {
  const Candidate* winner = nullptr;   // the clearly better path that the streak is about
  const Candidate* nearest = nullptr;  // the best-ranked path that could be compared
  Advantage winning;
  Advantage near;
  Advantage missing;  // the last that could not be compared

  [[nodiscard]] std::string what_is_missing() const {
    return missing.other == nullptr ? "there is no other eligible path to compare"
                                    : missing.words();
  }
};

// Every eligible path against `incumbent`; null: what BGP uses is not known.
[[nodiscard]] Contest contest(const ClassView& view, const std::vector<Candidate>& candidates,
                              const Candidate* incumbent, const ClassMemory& memory);

// The path that plain BGP uses for the class, or its whole for a part, where that is known.
[[nodiscard]] std::optional<std::string> default_of(const ClassView& view);

}  // namespace strait::analyzer
