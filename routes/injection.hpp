// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "routes/model/path.hpp"
#include "routes/model/path_attributes.hpp"
#include "routes/model/plan.hpp"
#include "routes/rib.hpp"

namespace strait::routes {

// One route of an upstream, to be given to the site's routers again with another local-pref.
struct InjectedRoute {
  Prefix prefix;
  PathAttributes attributes;  // as the upstream offers them: path, next hop and all
};

struct InjectedPreference {
  Preference preference;
  std::vector<InjectedRoute> routes;  // by prefix
};

struct Injection {
  std::vector<InjectedPreference> preferences;  // in the order of the plan's
  std::vector<GuardNote> notes;
};

// What a speaker can give on beside the attributes of RFC 4271, 1997 and 8092.
struct Carries {
  bool only_to_customer = true;  // RFC 9234 section 5: never stripped
};

// The routes that express a plan by injection: of each of its prefixes the route that this very
// upstream offers in the RIB. What guards leave out stays with plain BGP:
//   rib-from-upstream  the upstream does not offer the prefix in this RIB
//   marked-route       carries 65535:0 or 65535:666
//   own-as             the site's own AS is in the path
//   rewritten-path     an AS_SET or a confederation is in the path (RFC 6472; RFC 5065): the path
//                      would not be given on as it came
//   next-hop           none, link-local, or of the other address family
//   otc-lost           carries OTC, and the speaker cannot give it on
// Pure.
[[nodiscard]] Injection injection_of(std::span<const Preference> preferences,
                                     std::span<const Path> paths, const Rib& rib, Asn site_asn,
                                     const Carries& carries = {});

// Of a plan what injection expresses, with a note of each guard that took something out; a
// preference of which nothing is left goes. Pure.
[[nodiscard]] Plan injected_part(Plan plan, std::span<const Path> paths, const Rib& rib,
                                 Asn site_asn, const Carries& carries);

}  // namespace strait::routes
