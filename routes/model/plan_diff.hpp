// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "routes/model/plan.hpp"

namespace strait::routes {

// What a new plan changes for one traffic class at one router session.
struct PreferenceChange {
  std::optional<Preference> before;  // nothing: plain BGP decided
  std::optional<Preference> after;   // nothing: plain BGP will decide
  std::vector<Prefix> added;
  std::vector<Prefix> removed;

  [[nodiscard]] bool changes() const;
};

// By class and session, unchanged ones included. Pure.
[[nodiscard]] std::vector<PreferenceChange> diff(const Plan& before, const Plan& after);

// The same for people: a line a class, and up to ten prefixes on either side. "No change." alone
// when there is none.
[[nodiscard]] std::string diff_text(const Plan& before, const Plan& after);

}  // namespace strait::routes
