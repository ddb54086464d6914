// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "analyzer/evidence.hpp"
#include "analyzer/options.hpp"
#include "routes/model/plan.hpp"

namespace strait::analyzer {

// SHA-256 over a canonical text of the evidence and of the plan's preferences. Equal evidence and
// equal prefixes give equal hashes; the time of making does not enter.
[[nodiscard]] std::string evidence_hash(std::span<const Evidence> evidence,
                                        const routes::Plan& plan);

// Sets the plan's hash, when it was made and when it expires; a local-pref outside
// [101, max_local_pref] blocks it ("local-pref-bounds").
void seal(routes::Plan& plan, std::span<const Evidence> evidence, const PlanOptions& options,
          WallTime now);

}  // namespace strait::analyzer
