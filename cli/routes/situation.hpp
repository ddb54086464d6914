// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "cli/configuration.hpp"
#include "cli/routes/advice.hpp"
#include "cli/routes/command.hpp"
#include "core/clock.hpp"
#include "core/result.hpp"
#include "routes/apply/apply.hpp"
#include "routes/model/plan.hpp"

namespace strait::cli {

// Everything that the commands look at, of one moment.
struct Situation {
  Configuration configuration;
  std::shared_ptr<const KnownRib> rib;           // null: [routes] names none
  std::shared_ptr<const routes::Plan> in_force;  // null: plain BGP
  Advice advice;

  // A plan without preferences stands for plain BGP.
  [[nodiscard]] routes::Plan current() const { return in_force ? *in_force : routes::Plan{}; }
};

// Reads all of it, and decides as `strait run` would; `at`: as it stood then. What is wrong with
// the evidence goes to `progress`.
[[nodiscard]] Result<Situation> look(const RoutesSource& source, std::ostream& progress,
                                     std::optional<WallTime> at = std::nullopt);

// The plan of a situation; an error where there is no RIB.
[[nodiscard]] Result<std::shared_ptr<const routes::Plan>> wanted_plan(const Situation& situation);

// The router of a configuration; an error where there is none.
[[nodiscard]] Result<routes::BirdTarget> bird_of(const Configuration& configuration);

// What guards did, a line each.
[[nodiscard]] std::string notes_text(std::span<const routes::GuardNote> notes);

}  // namespace strait::cli
