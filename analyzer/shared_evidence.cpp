// SPDX-License-Identifier: Apache-2.0
#include "analyzer/shared_evidence.hpp"

namespace strait::analyzer {

const Comparison& SharedEvidence::compared(const routes::Path& a, const routes::Path& b,
                                           Slot newest, const PairedOptions& options) {
  const auto [found, fresh] =
      comparisons_.try_emplace({.a = &a, .b = &b, .newest = newest, .windows = options.windows});
  if (fresh) found->second = compare(pools_, a.name, b.name, newest, options);
  return found->second;
}

}  // namespace strait::analyzer
