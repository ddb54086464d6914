// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "analyzer/class_judge.hpp"

namespace strait::analyzer {
namespace {

bool surely_less(const Proportion& one, const Proportion& other, double margin) {
  return one.trials > 0 && other.trials > 0 && one.high + margin < other.low;
}

bool can_be_refuge(const Candidate& candidate) {
  const Standing standing = candidate.eligibility.standing;
  return standing == Standing::lossy || standing == Standing::too_few;
}

}  // namespace

bool surely_loses_less(const Candidate& one, const Candidate& other, double margin) {
  const Proportion& span = one.evidence.loss;
  const Proportion& its_span = other.evidence.loss;
  if (surely_less(its_span, span, 0) || surely_less(other.newest_loss, one.newest_loss, 0)) {
    return false;
  }
  return surely_less(one.newest_loss, other.newest_loss, margin) ||
         surely_less(span, its_span, margin);
}

const Candidate* refuge(const ClassView& view, const std::vector<Candidate>& candidates,
                        const Candidate& dead) {
  const Candidate* best = nullptr;
  for (const Candidate& each : candidates) {
    if (&each == &dead || !can_be_refuge(each) ||
        !surely_loses_less(each, dead, view.options.loss_margin)) {
      continue;
    }
    if (best == nullptr || each.newest_loss.value < best->newest_loss.value) best = &each;
  }
  return best;
}

// As routers damp routes (RFC 2439 section 4.2): what a change costs decays with a half-life.
double damping(const ClassView& view, const ClassMemory& memory) {
  const Nanos half_life = view.options.flap_half_life;
  if (half_life <= Nanos{0} || !memory.changed || memory.penalty <= 0) return 1;
  const auto since = static_cast<double>((view.now - *memory.changed).count());
  const double left =
      memory.penalty * std::exp2(-std::max(since, 0.0) / static_cast<double>(half_life.count()));
  return std::min(1 + left, most_times);
}

}  // namespace strait::analyzer
