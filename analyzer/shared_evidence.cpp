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

const Comparison& SharedEvidence::compared_without(const Target& target, const routes::Path& a,
                                                   const routes::Path& b, Slot newest,
                                                   const PairedOptions& options) {
  auto& [pools, comparisons] =
      others_
          .try_emplace(&target,
                       Others{.pools = SlotPools{*timeline_, group_, pools_.objective(), &target},
                              .comparisons = {}})
          .first->second;
  const auto [found, fresh] =
      comparisons.try_emplace({.a = &a, .b = &b, .newest = newest, .windows = options.windows});
  if (fresh) found->second = compare(pools, a.name, b.name, newest, options);
  return found->second;
}

}  // namespace strait::analyzer
