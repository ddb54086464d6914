// SPDX-License-Identifier: Apache-2.0
#include "analyzer/seal.hpp"

#include <fmt/format.h>

#include "core/digest.hpp"

namespace strait::analyzer {

std::string evidence_hash(std::span<const Evidence> evidence, const routes::Plan& plan) {
  std::string text;
  for (const Evidence& each : evidence) {
    text += fmt::format("evidence {} {} {} {} {} {}\n", each.traffic_class, each.path,
                        each.from.time_since_epoch().count(), each.to.time_since_epoch().count(),
                        each.loss.hits, each.loss.trials);
    for (const Percentile& p : each.rtt) {
      text += fmt::format("{} {} {} {}\n", p.q, p.value.count(), p.low.value_or(Nanos{-1}).count(),
                          p.high.value_or(Nanos{-1}).count());
    }
  }
  for (const routes::Preference& each : plan.preferences) {
    text += fmt::format("preference {} {} {} {}\n", each.traffic_class, each.path, each.protocol,
                        each.local_pref.value());
    for (const Prefix& prefix : each.prefixes) text += to_string(prefix) + "\n";
  }
  return sha256_hex(text);
}

void seal(routes::Plan& plan, std::span<const Evidence> evidence, const PlanOptions& options,
          WallTime now) {
  for (const routes::Preference& each : plan.preferences) {
    if (each.local_pref >= min_local_pref && each.local_pref <= options.max_local_pref) continue;
    plan.notes.push_back(
        {.guard = "local-pref-bounds",
         .message = fmt::format("{}: local-pref {} is not within {} to {}", each.traffic_class,
                                each.local_pref.value(), min_local_pref.value(),
                                options.max_local_pref.value()),
         .blocks = true});
  }
  plan.evidence_hash = evidence_hash(evidence, plan);
  plan.made = now;
  plan.expires = now + options.expiry;
}

}  // namespace strait::analyzer
