// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analyzer/decision.hpp"
#include "analyzer/evidence.hpp"
#include "analyzer/pin_note.hpp"
#include "analyzer/verdict.hpp"
#include "cli/config/configuration.hpp"
#include "cli/routes/parts.hpp"
#include "core/window.hpp"
#include "routes/model/plan.hpp"
#include "routes/rib.hpp"
#include "routes/sources/mrt.hpp"
#include "routes/sources/rtr_view.hpp"

namespace strait::cli {

// What BGP offers at one moment, and how completely that was read.
struct KnownRib {
  routes::Rib rib;
  routes::RibReadReport report;
  WallTime read;
  std::shared_ptr<const routes::VrpSet> vrps;  // none: not configured, or too old
  std::string rpki_note;                       // what is wrong with them; empty: nothing
};

// The routes alone; they live as long as anybody asks for them. Null for null.
[[nodiscard]] inline std::shared_ptr<const routes::Rib> routes_of(
    const std::shared_ptr<const KnownRib>& known) {
  return known ? std::shared_ptr<const routes::Rib>{known, &known->rib} : nullptr;
}

// Reads what [routes] names: an MRT file, or the tables of a running BIRD. Nothing when it names
// none. `live` is what the caches of [routes] rtr say; null where it names none.
[[nodiscard]] Result<std::shared_ptr<const KnownRib>> read_rib(const Configuration& configuration,
                                                               WallTime now,
                                                               const routes::RtrView* live);

// All that follows from windows and a RIB.
struct Advice {
  std::vector<analyzer::Evidence> newest;    // of the newest slot of time alone
  std::vector<analyzer::Evidence> evidence;  // what the verdicts rest on
  // Of each class, and beneath it of its parts that have a path of their own or just had.
  std::vector<analyzer::Verdict> verdicts;
  std::vector<analyzer::PartVerdict> parts;  // all of them, in the order of `parts_known`
  std::shared_ptr<const KnownParts> parts_known;
  std::vector<exporters::Coverage> coverage;  // none without a RIB
  analyzer::DecisionMemory memory;
  std::shared_ptr<const routes::Plan> plan;  // null without a RIB
  // What of the plan in force neither evidence nor RIB speak against; null without either.
  std::shared_ptr<const routes::Plan> fit;
};

// Pure: the same values give the same advice. `weighed`, if not null, has targets in the place of
// the configuration's, with weights of their own, and the rates of classes. `in_force` is the plan
// that the router has now; what it raised is put back to the router's usual local-pref before
// asking what plain BGP would do.
[[nodiscard]] Advice advise(const Configuration& configuration, std::span<const Window> windows,
                            const KnownRib* rib, const routes::Plan* in_force,
                            const analyzer::DecisionMemory& before, WallTime now,
                            const analyzer::PinNotes& pins = {},
                            const analyzer::Weighed* weighed = nullptr);

// How much of the past a decision looks at.
[[nodiscard]] Nanos look_back(const Configuration& configuration);

}  // namespace strait::cli
