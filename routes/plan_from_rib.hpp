// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "routes/classify.hpp"
#include "routes/hygiene.hpp"
#include "routes/model/path.hpp"
#include "routes/model/plan.hpp"
#include "routes/regions.hpp"
#include "routes/rib.hpp"
#include "routes/sources/mrt.hpp"

namespace strait::routes {

class PartIndex;
class Preferable;

// One verdict's wish: this path for this class, or for a part of one. The reason goes to the
// router's file. What was measured over IPv4 says nothing about forwarding over IPv6, nor the other
// way round.
struct Wish {
  std::string traffic_class;  // or Part::name
  std::string path;
  std::string reason;
  bool measured_v4 = true;
  bool measured_v6 = true;
};

struct PlanLimits {
  LocalPref local_pref{200};
  std::size_t max_prefixes = 100'000;
  Asn site_asn;
  Problems refuse;                         // routes with any of these are not preferred
  const VrpSet* vrps = nullptr;            // none: no route is rpki-invalid
  const RibClasses* classes = nullptr;     // of this RIB by these regions; none: they are made anew
  const PartIndex* parts = nullptr;        // likewise; none: there are no parts
  const Preferable* preferable = nullptr;  // of these classes and paths; none: it is made anew
};

// The plan that expresses the wishes with prefixes that the RIB holds from that very upstream, and
// what the guards did on the way. A prefix goes by the wish for the finest part it is in, else by
// that for its class; the parts of a class that have one path are one preference. A wish for a part
// holds for the families that it measures:
//   rib-from-upstream  the upstream offers nothing of that class: no preference for it
//   marked-route       prefixes that carry 65535:0 or 65535:666 were left out
//   unmeasured-family  prefixes of an address family in which the class has no target were left out
//   own-as             prefixes whose path from there holds the site's own AS were left out
//   bogon-prefix and the other names of problem_kinds(): prefixes that have the problem and are to
//                      be refused were left out
//   forbidden          the path is forbidden by policy: no preference for it
//   no-session         the path names no router session or neighbour: no preference for it
//   prefix-budget      classes that would take the plan above max_prefixes were left to plain BGP
//   damaged-rib        the dump was not read completely: blocks the plan (see note_damage)
// `evidence_hash`, `made` and `expires` are the caller's to set. Pure.
[[nodiscard]] Plan plan_from_rib(std::span<const Wish> wishes, std::span<const Path> paths,
                                 const Rib& rib, const Regions& regions, const PlanLimits& limits);

// Blocks the plan if the RIB it was made from had damaged records: a hole is not an absence.
void note_damage(const RibReadReport& report, Plan& plan);

}  // namespace strait::routes
