// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "analyzer/options.hpp"
#include "analyzer/verdict.hpp"

namespace strait::analyzer {

// What would have to change for another verdict, a sentence each, from the verdict's own numbers.
[[nodiscard]] std::vector<std::string> outlook(const Verdict& verdict,
                                               const DecisionOptions& options);

}  // namespace strait::analyzer
