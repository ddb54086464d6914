// SPDX-License-Identifier: Apache-2.0
#include "analyzer/objective.hpp"

#include "analyzer/words.hpp"

namespace strait::analyzer {

std::optional<Objective> read_objective(ConfigTable& table) {
  const auto index = table.choice("objective", {"p50", "p90", "p95", "p99", "jitter", "loss"});
  if (!index) return std::nullopt;
  Objective objective;
  if (*index < reported_quantiles.size()) {
    objective.q = reported_quantiles.at(*index);
  } else {
    objective.aim = *index == reported_quantiles.size() ? Aim::jitter : Aim::loss;
  }
  return objective;
}

std::string to_text(const Objective& objective) {
  if (objective.aim == Aim::delay) return quantile_name(objective.q);
  return objective.aim == Aim::jitter ? "jitter" : "loss";
}

}  // namespace strait::analyzer
