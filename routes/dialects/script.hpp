// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "routes/dialects/dialect.hpp"

namespace strait::routes {

// All that one session's routes are raised to one local-pref.
struct Raise {
  LocalPref local_pref{0};
  std::vector<Preference> preferences;  // by class and path, their prefixes sorted
  bool v4 = false;                      // there are prefixes of that family
  bool v6 = false;

  [[nodiscard]] bool has(bool family_v6) const { return family_v6 ? v6 : v4; }
};

// One session of the router.
struct SessionScript {
  std::string protocol;
  std::vector<Address> neighbors;  // sorted, none twice
  std::vector<Raise> raises;       // by local-pref; none: plain BGP
};

// A plan sorted out for routers whose policies hang on sessions.
struct Script {
  std::vector<std::string> head;        // lines of the comment that the file begins with
  std::vector<SessionScript> sessions;  // by protocol; those of the paths and of the plan
  std::size_t prefixes = 0;
};

// Refuses what no router should read: bad names, host bits, lengths that are none. `router` is its
// name in the first line.
[[nodiscard]] Result<Script> script_of(const Plan& plan, const Surroundings& around,
                                       std::string_view router);

// The refusal of a dialect that must know whose routes to raise.
[[nodiscard]] Error no_neighbor(std::string_view router, const SessionScript& session);

// Each line behind `mark`, such as "! ".
[[nodiscard]] std::string comment(std::string_view mark, const std::vector<std::string>& lines);

// What is preferred and why, for people.
[[nodiscard]] std::vector<std::string> words_of(const Preference& preference);

}  // namespace strait::routes
