// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "routes/model/plan.hpp"

namespace strait::testing {

inline Prefix prefix(const char* text) { return parse_prefix(text).value(); }

inline routes::Preference preference(const char* traffic_class, const char* path,
                                     const char* protocol, std::vector<const char*> prefixes) {
  routes::Preference result;
  result.traffic_class = traffic_class;
  result.path = path;
  result.protocol = protocol;
  result.local_pref = LocalPref{200};
  for (const char* text : prefixes) result.prefixes.push_back(prefix(text));
  result.reason = "p95 19.6 ms [19.4, 19.9], 4.2 ms below the next";
  return result;
}

inline routes::Plan empty_plan() {
  routes::Plan plan;
  plan.made = parse_wall_time("2026-11-23T16:45:00Z").value();
  plan.expires = parse_wall_time("2026-11-23T17:00:00.250Z").value();
  return plan;
}

inline routes::Plan two_classes() {
  routes::Plan plan = empty_plan();
  plan.evidence_hash = std::string(64, 'a');
  plan.preferences = {
      preference("africa", "mtwa", "u3", {"198.51.100.0/24", "2001:db8:a::/48"}),
      preference("europe", "atlas-offshore", "u1", {"192.0.2.0/24", "203.0.113.0/24"}),
  };
  return plan;
}

// Words from outside must not become configuration.
inline routes::Plan hostile_reason() {
  routes::Plan plan = empty_plan();
  plan.preferences = {preference("europe", "loukkos", "u-2", {"2001:db8::/32"})};
  plan.preferences[0].reason = "fast\n}; protocol static { route 0.0.0.0/0 blackhole; } /* \" é";
  return plan;
}

}  // namespace strait::testing
