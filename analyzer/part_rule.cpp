// SPDX-License-Identifier: Apache-2.0
#include "analyzer/part_rule.hpp"

#include <fmt/format.h>

namespace strait::analyzer {
namespace {

// Of what the part goes by without a path of its own; null: not known, or no path.
const Candidate* wholes_candidate(const ClassView& view, const std::vector<Candidate>& candidates) {
  const auto& path = view.subject.by_default;
  return path ? find_path(candidates, *path) : nullptr;
}

}  // namespace

std::optional<std::string> no_whole(const ClassView& view,
                                    const std::vector<Candidate>& candidates) {
  const Subject& part = view.subject;
  if (!part.is_part()) return std::nullopt;
  if (!part.by_default) return fmt::format("what {} goes by there is not known", part.whole);
  const Candidate* const wholes = wholes_candidate(view, candidates);
  if (wholes == nullptr) {
    return fmt::format("{} goes by {} there, which is no path", part.whole, *part.by_default);
  }
  const auto& [standing, why] = wholes->eligibility;
  const bool known =
      standing == Standing::eligible || standing == Standing::lossy ||
      (standing == Standing::forbidden && wholes->evidence.adequacy == Adequacy::adequate);
  if (known) return std::nullopt;
  return fmt::format("{} goes by {} there, and of that: {}", part.whole, *part.by_default, why);
}

bool joins_whole(const ClassView& view, const ClassMemory& memory, const Candidate& each) {
  return view.subject.is_part() && memory.path && each.path->name == view.subject.by_default;
}

bool still_apart(const ClassView& view, const Candidate& own, const Candidate& wholes) {
  return advantage(view, own, wholes, view.options.back_factor).clear;
}

const Candidate& first_choice(const ClassView& view, const std::vector<Candidate>& candidates,
                              const ClassMemory& memory) {
  if (!view.subject.is_part() || !memory.path) return candidates.front();
  const Candidate* const wholes = wholes_candidate(view, candidates);
  return wholes != nullptr && wholes->eligible() ? *wholes : candidates.front();
}

std::optional<Advantage> gain_apart(const ClassView& view, const std::vector<Candidate>& candidates,
                                    const Verdict& verdict) {
  if (!view.subject.is_part() || !verdict.path || verdict.path != verdict.previous) {
    return std::nullopt;
  }
  const Candidate* const own = find_path(candidates, *verdict.path);
  const Candidate* const wholes = wholes_candidate(view, candidates);
  if (own == nullptr || wholes == nullptr) return std::nullopt;
  const Advantage by = advantage(view, *own, *wholes, view.options.back_factor);
  return by.compared && !by.by_loss ? std::optional{by} : std::nullopt;
}

}  // namespace strait::analyzer
