// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "analyzer/grain.hpp"
#include "analyzer/traffic.hpp"
#include "cli/config/configuration.hpp"
#include "exporters/coverage.hpp"
#include "routes/classify.hpp"
#include "routes/model/plan.hpp"
#include "routes/part_index.hpp"
#include "routes/rib.hpp"

namespace strait::cli {

// The parts of the classes that targets are in, as one RIB has them.
struct KnownParts {
  std::vector<analyzer::MeasuredPart> measured;  // none with [analyzer] grain = "region"
  routes::PartIndex index;                       // of the same parts, in the same order
  std::vector<std::string> unplaced;  // targets whose address is in no prefix of their class
};
// `weighed` may be null, as of advise().
[[nodiscard]] KnownParts parts_in(const Configuration& configuration,
                                  std::span<const analyzer::Target> targets, const routes::Rib& rib,
                                  const routes::RibClasses& classes,
                                  const analyzer::Weighed* weighed);

// Of every class that has targets and of the plan, in order of name.
[[nodiscard]] std::vector<exporters::Coverage> coverage_of(
    const Configuration& configuration, std::span<const analyzer::Target> targets,
    const KnownParts& parts, std::span<const analyzer::PartVerdict> verdicts,
    const routes::Rib& rib, const routes::RibClasses& classes, const routes::Plan& plan,
    const analyzer::Weighed* weighed);

// "part-budget": what would go its own way and may not, a note for each class.
void note_left_out(std::span<const analyzer::PartVerdict> parts, std::size_t most,
                   routes::Plan& plan);

}  // namespace strait::cli
