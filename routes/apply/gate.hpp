// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "routes/model/modes.hpp"
#include "routes/model/plan.hpp"

namespace strait::routes {

// How often the service has changed a class's path within the last 24 hours.
struct ChangesToday {
  std::uint64_t all = 0;
  std::map<std::string, std::uint64_t, std::less<>> by_class;
};

// By class, its share of the traffic; empty: it is not known.
using TrafficShares = std::map<std::string, double, std::less<>>;

struct GateInputs {
  const Plan& in_force;  // without preferences: plain BGP
  const Plan& wanted;    // what evidence and RIB say now
  const Plan& fit;       // what of `in_force` evidence and RIB do not speak against
  const Modes& modes;
  ChangesToday today;
  TrafficShares traffic;
};

// A plan, divided by what may be done about each class.
struct Passage {
  Plan now;      // all that is to be in force now
  Plan waiting;  // what somebody has to approve first; `expires`: until when that may be
  Plan kept;     // what `now` has of the classes in `waiting`
  std::vector<std::string> changed;  // classes whose path `now` changes
};

// Lets through what the mode of each class allows, and what takes preferences away always: of a
// class that may not have what is wanted, only that stays in force which is wanted too or still
// fit. A change is a path, session or local preference that a class did not have, or that part of
// it takes another of its paths; to follow the RIB on the same one is none, but of a moderated
// class a prefix more waits as well. Pure.
[[nodiscard]] Passage pass(const GateInputs& inputs);

// Whether two plans say the same of the same classes, but for some prefixes (one in twenty of a
// preference) that have come or gone: a full table never stands still.
[[nodiscard]] bool much_the_same(const Plan& a, const Plan& b);

}  // namespace strait::routes
