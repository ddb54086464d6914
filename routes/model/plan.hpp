// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "core/address.hpp"
#include "core/clock.hpp"
#include "core/strong.hpp"

namespace strait::routes {

// "Prefer this path for this class": the BGP attributes that express one verdict, for prefixes that
// the RIB holds from that very upstream.
struct Preference {
  std::string traffic_class;  // region, such as "europe"
  std::string path;
  std::string protocol;  // the router's session with the path's upstream
  LocalPref local_pref{0};
  std::vector<Prefix> prefixes;  // exact prefixes, sorted, none twice; never a more-specific
  std::string reason;            // the verdict's words and numbers, one line
};

// One thing a guard did: it stopped a preference or dropped prefixes from it, and why.
struct GuardNote {
  std::string guard;  // "rib-from-upstream", "marked-route", "change-budget"
  std::string message;
  bool blocks = false;  // the whole plan must not be applied
};

// All preferences, the evidence they rest on, and what the guards said.
struct Plan {
  std::vector<Preference> preferences;  // by class, then path
  std::string evidence_hash;            // SHA-256 over the evidence and the RIB it was made from
  WallTime made;
  WallTime expires;  // after this the preferences must be withdrawn (fail open)
  std::vector<GuardNote> notes;

  [[nodiscard]] bool blocked() const { return std::ranges::any_of(notes, &GuardNote::blocks); }
};

}  // namespace strait::routes
