// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "core/strong.hpp"
#include "routes/model/injector.hpp"
#include "routes/model/path.hpp"
#include "routes/model/plan.hpp"
#include "routes/rib.hpp"

namespace strait::routes {

// What a dialect may need to know beside the plan.
struct Surroundings {
  Asn site_asn;
  std::span<const Path> paths;  // every session has its part in the text, preferred or not
  const Rib* rib = nullptr;     // of injection: the routes to copy
  std::optional<Injector> injector;
};

// What a plan is in a router's language, and what guards did on the way there.
struct Rendering {
  std::string text;
  std::vector<GuardNote> notes;
};

// A router's language. Equal plans and surroundings give equal bytes. Every dialect raises exact
// prefixes of the sessions that the plan names, lets 65535:0 and 65535:666 alone, decides about no
// route whether it is accepted, and has no word on what is sent to a neighbour (RFC 8212). Words
// from outside stand in comments only, as ASCII without what could end one; names that are not
// letters, digits or one of "_-." are refused.
struct Dialect {
  std::string_view name;    // behind --dialect
  std::string_view router;  // "BIRD 2"
  std::string_view form;    // what the text is, and what it cannot express
  std::string_view
      checker;  // the daemon's own check of a FILE; empty: it has none that we could run
  Result<Rendering> (*render)(const Plan& plan, const Surroundings& around);
};

// The first is the default.
[[nodiscard]] std::span<const Dialect> dialects();
// Null when there is none of that name.
[[nodiscard]] const Dialect* find_dialect(std::string_view name);

}  // namespace strait::routes
